//! What a session knows. `decision` judges and changes it, `saved` writes it down; it is replaced as
//! a whole and never changed in place.

use std::time::Duration;

use crate::auth_token::AuthToken;
use crate::error::Error;
use crate::secret::Secret;

/// All that a session knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) held: Option<Held>,
    pub(crate) trouble: Trouble,
    /// Of user credentials: good for one more auth token, once.
    pub(crate) refresh_token: Option<Secret>,
    /// The last token that a server refused: a store may still hold it.
    pub(crate) invalidated: Option<AuthToken>,
}

/// An auth token and when to do what about it, on the steady clock.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) auth_token: AuthToken,
    pub(crate) requested_at: Duration,
    pub(crate) renew_at: Duration,
    pub(crate) valid_until: Duration,
}

/// What went wrong lately, and until when that keeps us from another attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    /// The last attempt's error, if it failed.
    pub(crate) last_error: Option<Error>,
    /// Failed attempts in a row that may pass by themselves.
    pub(crate) failures: u32,
    /// Refusals in a row of the same credential.
    pub(crate) refusals: u32,
    /// No attempt before.
    pub(crate) not_before: Duration,
    /// The name of the credential that was refused, if one was: `not_before` is for that one alone.
    pub(crate) refused: Option<String>,
    /// The failed attempts of the last hour, oldest first.
    pub(crate) recent: Vec<Duration>,
    /// When this last changed, if it did.
    pub(crate) changed_at: Option<Duration>,
}

impl State {
    /// The token that may be handed out at `now`, if any.
    pub(crate) fn valid(&self, now: Duration) -> Option<&AuthToken> {
        self.held.as_ref().filter(|held| now < held.valid_until).map(|held| &held.auth_token)
    }
}

impl Held {
    /// Whether that state holds the same token.
    pub(crate) fn is_in(&self, state: &State) -> bool {
        state.held.as_ref().is_some_and(|held| held.auth_token.is(&self.auth_token))
    }
}
