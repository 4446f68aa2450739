//! What went wrong, once for all three faces. An [`Error`] is opaque and is asked questions: what
//! kind it is, what the server said, whether and when another attempt may help.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::types::rotation_state::RotationState;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of [`Error`]. Each has one constant in C and one exception class in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument was refused before anything was sent; the message names it.
    InvalidInput,
    /// The credentials were refused.
    Rejected,
    /// A one-time code is due and nobody supplies it.
    MfaRequired,
    /// The account is locked; [`Error::retry_after`] says for how long.
    Locked,
    /// Signed in, but not allowed to do this (HTTP 403).
    Forbidden,
    /// There is no such thing (HTTP 404).
    NotFound,
    /// It clashes with what is there (HTTP 409).
    Conflict,
    /// The server found fault with the request (HTTP 400, 422 and the like); [`Error::api_error`]
    /// has each nested message.
    Validation,
    /// Too many calls (HTTP 429), or delayed locally;
    /// [`Error::retry_after`] says for how long.
    RateLimited,
    /// The server failed (HTTP 5xx).
    Server,
    /// The answer makes no sense.
    Protocol,
    /// No connection, or it broke: refused, reset, DNS.
    Network,
    /// The proxy refused or failed; [`Error::http_status`] is its status, where it sent one.
    Proxy,
    /// The server's certificate was not accepted, or the clock that judges it is wrong.
    Tls,
    /// Our own time limit ran out.
    Timeout,
    /// The caller cancelled.
    Cancelled,
    /// The store failed: disk full, not writable, damaged beyond use.
    Store,
    /// A rotation stopped; [`Error::rotation_state`] says in which state.
    Rotation,
    /// Out of threads, file descriptors or memory.
    Resource,
    /// A fault of this library: a panic that was caught.
    Internal,
}

/// What an error says about another attempt: decided here, for retries, sessions, rotations and
/// events alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    /// It may pass by itself.
    Transient,
    /// emnify wants fewer calls for a while.
    Limited,
    /// The credentials do not work.
    Refused,
    /// The call is wrong, and would be refused again.
    Caller,
    /// Anything else: another attempt will not help, or the caller wants none.
    Other,
}

impl ErrorKind {
    /// Returns what errors of this kind say about another attempt.
    pub(crate) fn class(self) -> ErrorClass {
        match self {
            ErrorKind::Network
            | ErrorKind::Proxy
            | ErrorKind::Resource
            | ErrorKind::Server
            | ErrorKind::Timeout => ErrorClass::Transient,
            ErrorKind::RateLimited | ErrorKind::Locked => ErrorClass::Limited,
            ErrorKind::Rejected | ErrorKind::MfaRequired => ErrorClass::Refused,
            ErrorKind::InvalidInput
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Validation => ErrorClass::Caller,
            ErrorKind::Protocol
            | ErrorKind::Tls
            | ErrorKind::Cancelled
            | ErrorKind::Store
            | ErrorKind::Rotation
            | ErrorKind::Internal => ErrorClass::Other,
        }
    }
}

/// What went wrong, to what, and what to do about it.
///
/// `Display` is one line for a person. It never holds a secret, the query of a URL or the raw body
/// of an answer. Cloning is cheap: all who waited for the same attempt get the same error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    http_status: Option<u16>,
    api_error: Option<ApiError>,
    retry_after: Option<Duration>,
    reach: Reach,
    /// The state that a rotation stopped in, and whether what stopped it may pass by itself.
    rotation: Option<(RotationState, bool)>,
    source: Option<Source>,
}

/// What a function of the caller's failed with.
type Source = Arc<dyn StdError + Send + Sync>;

/// How far a failed attempt came, as far as is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nothing left this machine: no route, DNS, a refused port, no descriptor or thread.
    ThisMachine,
    /// No request reached the server.
    Network,
    /// A request may have reached the server.
    Server,
}

impl Error {
    /// The kind: what a program decides by.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the answer, where there was one.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// What emnify wrote about it, where the answer had an error object.
    pub fn api_error(&self) -> Option<&ApiError> {
        self.0.api_error.as_ref()
    }

    /// How long to wait before another attempt, where the server or this library says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later with nothing changed. It does not say that the call
    /// had no effect: a request that timed out may have been carried out.
    pub fn is_retryable(&self) -> bool {
        match self.0.rotation {
            Some((_, passes)) => passes,
            None => matches!(self.class(), ErrorClass::Transient | ErrorClass::Limited),
        }
    }

    /// Returns what this error says about another attempt.
    pub(crate) fn class(&self) -> ErrorClass {
        match self.kind() {
            // A proxy that refuses will refuse again; one that fails may recover.
            ErrorKind::Proxy if self.http_status().is_some_and(|status| status < 500) => {
                ErrorClass::Other
            }
            kind => kind.class(),
        }
    }

    /// The state that a rotation stopped in, and goes on from when `rotate` is called again.
    pub fn rotation_state(&self) -> Option<RotationState> {
        self.0.rotation.map(|(state, _)| state)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error::of(kind, message.into())
    }

    /// Once for all that go wrong: it is not in a hurry.
    #[cold]
    #[inline(never)]
    fn of(kind: ErrorKind, message: String) -> Self {
        Error(Arc::new(Inner {
            kind,
            message,
            http_status: None,
            api_error: None,
            retry_after: None,
            reach: Reach::Server,
            rotation: None,
            source: None,
        }))
    }

    /// The same as what stopped a rotation in that state.
    pub(crate) fn stopping_rotation(self, state: RotationState, message: String) -> Self {
        let passes = self.is_retryable();
        self.change(|inner| {
            if inner.kind != ErrorKind::Cancelled {
                inner.kind = ErrorKind::Rotation;
            }
            inner.rotation = Some((state, passes));
            inner.message = message;
        })
    }

    /// The same, where what stopped a rotation may pass by itself.
    pub(crate) fn passing(self) -> Self {
        self.change(|inner| {
            inner.rotation = inner.rotation.map(|(state, _)| (state, true));
        })
    }

    /// The same, where it is certain that no request reached the server.
    pub(crate) fn unsent(self) -> Self {
        self.change(|inner| inner.reach = Reach::Network)
    }

    /// The same, where it is certain that nothing left this machine.
    pub(crate) fn local(self) -> Self {
        self.change(|inner| inner.reach = Reach::ThisMachine)
    }

    /// Whether a request may have reached the server.
    pub(crate) fn was_sent(&self) -> bool {
        self.0.reach == Reach::Server
    }

    /// Whether nothing left this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.0.reach == Reach::ThisMachine
    }

    /// Creates the error for a call that its caller cancelled.
    #[cold]
    pub(crate) fn cancelled(action: &str) -> Self {
        Error::new(ErrorKind::Cancelled, format!("cannot {action}: cancelled by the caller"))
    }

    /// The same error with its cause, which a function of the caller's returned.
    pub(crate) fn caused_by(self, source: Box<dyn StdError + Send + Sync>) -> Self {
        self.change(|inner| inner.source = Some(source.into()))
    }

    /// An argument that is refused: `argument` is its name in all three faces.
    pub(crate) fn invalid_input(argument: &str, problem: impl fmt::Display) -> Self {
        Error::new(ErrorKind::InvalidInput, format!("{argument}: {problem}"))
    }

    pub(crate) fn with_http_status(self, status: u16) -> Self {
        self.change(|inner| inner.http_status = Some(status))
    }

    pub(crate) fn with_api_error(self, api_error: Option<ApiError>) -> Self {
        self.change(|inner| inner.api_error = api_error)
    }

    pub(crate) fn with_retry_after(self, wait: Option<Duration>) -> Self {
        self.change(|inner| inner.retry_after = wait)
    }

    /// The same error, with a sentence more for its reader.
    pub(crate) fn with_advice(self, advice: &str) -> Self {
        self.change(|inner| {
            inner.message.push_str("; ");
            inner.message.push_str(advice);
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(self.own());
        self
    }

    #[cold]
    #[inline(never)]
    fn own(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            message,
            http_status,
            api_error,
            retry_after,
            reach: _,
            rotation,
            source: _,
        } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("message", message)
            .field("http_status", http_status)
            .field("api_error", api_error)
            .field("retry_after", retry_after)
            .field("rotation_state", &rotation.map(|(state, _)| state))
            .finish()
    }
}

impl StdError for Error {
    /// Returns the error of a function that the caller supplied, where that failed.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// emnify's own error object: `{"error_code", "error_token", "message", "errors"}`.
///
/// Every field is optional, as servers and gateways differ. The HTTP status and the code do not
/// always agree; [`Error::http_status`] keeps the former.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ApiError {
    /// emnify's number, such as 1400.
    pub error_code: Option<i64>,
    /// emnify's word, such as `InputValidationFailed`.
    pub error_token: Option<String>,
    /// The sentence.
    pub message: Option<String>,
    /// What was wrong in detail, one for each field.
    pub errors: Vec<ApiError>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, text: &dyn fmt::Display| {
            let result = write!(f, "{separator}{text}");
            separator = " ";
            result
        };
        if let Some(message) = &self.message {
            part(f, message)?;
        }
        match (&self.error_token, self.error_code) {
            (Some(token), Some(code)) => part(f, &format_args!("({token}, {code})"))?,
            (Some(token), None) => part(f, &format_args!("({token})"))?,
            (None, Some(code)) => part(f, &format_args!("({code})"))?,
            (None, None) => {}
        }
        for nested in &self.errors {
            part(f, &format_args!("[{nested}]"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
