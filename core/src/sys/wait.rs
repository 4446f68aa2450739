//! How long a caller waits. Network time is the operating system's and real, so it
//! is measured with `Instant` and not with the [`Clock`](crate::Clock).

use std::time::{Duration, Instant};

use crate::types::error::{Error, ErrorKind, Result};

/// A round trip over a cellular network, with a handshake.
const LEAST_FOR_AN_ATTEMPT: Duration = Duration::from_millis(500);

/// A point in time that an operation, with all its attempts and waits, must not pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        let now = Instant::now();
        // A limit beyond what the clock can express is as good as a century.
        let century = Duration::from_secs(100 * 366 * 24 * 3600);
        Deadline { at: now.checked_add(limit).unwrap_or(now + century), limit }
    }

    /// The same, later: time that a person took is not the operation's.
    pub(crate) fn later_by(self, pause: Duration) -> Self {
        Deadline { at: self.at.checked_add(pause).unwrap_or(self.at), ..self }
    }

    /// What is left, if anything.
    pub(crate) fn remaining(&self, action: &str) -> Result<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.error(action)) } else { Ok(left) }
    }

    /// Whether another attempt is worth making after a wait. One that cannot end in time would hide
    /// what went wrong behind its timeout.
    pub(crate) fn has_time_after(&self, wait: Duration) -> bool {
        let left = self.at.saturating_duration_since(Instant::now());
        left.checked_sub(wait).is_some_and(|left| left > LEAST_FOR_AN_ATTEMPT)
    }

    pub(crate) fn error(&self, action: &str) -> Error {
        let message = format!("cannot {action}: no answer within the timeout of {:?}", self.limit);
        Error::new(ErrorKind::Timeout, message)
    }
}
