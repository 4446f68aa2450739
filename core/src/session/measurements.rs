//! What a session counts and remembers for its metrics.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use crate::session::Session;
use crate::types::error::ErrorKind;
use crate::types::status::Status;

/// The kinds of error with which an attempt to sign in can fail.
const KINDS: [ErrorKind; 16] = [
    ErrorKind::InvalidInput,
    ErrorKind::Rejected,
    ErrorKind::MfaRequired,
    ErrorKind::Locked,
    ErrorKind::Forbidden,
    ErrorKind::NotFound,
    ErrorKind::Conflict,
    ErrorKind::Validation,
    ErrorKind::RateLimited,
    ErrorKind::Server,
    ErrorKind::Protocol,
    ErrorKind::Network,
    ErrorKind::Proxy,
    ErrorKind::Tls,
    ErrorKind::Timeout,
    ErrorKind::Resource,
];

#[derive(Debug, Default)]
pub(super) struct Measurements {
    failures: [AtomicU32; KINDS.len()],
    /// When the entry in the store was written, in seconds of the session's clock; 0 if there is
    /// none.
    stored_at: AtomicU32,
}

impl Measurements {
    /// Counts a failed attempt to sign in.
    pub(super) fn failed(&self, kind: ErrorKind) {
        let counters = KINDS.iter().zip(&self.failures);
        for (_, failures) in counters.filter(|(counted, _)| **counted == kind) {
            failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Remembers that the entry in the store was written at that time.
    pub(super) fn stored(&self, at: Duration) {
        let at = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        self.stored_at.store(at, Ordering::Relaxed);
    }
}

/// What the metrics of a session show.
pub(crate) struct Measured {
    pub(crate) status: Status,
    /// On emnify's clock.
    pub(crate) auth_token_expires_at: Option<SystemTime>,
    /// On emnify's clock.
    pub(crate) application_token_expires_at: Option<SystemTime>,
    pub(crate) failures: Vec<(ErrorKind, u32)>,
    /// On this machine's clock.
    pub(crate) stored_at: Option<SystemTime>,
}

impl Session {
    /// Returns what the metrics show. From then on, the background renewals look up when the
    /// application token expires, once a day, if the token itself does not contain that.
    pub(crate) fn measured(&self) -> Measured {
        self.expiry.is_wanted.store(true, Ordering::Relaxed);
        let status = self.status();
        let state = self.state.load();
        let cached = state.cached.as_ref();
        let count =
            |(kind, count): (&ErrorKind, &AtomicU32)| (*kind, count.load(Ordering::Relaxed));
        let Measurements { failures, stored_at } = &self.measurements;
        let stored_at = Some(stored_at.load(Ordering::Relaxed)).filter(|at| *at != 0);
        Measured {
            status,
            auth_token_expires_at: cached.map(|cached| cached.auth_token.expires_at()),
            application_token_expires_at: self.expiry.known(&state.backoff.credential),
            failures: KINDS.iter().zip(failures).map(count).collect(),
            stored_at: stored_at.and_then(|at| self.wall_time_of(Duration::from_secs(at.into()))),
        }
    }
}
