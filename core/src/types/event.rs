//! What happens to a session, for programs and logs.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::types::date;
use crate::types::error::{Error, ErrorClass, ErrorKind};

/// The kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// Signed in.
    Authenticated,
    /// An earlier or another process had signed in, and its auth token was taken from the store.
    Adopted,
    /// An attempt to sign in failed; a valid auth token goes on being handed out.
    RefreshFailed,
    /// The credentials were refused, and are not sent again for a while unless they change.
    Refused,
    /// Too many calls: no attempt is made for a while.
    CoolingDown,
    /// The application token expires within 30 days; told at most once a day.
    ApplicationTokenExpires,
    /// The application token was rotated, by an earlier or another process, and its successor is
    /// used.
    SuccessorFound,
    /// The application token was rotated and the old one goes on working, as
    /// [`RotateOptions::keep_old`](crate::RotateOptions::keep_old) said; the error names its id.
    OldTokenKept,
    /// The store could not be read or written; the session goes on without it.
    StoreTrouble,
    /// The credential file could not be read; its last good content is used, if there is one.
    CredentialTrouble,
}

/// How much an [`Event`] matters, for a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// All is well.
    Info,
    /// Something went wrong that the session copes with, or that passes by itself.
    Warning,
    /// It does not pass by itself: somebody should look.
    Error,
}

/// Something that happened to a session. `Display` is one line for a log; no event holds a secret.
#[derive(Debug, Clone)]
pub struct Event {
    kind: EventKind,
    level: Level,
    error: Option<Error>,
    next_attempt: Option<Duration>,
    expires_at: Option<SystemTime>,
}

impl Event {
    /// What happened: what a program decides by.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Why, where something went wrong.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// How long until the next attempt may be made, where one failed and that is held back.
    pub fn next_attempt(&self) -> Option<Duration> {
        self.next_attempt
    }

    /// When the auth token expires that was got, or the application token that is about to, on the
    /// server's clock.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Something of which there is no more to say.
    pub(crate) fn plain(kind: EventKind) -> Self {
        let level = match kind {
            EventKind::ApplicationTokenExpires => Level::Warning,
            _ => Level::Info,
        };
        Event { kind, level, error: None, next_attempt: None, expires_at: None }
    }

    /// Something that expires then.
    pub(crate) fn expiring(kind: EventKind, expires_at: SystemTime) -> Self {
        Event { expires_at: Some(expires_at), ..Event::plain(kind) }
    }

    /// Something that went wrong, and that the session copes with.
    pub(crate) fn warning(kind: EventKind, error: Error) -> Self {
        Event { error: Some(error), level: Level::Warning, ..Event::plain(kind) }
    }

    /// An attempt that failed.
    pub(crate) fn failed(error: Error, next_attempt: Duration) -> Self {
        let kind = match error.class() {
            ErrorClass::Refused => EventKind::Refused,
            ErrorClass::Limited => EventKind::CoolingDown,
            _ if error.kind() == ErrorKind::InvalidInput => EventKind::CredentialTrouble,
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
            EventKind::Adopted => "took the auth token that an earlier or another process stored",
            EventKind::RefreshFailed => "signing in failed",
            EventKind::Refused => "refused",
            EventKind::CoolingDown => "cooling down",
            EventKind::ApplicationTokenExpires => "the application token expires soon",
            EventKind::SuccessorFound => {
                "the application token was rotated, and its successor is used"
            }
            EventKind::OldTokenKept => "the old application token was kept",
            EventKind::StoreTrouble => "trouble with the store",
            EventKind::CredentialTrouble => "trouble with the credential",
        })?;
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        }
        if let Some(wait) = self.next_attempt {
            write!(f, "; next attempt in {:.0} s", wait.as_secs_f64().ceil())?;
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
    fn what_does_not_pass_by_itself_is_an_error_and_what_is_coped_with_a_warning() {
        let error = |kind| Error::new(kind, "a fault");
        let failed = |kind| Event::failed(error(kind), Duration::ZERO).level();
        for kind in [ErrorKind::Network, ErrorKind::Server, ErrorKind::RateLimited] {
            assert_eq!(failed(kind), Level::Warning, "{kind:?}");
        }
        for kind in [ErrorKind::Rejected, ErrorKind::Tls, ErrorKind::InvalidInput] {
            assert_eq!(failed(kind), Level::Error, "{kind:?}");
        }
        let warning = Event::warning(EventKind::CredentialTrouble, error(ErrorKind::InvalidInput));
        assert_eq!(warning.level(), Level::Warning);
        assert_eq!(Event::plain(EventKind::ApplicationTokenExpires).level(), Level::Warning);
        assert_eq!(Event::plain(EventKind::SuccessorFound).level(), Level::Info);
        assert!(Level::Info < Level::Warning && Level::Warning < Level::Error);
    }
}
