//! When the next attempt to sign in may start after one that failed. Pure functions of what is
//! known of earlier attempts and the time, so that a table of cases can test them.
//!
//! # The schedule
//!
//! The first attempt is never delayed. At least 5 s lie between the starts of two attempts with one
//! credential, except before the one sign-in after a 401 (see `probe`). The table shows what is
//! added to that. n is the number of attempts in a row that failed before, and U(½, 1) is a new
//! random number for each wait:
//!
//! | after | wait before the next attempt | survives a restart |
//! |---|---|---|
//! | network error, timeout, 5xx, any other fault | min(5 s · 2ⁿ, 300 s) · U(½, 1) | no |
//! | 5xx with `Retry-After` | at least `Retry-After`, up to 300 s | no |
//! | a fault of this machine or its link (no route, DNS, refused port, no descriptor or thread, a wrong clock) | min(5 s · 2ⁿ, 30 s) · U(½, 1) | no |
//! | 429 or a locked account, with `Retry-After` | `Retry-After` and up to a fifth more, at most 3,600 s | yes |
//! | 429 without `Retry-After`, the first since a success | 300 s; with a fleet size 300 s + U(0, 4.2 s · size) | yes |
//! | 429 without `Retry-After`, any other | 300 to 3,600 s | yes |
//! | 429 without `Retry-After`, while the auth token is valid and due | U(¼, 1) of what is left of it, or of 3,600 s if more is left; at least 60 s | yes |
//! | a refused application token | 60, 120, 240, 480, then 900 s, or until it changes | yes |
//! | refused user credentials | 60, 300, 600, then 900 s | yes |
//! | a credential file that cannot be read, a one-time code that was not supplied | none | no |
//!
//! `retry_now()` ends all waits except those that survive a restart. n stops growing once the wait
//! has reached its maximum. A valid auth token is handed out during all of these waits.

use std::time::Duration;

use crate::session::state::{Backoff, State, Verdict};
use crate::sign_in::exchange::SIGN_IN;
use crate::types::error::{Error, ErrorClass, ErrorKind};

/// The least time between the starts of two attempts with one credential.
pub(super) const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// After a fault: the first wait, which doubles each time; its maximum; and the maximum after a
/// fault of this machine or its link, since such a fault often ends within seconds.
const BACKOFF: Duration = Duration::from_secs(5);
const BACKOFF_MAX: Duration = Duration::from_secs(300);
const BACKOFF_MAX_LOCAL: Duration = Duration::from_secs(30);

/// emnify counts sign-ins over this time. After it, the sign-ins that used up the limit no longer
/// count, so this is the wait after the first 429 without `Retry-After` since a success: it may have
/// been bad luck.
const WINDOW: Duration = Duration::from_secs(300);

/// The range of later waits: another 429 shows that many clients share the limit.
const NEXT_LIMIT: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3_600));

/// After a 429 for a renewal: the least part of the token's remaining time, or of the longest wait,
/// that is waited. So of many clients whose renewals an outage has delayed, those whose tokens expire
/// first try again first.
const LEAST_PART: f64 = 0.25;
const LEAST_RENEWAL: Duration = Duration::from_secs(60);

/// With the size of the fleet behind one address, the first wait is emnify's window and a random
/// part of the time in which it lets the whole fleet sign in: 3 s for each client, since a window
/// has 100 sign-ins, and two fifths more for attempts in vain.
const FLEET_SHARE: Duration = Duration::from_millis(4_200);

/// The largest fleet, for which the longest wait is 49 days.
pub(crate) const LARGEST_FLEET: u32 = 1_000_000;

/// The longest wait that a server can request with a 429, and the largest part of it that is added
/// at random, because all clients behind the same address wait for the same instant.
const LIMIT_MAX: Duration = Duration::from_secs(3_600);
const LIMIT_JITTER: f64 = 0.2;

/// How long a refused credential is not sent again, unless it changes: at first, after a user's
/// second refusal, and at most. Three refused logins in a row lock a user's account for five
/// minutes, so the third comes at least five minutes after the second.
const REFUSED: Duration = Duration::from_secs(60);
const REFUSED_USER_AGAIN: Duration = Duration::from_secs(300);
const REFUSED_MAX: Duration = Duration::from_secs(15 * 60);

/// An attempt that failed.
pub(crate) struct Failure<'a> {
    pub(crate) error: &'a Error,
    pub(crate) now: Duration,
    /// Whether the credential is a user's, whose account is locked by refusals.
    pub(crate) is_user: bool,
    /// How many clients share the limit, if that is known.
    pub(crate) fleet_size: Option<u32>,
    /// Uniform between 0 and 1.
    pub(crate) draw: f64,
}

/// Whether the error is emnify's verdict on the attempt, which is kept across restarts.
pub(crate) fn is_verdict(error: &Error) -> bool {
    matches!(error.class(), ErrorClass::Refused | ErrorClass::Limited)
}

/// Returns the error for a caller while no attempt may start for `wait`.
pub(super) fn error_while_backing_off(state: &State, wait: Duration) -> Error {
    let advice = format!("the next attempt is possible in {} s", wait.as_secs().max(1));
    match &state.backoff.last_error {
        Some(error) => error.clone().with_advice(&advice),
        None => {
            let interval = MIN_INTERVAL.as_secs();
            let message = format!(
                "cannot {SIGN_IN}: the last attempt started less than {interval} s ago; {advice}"
            );
            Error::new(ErrorKind::RateLimited, message).unsent()
        }
    }
    .with_retry_after(Some(wait))
}

impl Backoff {
    /// Returns until when the result of an earlier attempt delays the next one, if it does.
    pub(crate) fn backing_off(
        &self,
        now: Duration,
        changed: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        self.until(now, self.verdict.refused_until, changed)
    }

    /// Returns until when no attempt may start, if none may, because of the result or the start of
    /// the last one.
    pub(super) fn next_start(
        &self,
        now: Duration,
        changed: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        let interval = self.started_at.map_or(Duration::ZERO, |at| at + MIN_INTERVAL);
        self.until(now, self.verdict.refused_until.max(interval), changed)
    }

    /// Combines all waits. The wait until `own` does not apply if the credential has changed.
    fn until(
        &self,
        now: Duration,
        own: Duration,
        changed: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        let until = self.retry_at.max(self.verdict.limited_until);
        let until = if now < own && !changed() { until.max(own) } else { until };
        Some(until).filter(|until| now < *until)
    }

    /// Returns the back-off after another failure. `renewal` is how long the auth token that was to
    /// be renewed is still valid.
    pub(super) fn after(&self, failure: &Failure<'_>, renewal: Option<Duration>) -> Backoff {
        let Failure { error, now, .. } = *failure;
        let mut backoff = self.clone();
        match error.class() {
            // A one-time code that was not supplied shows nothing about the credential.
            ErrorClass::Refused if !error.was_sent() => return backoff,
            // Reading the credential again costs nothing.
            _ if error.kind() == ErrorKind::InvalidInput => {}
            ErrorClass::Refused => backoff.refuse(failure),
            ErrorClass::Limited => backoff.limit(failure, renewal),
            _ => backoff.fault(failure),
        }
        backoff.last_error = Some(error.clone());
        backoff.changed_at = Some(now);
        backoff
    }

    fn refuse(&mut self, failure: &Failure<'_>) {
        let refusals = self.verdict.refusals;
        let wait = match refusals {
            0 => REFUSED,
            more if failure.is_user => doubled(REFUSED_USER_AGAIN, more - 1, REFUSED_MAX),
            more => doubled(REFUSED, more, REFUSED_MAX),
        };
        self.verdict = Verdict {
            at: Some(failure.now),
            refusals: refusals.saturating_add(1),
            refused_until: failure.now + wait,
            ..self.verdict
        };
    }

    fn limit(&mut self, failure: &Failure<'_>, renewal: Option<Duration>) {
        let rate_limits = self.verdict.rate_limits;
        let wait = match (failure.error.retry_after(), renewal, rate_limits) {
            (Some(wait), ..) => {
                // `Retry-After: 0` must not lead to immediate attempts.
                let wait = wait.max(doubled(BACKOFF, rate_limits, BACKOFF_MAX)).min(LIMIT_MAX);
                wait.mul_f64(1.0 + LIMIT_JITTER * failure.draw).min(LIMIT_MAX)
            }
            (None, Some(left), _) => {
                let most = left.min(LIMIT_MAX);
                between((most.mul_f64(LEAST_PART), most), failure.draw).max(LEAST_RENEWAL)
            }
            (None, None, 0) => match failure.fleet_size {
                Some(size) => WINDOW + (FLEET_SHARE * size).mul_f64(failure.draw),
                None => WINDOW,
            },
            (None, None, _) => between(NEXT_LIMIT, failure.draw),
        };
        self.verdict = Verdict {
            at: Some(failure.now),
            rate_limits: rate_limits.saturating_add(1),
            limited_until: failure.now + wait,
            ..self.verdict
        };
    }

    fn fault(&mut self, failure: &Failure<'_>) {
        let Failure { error, now, draw, .. } = *failure;
        let max = if error.is_local() { BACKOFF_MAX_LOCAL } else { BACKOFF_MAX };
        let wait = doubled(BACKOFF, self.doublings, max);
        if wait < max {
            self.doublings += 1;
        }
        let wait = wait.mul_f64(0.5 + draw / 2.0);
        let wait = wait.max(error.retry_after().unwrap_or_default().min(BACKOFF_MAX));
        let interval = self.started_at.map_or(Duration::ZERO, |at| at + MIN_INTERVAL);
        self.retry_at = interval.max(now + wait);
    }
}

/// Returns `from`, doubled `times` times, but at most `max`.
fn doubled(from: Duration, times: u32, max: Duration) -> Duration {
    from.saturating_mul(1 << times.min(16)).min(max)
}

fn between((from, to): (Duration, Duration), draw: f64) -> Duration {
    from + (to - from).mul_f64(draw)
}

#[cfg(test)]
mod model;
