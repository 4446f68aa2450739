//! Events of a session, for programs and logs.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::types::date;
use crate::types::error::{Error, ErrorClass, ErrorKind};
use crate::types::names::names;

/// The kinds of [`Event`]. `Display` writes a name such as `refresh_failed`.
///
/// ```
/// use emnify_core::{Client, EventKind};
///
/// let builder = Client::builder().observer(|event| match event.kind() {
///     EventKind::ApplicationTokenExpires => eprintln!("rotate the application token: {event}"),
///     EventKind::Refused => eprintln!("replace the application token: {event}"),
///     kind => println!("{kind}: {event}"),
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// The client signed in.
    Authenticated,
    /// The client took a valid auth token from the store, where an earlier or another process had
    /// put it.
    Adopted,
    /// An attempt to sign in failed. The cached auth token is used as long as it is valid.
    RefreshFailed,
    /// emnify refused the credentials, which are not sent again for a while unless they change; or
    /// it requires a one-time code and no [`mfa`](crate::ClientBuilder::mfa) function is set.
    Refused,
    /// emnify received too many calls or locked the account. No attempt is made for a while.
    BackingOff,
    /// The application token expires within 30 days. Reported at most once a day.
    ApplicationTokenExpires,
    /// An earlier or another process rotated the application token. The new token is used.
    SuccessorFound,
    /// The application token was rotated and the old one keeps working, as requested with
    /// [`RotateOptions::keep_old`](crate::RotateOptions::keep_old). The error names its id.
    OldTokenKept,
    /// The store could not be read or written. The session continues without it.
    StoreError,
    /// The credential file could not be read. Its last valid content is used, if there is any.
    CredentialError,
    /// [`create`](crate::ApplicationTokens::create) created an application token that never expires:
    /// if it is stolen, it works until it is revoked.
    CreatedWithoutExpiry,
    /// [`create`](crate::ApplicationTokens::create) created an application token that may be used
    /// from any address.
    CreatedWithoutAddressRestriction,
    /// The refused sign-ins could not be read, or there are too many, so
    /// [`audit`](crate::ApplicationTokens::audit) or
    /// [`failures`](crate::ApplicationTokens::failures) returned what could be read.
    AuditIncomplete,
}

/// The severity of an [`Event`], for a log.
///
/// ```
/// use emnify_core::Level;
///
/// assert!(Level::Info < Level::Warning && Level::Warning < Level::Error);
/// assert_eq!(Level::Warning.to_string(), "warning");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Nothing is wrong.
    Info,
    /// Something failed, but the session recovers from it or works around it.
    Warning,
    /// Something failed and will not recover without a change. A person must act.
    Error,
}

names!(EventKind {
    Authenticated => "authenticated",
    Adopted => "adopted",
    RefreshFailed => "refresh_failed",
    Refused => "refused",
    BackingOff => "backing_off",
    ApplicationTokenExpires => "application_token_expires",
    SuccessorFound => "successor_found",
    OldTokenKept => "old_token_kept",
    StoreError => "store_error",
    CredentialError => "credential_error",
    CreatedWithoutExpiry => "created_without_expiry",
    CreatedWithoutAddressRestriction => "created_without_address_restriction",
    AuditIncomplete => "audit_incomplete",
});

names!(Level {
    Info => "info",
    Warning => "warning",
    Error => "error",
});

/// An event of a session. `Display` is one line for a log. No event contains a secret.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::{EventKind, Level};
///
/// client.authenticate()?;
/// for event in client.take_events() {
///     println!("{event}"); // "signed in, until …"
///     assert_eq!((event.kind(), event.level()), (EventKind::Authenticated, Level::Info));
///     assert!(event.expires_at().is_some()); // that of the auth token
///     assert!(event.error().is_none() && event.next_attempt().is_none()); // set after a failure
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    kind: EventKind,
    level: Level,
    error: Option<Error>,
    next_attempt: Option<Duration>,
    expires_at: Option<SystemTime>,
}

impl Event {
    /// Returns what happened. Programs should decide by this.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Returns the severity.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the error, if something failed.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Returns how long after the event the next attempt to sign in is possible, if an attempt
    /// failed and the next one has to wait.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Duration> {
        self.next_attempt
    }

    /// Returns when the token expires, on the server's clock: the new auth token, or the
    /// application token that expires soon.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Whether both tell the same.
    pub(crate) fn is_like(&self, other: &Event) -> bool {
        let error = |event: &Event| event.error.as_ref().map(Error::to_string);
        (self.kind, self.expires_at) == (other.kind, other.expires_at)
            && error(self) == error(other)
    }

    /// Creates an event without an error or a time.
    pub(crate) fn plain(kind: EventKind) -> Self {
        let level = match kind {
            EventKind::ApplicationTokenExpires
            | EventKind::CreatedWithoutExpiry
            | EventKind::CreatedWithoutAddressRestriction => Level::Warning,
            _ => Level::Info,
        };
        Event { kind, level, error: None, next_attempt: None, expires_at: None }
    }

    /// Creates an event about a token that expires at `expires_at`.
    pub(crate) fn expiring(kind: EventKind, expires_at: SystemTime) -> Self {
        Event { expires_at: Some(expires_at), ..Event::plain(kind) }
    }

    /// Creates an event about an error that the session works around.
    pub(crate) fn warning(kind: EventKind, error: Error) -> Self {
        Event { error: Some(error), level: Level::Warning, ..Event::plain(kind) }
    }

    /// Creates an event about a failed attempt to sign in.
    pub(crate) fn failed(error: Error, next_attempt: Duration) -> Self {
        let kind = match error.class() {
            ErrorClass::Refused => EventKind::Refused,
            ErrorClass::Limited => EventKind::BackingOff,
            _ if error.kind() == ErrorKind::InvalidInput => EventKind::CredentialError,
            _ => EventKind::RefreshFailed,
        };
        let next_attempt = Some(next_attempt).filter(|wait| !wait.is_zero());
        let level = if error.is_retryable() { Level::Warning } else { Level::Error };
        Event { next_attempt, level, ..Event::warning(kind, error) }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            EventKind::Authenticated => "signed in",
            EventKind::Adopted => "using an auth token that an earlier or another process stored",
            EventKind::RefreshFailed => "signing in failed",
            EventKind::Refused => "signing in was refused",
            EventKind::BackingOff => "signing in is paused",
            EventKind::ApplicationTokenExpires => "the application token expires soon",
            EventKind::SuccessorFound => "the application token was rotated; using the new one",
            EventKind::OldTokenKept => "the old application token was kept",
            EventKind::StoreError => "the store failed",
            EventKind::CredentialError => "the credential cannot be read",
            EventKind::CreatedWithoutExpiry => {
                "the new application token never expires; emnify advises to set an expiry date"
            }
            EventKind::CreatedWithoutAddressRestriction => {
                "the new application token may be used from any address; emnify advises to restrict it"
            }
            EventKind::AuditIncomplete => "not all refused sign-ins could be read",
        })?;
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        }
        if let Some(wait) = self.next_attempt {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            write!(f, "; next attempt in {seconds} s")?;
        }
        if let Some(expiry) = self.expires_at.and_then(date::wire) {
            write!(f, ", until {expiry}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_that_need_attention_are_errors_and_those_worked_around_are_warnings() {
        let error = |kind| Error::new(kind, "a fault");
        let failed = |kind| Event::failed(error(kind), Duration::ZERO).level();
        for kind in [ErrorKind::Network, ErrorKind::Server, ErrorKind::RateLimited] {
            assert_eq!(failed(kind), Level::Warning, "{kind:?}");
        }
        for kind in [ErrorKind::Rejected, ErrorKind::Tls, ErrorKind::InvalidInput] {
            assert_eq!(failed(kind), Level::Error, "{kind:?}");
        }
        let warning = Event::warning(EventKind::CredentialError, error(ErrorKind::InvalidInput));
        assert_eq!(warning.level(), Level::Warning);
        assert_eq!(Event::plain(EventKind::ApplicationTokenExpires).level(), Level::Warning);
        assert_eq!(Event::plain(EventKind::SuccessorFound).level(), Level::Info);
        assert!(Level::Info < Level::Warning && Level::Warning < Level::Error);
    }
}
