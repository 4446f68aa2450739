//! The error type of all three faces. An [`Error`] is opaque; its methods return its kind, which
//! part failed, what the server reported, and whether and when another attempt may help.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::types::rotation_state::RotationState;

mod api_error;
mod kind;
mod show;

pub use api_error::ApiError;
pub(crate) use kind::ErrorClass;
pub use kind::{ErrorKind, ErrorReason};

/// `Result` with this crate's [`Error`].
///
/// ```
/// fn organisation_id(client: &emnify_core::Client) -> emnify_core::Result<Option<u64>> {
///     Ok(client.authenticate()?.organisation_id())
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: what failed, on what, why, and what to do.
///
/// `Display` is one line for a person. It never contains a secret, the query of a URL or the raw
/// body of a response. Cloning is cheap: all callers that waited for the same attempt get the same
/// error.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::{ErrorKind, Method};
///
/// let error = client.request(Method::Get, "/api/v1/sim/1").send().unwrap_err();
/// eprintln!("{error}"); // what failed, on what, why, and what to do
/// assert_eq!(error.kind(), ErrorKind::NotFound); // decide by this
/// assert_eq!(error.http_status(), Some(404));
/// assert_eq!(error.reason(), None); // set if no response came
/// assert!(!error.is_retryable() && error.retry_after().is_none());
/// assert_eq!(error.rotation_state(), None); // set if a rotation stopped
/// println!("{:?}", error.api_error()); // what the server wrote
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    reason: Option<ErrorReason>,
    message: String,
    http_status: Option<u16>,
    api_error: Option<ApiError>,
    retry_after: Option<Duration>,
    reach: Reach,
    /// The state in which a rotation stopped, and whether the cause may be temporary.
    rotation: Option<(RotationState, bool)>,
    source: Option<Source>,
    io_error: Option<Arc<io::Error>>,
}

/// A cause that the message does not quote, or the error of a function that the caller supplied.
type Source = Arc<dyn StdError + Send + Sync>;

/// How far the request of a failed attempt may have come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The fault is this machine's or its link's: no route, DNS, a closed port, no descriptor or
    /// thread, a clock that was not set.
    ThisMachine,
    /// No request reached the server.
    Network,
    /// A request may have reached the server.
    Server,
}

impl Error {
    /// Returns the kind of the error. Programs should decide by this.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns which part of the exchange failed, if that is known. Technicians should look there
    /// first.
    #[must_use]
    pub fn reason(&self) -> Option<ErrorReason> {
        self.0.reason
    }

    /// Returns the HTTP status of the response, if there was a response.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// Returns emnify's error object, if the response had one.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        self.0.api_error.as_ref()
    }

    /// Returns the operating system's error, if one caused this: a port that refused the connection,
    /// a full disk. The message quotes it.
    ///
    /// ```
    /// use std::io;
    ///
    /// let client = emnify_core::Client::builder().application_token_file("/nonexistent").build()?;
    /// let error = client.authenticate().unwrap_err();
    /// assert_eq!(error.io_error().map(io::Error::kind), Some(io::ErrorKind::NotFound));
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        self.0.io_error.as_deref()
    }

    /// Returns how long to wait before another attempt, if the server or this library sets a wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later without a change. The failed call may still have had
    /// an effect: the server may have processed a request that timed out.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.0.rotation {
            Some((_, is_temporary)) => is_temporary,
            None => matches!(self.class(), ErrorClass::Transient | ErrorClass::Limited),
        }
    }

    /// Returns whether another attempt may help after this error.
    pub(crate) fn class(&self) -> ErrorClass {
        match self.kind() {
            // A proxy that refuses will refuse again; one that fails may recover.
            ErrorKind::Proxy if self.http_status().is_some_and(|status| status < 500) => {
                ErrorClass::Other
            }
            // Unlike a certificate, a clock is corrected by NTP.
            ErrorKind::Tls if self.reason() == Some(ErrorReason::Clock) => ErrorClass::Transient,
            kind => kind.class(),
        }
    }

    /// Returns the state in which a rotation stopped. The next call of `rotate` continues from it.
    #[must_use]
    pub fn rotation_state(&self) -> Option<RotationState> {
        self.0.rotation.map(|(state, _)| state)
    }

    /// Creates an error for a test of your own code.
    ///
    /// ```
    /// use emnify_core::{Error, ErrorKind};
    ///
    /// let error = Error::for_tests(ErrorKind::Network, "cannot sign in: the link is down");
    /// assert!(error.is_retryable());
    /// ```
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn for_tests(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error::new(kind, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error::of(kind, message.into())
    }

    /// Not generic, so that the code is in the binary once.
    #[cold]
    #[inline(never)]
    fn of(kind: ErrorKind, message: String) -> Self {
        Error(Arc::new(Inner {
            kind,
            reason: None,
            message,
            http_status: None,
            api_error: None,
            retry_after: None,
            reach: Reach::Server,
            rotation: None,
            source: None,
            io_error: None,
        }))
    }

    /// Turns the error into the one of a rotation that stopped in `state`.
    pub(crate) fn stopping_rotation(self, state: RotationState, message: String) -> Self {
        let is_temporary = self.is_retryable();
        self.change(|inner| {
            if inner.kind != ErrorKind::Cancelled {
                inner.kind = ErrorKind::Rotation;
            }
            inner.rotation = Some((state, is_temporary));
            inner.message = message;
        })
    }

    /// Marks what stopped the rotation as temporary.
    pub(crate) fn passing(self) -> Self {
        self.change(|inner| {
            inner.rotation = inner.rotation.map(|(state, _)| (state, true));
        })
    }

    /// Marks that no request reached the server.
    pub(crate) fn unsent(self) -> Self {
        self.change(|inner| inner.reach = Reach::Network)
    }

    /// Marks that the fault is this machine's, and no request was sent.
    pub(crate) fn local(self) -> Self {
        self.change(|inner| inner.reach = Reach::ThisMachine)
    }

    /// Whether a request may have reached the server.
    pub(crate) fn was_sent(&self) -> bool {
        self.0.reach == Reach::Server
    }

    /// Whether the fault is this machine's.
    pub(crate) fn is_local(&self) -> bool {
        self.0.reach == Reach::ThisMachine
    }

    /// Creates the error for a call that its caller cancelled.
    #[cold]
    pub(crate) fn cancelled(action: &str) -> Self {
        Error::new(ErrorKind::Cancelled, format!("cannot {action}: cancelled by the caller"))
    }

    /// Sets the source. Its text must contain no secret of ours.
    pub(crate) fn caused_by(self, source: Box<dyn StdError + Send + Sync>) -> Self {
        self.change(|inner| inner.source = Some(source.into()))
    }

    /// Sets the operating system's error, which the message quotes.
    pub(crate) fn with_io_error(self, error: &io::Error) -> Self {
        self.change(|inner| inner.io_error = Some(Arc::new(copy(error))))
    }

    /// Creates the error for an invalid argument. `argument` is its name in all three faces.
    pub(crate) fn invalid_input(argument: &str, problem: impl fmt::Display) -> Self {
        Error::new(ErrorKind::InvalidInput, format!("{argument}: {problem}"))
    }

    pub(crate) fn with_reason(self, reason: impl Into<Option<ErrorReason>>) -> Self {
        self.change(|inner| inner.reason = reason.into())
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

    /// Appends advice to the message.
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

/// Returns a copy of the operating system's error, which cannot be cloned.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests;
