//! What happens to a session, for programs and logs. Events that happen in the background are kept
//! until a caller comes by, and handed over on that caller's thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::sys::per_process::PerProcess;
use crate::types::date;
use crate::types::error::{Error, ErrorKind};

/// Who does not call for long is told the last of what happened.
const MOST_KEPT: usize = 64;

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
    pub(crate) fn trouble(kind: EventKind, error: Error) -> Self {
        Event { error: Some(error), level: Level::Warning, ..Event::plain(kind) }
    }

    /// An attempt that failed.
    pub(crate) fn failed(error: Error, next_attempt: Duration) -> Self {
        use ErrorKind::{InvalidInput, Locked, MfaRequired, RateLimited, Rejected};
        let kind = match error.kind() {
            Rejected | MfaRequired => EventKind::Refused,
            RateLimited | Locked => EventKind::CoolingDown,
            InvalidInput => EventKind::CredentialTrouble,
            _ => EventKind::RefreshFailed,
        };
        let next_attempt = Some(next_attempt).filter(|wait| !wait.is_zero());
        let level = if error.is_retryable() { Level::Warning } else { Level::Error };
        Event { next_attempt, level, ..Event::trouble(kind, error) }
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

/// Who is told. It is called on the thread of whoever calls the client, with no lock held, and may
/// call the client itself.
pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Events on their way to the observer.
pub(crate) struct Events {
    observer: Option<Observer>,
    is_asked_for: bool,
    /// Saves all callers but the first after an event the way to the queue.
    waiting: AtomicBool,
    queue: PerProcess<Mutex<VecDeque<Event>>>,
}

impl Events {
    pub(crate) fn new(observer: Option<Observer>, is_asked_for: bool) -> Self {
        let (waiting, queue) = (AtomicBool::new(false), PerProcess::new());
        Events { observer, is_asked_for, waiting, queue }
    }

    /// Those of another session, for the same observer.
    pub(crate) fn for_another(&self) -> Self {
        Events::new(self.observer.clone(), self.is_asked_for)
    }

    /// Whether somebody wants to know what emnify would have to be asked for.
    pub(crate) fn are_asked_for(&self) -> bool {
        self.is_asked_for
    }

    /// Keeps the event until [`Events::deliver`].
    pub(crate) fn push(&self, event: Event) {
        if self.observer.is_none() {
            return;
        }
        let mut queue = self.queue().lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= MOST_KEPT {
            queue.pop_front();
        }
        queue.push_back(event);
        self.waiting.store(true, Ordering::Release);
    }

    /// Hands what happened to the observer, on this thread.
    pub(crate) fn deliver(&self) {
        if !self.waiting.load(Ordering::Relaxed) || !self.waiting.swap(false, Ordering::Acquire) {
            return;
        }
        let Some(observer) = &self.observer else { return };
        let events =
            std::mem::take(&mut *self.queue().lock().unwrap_or_else(PoisonError::into_inner));
        for event in &events {
            observer(event);
        }
    }

    fn queue(&self) -> &Mutex<VecDeque<Event>> {
        self.queue.get_or_init(|| Mutex::new(VecDeque::new()))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_wait_for_a_caller_and_are_delivered_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observer = {
            let seen = Arc::clone(&seen);
            Arc::new(move |event: &Event| seen.lock().unwrap().push(event.to_string())) as Observer
        };
        let events = Events::new(Some(observer), true);
        for _ in 0..MOST_KEPT + 1 {
            events.push(Event::expiring(EventKind::Authenticated, SystemTime::UNIX_EPOCH));
        }
        assert!(seen.lock().unwrap().is_empty());
        events.deliver();
        events.deliver();
        assert_eq!(seen.lock().unwrap().len(), MOST_KEPT);
    }

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
        let trouble = Event::trouble(EventKind::CredentialTrouble, error(ErrorKind::InvalidInput));
        assert_eq!(trouble.level(), Level::Warning);
        assert_eq!(Event::plain(EventKind::ApplicationTokenExpires).level(), Level::Warning);
        assert_eq!(Event::plain(EventKind::SuccessorFound).level(), Level::Info);
        assert!(Level::Info < Level::Warning && Level::Warning < Level::Error);
    }
}
