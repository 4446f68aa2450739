//! A function of the program that returns the application token, for example from a secret manager.
//! Like a file it is read at each sign-in, and while it fails, its last good result is used.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::api::validate;
use crate::http::status_error;
use crate::sign_in::exchange;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// Returns the application token.
pub(crate) type ReadToken =
    Arc<dyn Fn() -> Result<Secret, Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// The error of a function that can only be called for a call of the program, and not in the
/// background. Its last result is used; if there is none, a call takes the attempt over.
#[derive(Debug)]
pub struct NeedsCaller;

impl fmt::Display for NeedsCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("needs a call")
    }
}

impl StdError for NeedsCaller {}

/// A function that returns the application token.
pub(crate) struct TokenSource {
    read: ReadToken,
    last_good: LastGood,
}

impl TokenSource {
    pub(crate) fn new(read: ReadToken) -> Self {
        TokenSource { read, last_good: LastGood::default() }
    }

    /// Reads the token. If that fails, returns the last good one and the error.
    pub(crate) fn token(&self) -> Result<(Secret, Option<Error>)> {
        const NAME: &str = "application_token_source";
        let read = (self.read)();
        if read.as_ref().is_err_and(|error| error.is::<NeedsCaller>()) {
            return match self.last_good.get() {
                Some(token) => Ok((token, None)),
                None => Err(exchange::needs_caller(NAME)),
            };
        }
        let token = read.map_err(|error| {
            let why = status_error::clean(&error.to_string(), &[]);
            Error::invalid_input(NAME, why).caused_by(error)
        });
        let checked = |token| validate::application_token(NAME, &token).map(|()| token);
        self.last_good.or(token.and_then(checked))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

/// The last application token that could be read.
#[derive(Debug, Default)]
pub(crate) struct LastGood(ArcSwapOption<Secret>);

impl LastGood {
    /// Keeps the token that was read. If reading failed, returns the last good one and the error.
    pub(crate) fn or(&self, read: Result<Secret>) -> Result<(Secret, Option<Error>)> {
        match (read, self.get()) {
            (Ok(token), _) => {
                self.0.store(Some(Arc::new(token.clone())));
                Ok((token, None))
            }
            (Err(error), Some(token)) => Ok((token, Some(error))),
            (Err(error), None) => Err(error),
        }
    }

    fn get(&self) -> Option<Secret> {
        self.0.load_full().map(|token| Secret::clone(&token))
    }
}
