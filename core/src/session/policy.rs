//! The decision: what to hand out, whether to sign in, and when next. Pure functions of the
//! session's state and the time, so that a table of cases can test them; `session` carries out
//! what is decided here.
//!
//! # The schedule
//!
//! The first attempt is never delayed. Between the starts of two attempts with one credential lie
//! at least 5 s, except before the one sign-in after a 401 (see `probe`). Beyond that, with n the
//! number of attempts that failed in a row before and U(½, 1) drawn anew each time:
//!
//! | after | wait before the next attempt | a restart keeps it |
//! |---|---|---|
//! | network error, timeout, 5xx, any other fault | min(5 s · 2ⁿ, 300 s) · U(½, 1) | no |
//! | 5xx with `Retry-After` | that long, up to 300 s, if it is longer | no |
//! | a fault that never left this machine (no route, DNS, refused port, no descriptor or thread) | min(5 s · 2ⁿ, 30 s) · U(½, 1) | no |
//! | a TLS failure while the wall clock was never set | likewise | no |
//! | 429 or a locked account, with `Retry-After` | that long and up to a fifth more, at most 3,600 s | yes |
//! | 429 without `Retry-After`, the first since a success | 60 to 300 s | yes |
//! | 429 without `Retry-After`, any other | 300 to 3,600 s | yes |
//! | an application token that is refused | 60, 120, 240, 480, then 900 s, or until it changes | yes |
//! | user credentials that are refused | 60, 300, 600, then 900 s | yes |
//! | a credential file that cannot be read, a one-time code that was not supplied | none | no |
//!
//! `retry_now()` ends all waits but those that a restart keeps. n stops growing once the wait has
//! reached its longest. A valid auth token is handed out during any of these waits.

use std::time::{Duration, SystemTime};

use crate::session::probe::{After401, Probe};
use crate::session::state::{Backoff, CachedToken, Refresh, State, Verdict};
use crate::sys::clock::is_before_release;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorClass, ErrorKind};

/// An auth token is renewed from a point on that is drawn between these parts of its lifetime, so
/// that a fleet which started at once does not renew at once.
const RENEW_FROM: f64 = 0.5;
const RENEW_UNTIL: f64 = 0.8;

/// In the last part of its life a token is renewed before it is handed out: at most so long before
/// it expires, or a tenth of its lifetime.
const LAST_MINUTE: Duration = Duration::from_secs(60);

/// How often a call, or a caller without a token, tries again what may pass by itself: attempts in
/// all, within the timeout.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// Between the starts of two attempts with one credential.
const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// After a fault: the first wait, doubled each time; the longest, and the longest where the fault
/// never left this machine, since such a fault often ends within seconds.
const BACKOFF: Duration = Duration::from_secs(5);
const BACKOFF_MAX: Duration = Duration::from_secs(300);
const BACKOFF_MAX_LOCAL: Duration = Duration::from_secs(30);

/// After a 429 that does not say for how long: emnify's window is 300 s. The first since a success
/// may be a chance hit; another one says that many share the limit.
const FIRST_LIMIT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));
const NEXT_LIMIT: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3_600));

/// The longest wait that a server can ask for with a 429, and what is added at most to one that it
/// asked for: all who share the address wait for the same instant.
const LIMIT_MAX: Duration = Duration::from_secs(3_600);
const LIMIT_JITTER: f64 = 0.2;

/// A refused credential is not sent again for so long, unless it changes. Three refused logins in a
/// row lock a user's account for five minutes: the third comes no sooner than that after the
/// second.
const REFUSED: Duration = Duration::from_secs(60);
const REFUSED_USER_AGAIN: Duration = Duration::from_secs(300);
const REFUSED_MAX: Duration = Duration::from_secs(15 * 60);

impl CachedToken {
    /// `draw` is uniform between 0 and 1.
    pub(crate) fn new(
        auth_token: AuthToken,
        credential: &str,
        requested_at: Duration,
        draw: f64,
    ) -> Self {
        let lifetime = auth_token.claims().lifetime();
        let part = RENEW_FROM + (RENEW_UNTIL - RENEW_FROM) * draw;
        CachedToken {
            auth_token,
            credential: credential.to_owned(),
            requested_at,
            renew_at: requested_at + lifetime.mul_f64(part),
            valid_until: requested_at + lifetime,
            is_reported: false,
        }
    }

    fn last_minute(&self) -> Duration {
        let lifetime = self.valid_until.saturating_sub(self.requested_at);
        self.valid_until.saturating_sub(LAST_MINUTE.min(lifetime / 10))
    }
}

/// What to do for a caller who asks for an auth token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Hand out the cached token.
    HandOut,
    /// Hand out the cached token, and see that another is fetched meanwhile.
    HandOutAndRenew,
    /// Fetch another; if that fails, hand out the cached one.
    RenewFirst,
    /// Nothing to hand out: fetch one.
    Fetch,
    /// Nothing to hand out, and no attempt before that point of the steady clock.
    BackingOff(Duration),
}

/// An attempt that failed.
pub(crate) struct Failure<'a> {
    pub(crate) error: &'a Error,
    pub(crate) now: Duration,
    pub(crate) wall: SystemTime,
    /// Whether the credential is a user's, whose account refusals lock.
    pub(crate) is_user: bool,
    /// Uniform between 0 and 1.
    pub(crate) draw: f64,
}

impl State {
    /// Decides at `now`. `changed` tells whether the credential is another than the one that was
    /// refused; it is called only where that matters.
    pub(crate) fn decide(&self, now: Duration, changed: impl FnOnce() -> bool) -> Decision {
        match &self.cached {
            Some(cached) if now < cached.renew_at && !cached.is_reported => Decision::HandOut,
            Some(cached) if now < cached.valid_until => {
                let backing_off = match cached.is_reported {
                    true => self.start_after_401(now, changed),
                    false => self.backoff.next_start(now, changed),
                };
                match backing_off {
                    Some(_) => Decision::HandOut,
                    None if cached.is_reported => Decision::RenewFirst,
                    None if now < cached.last_minute() => Decision::HandOutAndRenew,
                    None => Decision::RenewFirst,
                }
            }
            _ => match self.backoff.next_start(now, changed) {
                Some(until) => Decision::BackingOff(until),
                None => Decision::Fetch,
            },
        }
    }

    /// Decides for a call that needs another token than this one, which got a 401.
    pub(crate) fn decide_instead_of(&self, refused: &AuthToken, now: Duration) -> Decision {
        if !self.valid(now).is_some_and(|cached| cached.is(refused)) {
            return self.decide(now, || false);
        }
        match self.start_after_401(now, || false) {
            Some(until) => Decision::BackingOff(until),
            None => Decision::Fetch,
        }
    }

    /// When a sign-in after a 401 may start, if not now. The first since the token came does not
    /// wait for the interval; another one does, as if it were for any other reason.
    fn start_after_401(&self, now: Duration, changed: impl FnOnce() -> bool) -> Option<Duration> {
        let requested_at = self.cached.as_ref().map(|cached| cached.requested_at);
        match self.backoff.started_at > requested_at {
            true => self.backoff.next_start(now, changed),
            false => self.backoff.backing_off(now, changed),
        }
    }

    /// Decides what a call does whose token got a 401.
    pub(crate) fn after_401(&self, refused: &AuthToken, now: Duration) -> After401 {
        let is_cached = self.valid(now).is_some_and(|cached| cached.is(refused));
        self.probe.decide(is_cached, now)
    }

    /// When an attempt starts, or when its caller has left: then the one before is the last.
    pub(crate) fn starting(&self, at: Option<Duration>) -> State {
        let backoff = Backoff { started_at: at, ..self.backoff.clone() };
        State { backoff, ..self.clone() }
    }

    /// After an attempt that brought a token.
    pub(crate) fn succeeded(&self, cached: CachedToken, refresh: Refresh, now: Duration) -> State {
        let backoff = Backoff {
            credential: self.backoff.credential.clone(),
            started_at: self.backoff.started_at,
            changed_at: Some(now),
            verdict: Verdict { at: Some(now), ..Verdict::default() },
            ..Backoff::default()
        };
        State { cached: Some(cached), backoff, refresh, probe: self.probe_after_renewal(now) }
    }

    /// After an attempt that failed.
    pub(crate) fn failed(&self, failure: &Failure<'_>) -> State {
        State { backoff: self.backoff.after(failure), ..self.clone() }
    }

    /// After the program reported a 401 for the token: callers wait for one attempt to replace it,
    /// if it is still the cached one and it is time for that.
    pub(crate) fn reported(&self, auth_token: &AuthToken, now: Duration) -> Option<State> {
        if self.after_401(auth_token, now) != After401::SignIn {
            return None;
        }
        let cached = self.cached.clone().map(|cached| CachedToken { is_reported: true, ..cached });
        Some(State { cached, ..self.clone() })
    }

    /// After an attempt to replace a reported token that failed: it is handed out as before.
    pub(crate) fn unreported(&self) -> Option<State> {
        let cached = self.cached.as_ref().filter(|cached| cached.is_reported)?;
        let cached = CachedToken { is_reported: false, ..cached.clone() };
        Some(State { cached: Some(cached), ..self.clone() })
    }

    /// What is known of sign-ins after a 401, once another token takes the cached one's place.
    pub(crate) fn probe_after_renewal(&self, now: Duration) -> Probe {
        match &self.cached {
            Some(cached) if cached.is_reported => self.probe.unconfirmed(now),
            _ => self.probe,
        }
    }

    /// When the program knows that a fault is over. What emnify said stands.
    pub(crate) fn retrying_now(&self) -> State {
        let Backoff { credential, last_error, changed_at, verdict, .. } = self.backoff.clone();
        let last_error = last_error.filter(is_verdict);
        let backoff = Backoff { credential, last_error, changed_at, verdict, ..Backoff::default() };
        State { backoff, ..self.clone() }
    }

    /// Before the refresh token is sent, which spends it whatever comes back.
    pub(crate) fn spending(&self, now: Duration) -> State {
        State { refresh: Refresh { token: None, changed_at: Some(now) }, ..self.clone() }
    }
}

/// Whether the error is what emnify said about the attempt, and so outlives the process.
pub(crate) fn is_verdict(error: &Error) -> bool {
    matches!(error.class(), ErrorClass::Refused | ErrorClass::Limited)
}

impl Backoff {
    /// Until when an earlier attempt's outcome delays the next, if it does.
    pub(crate) fn backing_off(
        &self,
        now: Duration,
        changed: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        self.until(now, self.verdict.refused_until, changed)
    }

    /// Until when no attempt may start, if none may: because of the last one's outcome or start.
    fn next_start(&self, now: Duration, changed: impl FnOnce() -> bool) -> Option<Duration> {
        let interval = self.started_at.map_or(Duration::ZERO, |at| at + MIN_INTERVAL);
        self.until(now, self.verdict.refused_until.max(interval), changed)
    }

    /// `own` ends early where the credential is another by now.
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

    fn after(&self, failure: &Failure<'_>) -> Backoff {
        let Failure { error, now, .. } = *failure;
        let mut backoff = self.clone();
        match error.class() {
            // A one-time code that was not supplied says nothing about the credential.
            ErrorClass::Refused if !error.was_sent() => return backoff,
            // Reading the credential again costs nothing.
            _ if error.kind() == ErrorKind::InvalidInput => {}
            ErrorClass::Refused => backoff.refuse(failure),
            ErrorClass::Limited => backoff.limit(failure),
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

    fn limit(&mut self, failure: &Failure<'_>) {
        let rate_limits = self.verdict.rate_limits;
        let wait = match (failure.error.retry_after(), rate_limits) {
            (Some(wait), _) => {
                // A wait of nothing is none.
                let wait = wait.max(doubled(BACKOFF, rate_limits, BACKOFF_MAX)).min(LIMIT_MAX);
                wait.mul_f64(1.0 + LIMIT_JITTER * failure.draw).min(LIMIT_MAX)
            }
            (None, 0) => between(FIRST_LIMIT, failure.draw),
            (None, _) => between(NEXT_LIMIT, failure.draw),
        };
        self.verdict = Verdict {
            at: Some(failure.now),
            rate_limits: rate_limits.saturating_add(1),
            limited_until: failure.now + wait,
            ..self.verdict
        };
    }

    fn fault(&mut self, failure: &Failure<'_>) {
        let Failure { error, now, wall, draw, .. } = *failure;
        let clock_unset = error.kind() == ErrorKind::Tls && is_before_release(wall);
        let max = match error.is_local() || clock_unset {
            true => BACKOFF_MAX_LOCAL,
            false => BACKOFF_MAX,
        };
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

/// `from`, doubled so many times, at most `max`.
fn doubled(from: Duration, times: u32, max: Duration) -> Duration {
    from.saturating_mul(1 << times.min(16)).min(max)
}

fn between((from, to): (Duration, Duration), draw: f64) -> Duration {
    from + (to - from).mul_f64(draw)
}

#[cfg(test)]
mod outages;

#[cfg(test)]
mod tests;
