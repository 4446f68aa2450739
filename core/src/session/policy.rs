//! Decides whether to hand out the cached token, and whether to sign in. Pure functions of the
//! session's state and the time, so that a table of cases can test them. `session` carries out the
//! decisions, and `backoff` says when an attempt may start after one that failed.

use std::time::Duration;

use crate::session::backoff::{Failure, is_verdict};
use crate::session::probe::{After401, Probe};
use crate::session::state::{Backoff, CachedToken, Refresh, State, Verdict};
use crate::types::auth_token::AuthToken;
use crate::types::secret::Secret;

/// An auth token is due for renewal from a point that is drawn at random between these parts of its
/// lifetime, so that a fleet which started at the same time does not renew at the same time. Of four
/// hours, an hour is left to get over an outage.
const RENEW_FROM: f64 = 0.5;
const RENEW_UNTIL: f64 = 0.75;

/// For this long before its expiry, or for the last tenth of a shorter lifetime, a token is renewed
/// before it is handed out.
const LAST_MINUTE: Duration = Duration::from_secs(60);

/// The number of attempts in all for a call, or for a caller without a token, after temporary
/// failures and within the timeout.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

impl CachedToken {
    /// Creates it with its point of renewal; `draw` is uniform between 0 and 1.
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

/// The auth token that a caller needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need<'a> {
    /// Any valid one.
    Valid,
    /// One that stays valid for this long.
    ValidFor(Duration),
    /// Another one than this, which got a 401.
    InsteadOf(&'a AuthToken),
}

/// What to do for a caller that asks for an auth token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Hand out the cached token.
    HandOut,
    /// Hand out the cached token, and renew it in the background.
    HandOutAndRenew,
    /// Sign in; if that fails, hand out the cached token.
    RenewFirst,
    /// Sign in: there is no token to hand out, or the cached one got a 401.
    Fetch,
    /// A sign-in is needed, but no attempt may start before this time of the steady clock.
    BackingOff(Duration),
    /// Signing in would not help: this is how long emnify's auth tokens are valid in all.
    TooShort(Duration),
}

impl Need<'_> {
    /// Whether a token with the lifetime of this one is sufficient when it is new.
    pub(crate) fn is_met_by_new(self, token: &AuthToken) -> bool {
        !matches!(self, Need::ValidFor(valid_for) if token.claims().lifetime() <= valid_for)
    }
}

impl State {
    /// Decides at `now`. `changed` returns whether the credential has changed since it was last
    /// read; it is called only if that matters.
    pub(crate) fn decide(
        &self,
        need: Need<'_>,
        now: Duration,
        changed: impl FnOnce() -> bool,
    ) -> Decision {
        match need {
            Need::InsteadOf(refused) => return self.decide_instead_of(refused, now),
            Need::ValidFor(_) if self.usable(need, now).is_none() => {
                return match (self.valid(now), self.backoff.next_start(now, changed)) {
                    (Some(token), _) if !need.is_met_by_new(token) => {
                        Decision::TooShort(token.claims().lifetime())
                    }
                    (_, Some(until)) => Decision::BackingOff(until),
                    (_, None) => Decision::Fetch,
                };
            }
            Need::Valid | Need::ValidFor(_) => {}
        }
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

    /// Returns when the cached token, which is handed out now, may be renewed.
    pub(crate) fn next_renewal(&self, now: Duration, changed: impl FnOnce() -> bool) -> Duration {
        let start = match &self.cached {
            Some(cached) if cached.is_reported => self.start_after_401(now, changed),
            Some(cached) if now < cached.renew_at => Some(cached.renew_at),
            _ => self.backoff.next_start(now, changed),
        };
        start.unwrap_or(now)
    }

    /// Returns the cached token if it is valid, for as long as the caller needs it.
    pub(crate) fn usable(&self, need: Need<'_>, now: Duration) -> Option<&AuthToken> {
        match need {
            Need::Valid | Need::InsteadOf(_) => self.valid(now),
            Need::ValidFor(valid_for) => self.valid(now.checked_add(valid_for)?),
        }
    }

    /// Decides for a call that needs a token other than `refused`, which got a 401.
    fn decide_instead_of(&self, refused: &AuthToken, now: Duration) -> Decision {
        if !self.valid(now).is_some_and(|cached| cached.is(refused)) {
            return self.decide(Need::Valid, now, || false);
        }
        match self.start_after_401(now, || false) {
            Some(until) => Decision::BackingOff(until),
            None => Decision::Fetch,
        }
    }

    /// Returns when a sign-in after a 401 may start, if not now. The first one with this token does
    /// not wait for the interval between attempts; later ones do.
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

    /// Returns the state when an attempt starts. If its caller cancels it, `at` is the start of the
    /// attempt before.
    pub(crate) fn starting(&self, at: Option<Duration>) -> State {
        let backoff = Backoff { started_at: at, ..self.backoff.clone() };
        State { backoff, ..self.clone() }
    }

    /// Returns the state after an attempt that obtained a token.
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

    /// Returns the state after an attempt that failed.
    pub(crate) fn failed(&self, failure: &Failure<'_>) -> State {
        let is_due = |cached: &&CachedToken| cached.renew_at <= failure.now && !cached.is_reported;
        let renewed = self.cached.as_ref().filter(is_due);
        let renewal = renewed.and_then(|cached| cached.valid_until.checked_sub(failure.now));
        let renewal = renewal.filter(|left| !left.is_zero());
        State { backoff: self.backoff.after(failure, renewal), ..self.clone() }
    }

    /// Returns the state after a refusal that delays no attempt, but counts for the next one.
    pub(crate) fn counting_refusal(&self, now: Duration) -> State {
        let refusals = self.backoff.verdict.refusals.saturating_add(1);
        let verdict = Verdict { at: Some(now), refusals, ..self.backoff.verdict };
        State { backoff: Backoff { verdict, ..self.backoff.clone() }, ..self.clone() }
    }

    /// Returns the state after the program reported a 401 for the token: callers then wait for one
    /// attempt to replace it. `None` if it is no longer the cached token, or `probe` does not
    /// allow a sign-in.
    pub(crate) fn reported(&self, auth_token: &AuthToken, now: Duration) -> Option<State> {
        if self.after_401(auth_token, now) != After401::SignIn {
            return None;
        }
        let cached = self.cached.clone().map(|cached| CachedToken { is_reported: true, ..cached });
        Some(State { cached, ..self.clone() })
    }

    /// Returns the state after an attempt to replace a reported token failed: the token is handed
    /// out again. `None` if none was reported.
    pub(crate) fn unreported(&self) -> Option<State> {
        let cached = self.cached.as_ref().filter(|cached| cached.is_reported)?;
        let cached = CachedToken { is_reported: false, ..cached.clone() };
        Some(State { cached: Some(cached), ..self.clone() })
    }

    /// Returns the probe for the time when another token replaces the cached one.
    pub(crate) fn probe_after_renewal(&self, now: Duration) -> Probe {
        match &self.cached {
            Some(cached) if cached.is_reported => self.probe.unconfirmed(now),
            _ => self.probe,
        }
    }

    /// Returns the state when the program knows that a fault is over. Waits that emnify asked for
    /// remain.
    pub(crate) fn retrying_now(&self) -> State {
        let Backoff { credential, last_error, changed_at, verdict, .. } = self.backoff.clone();
        let last_error = last_error.filter(is_verdict);
        let backoff = Backoff { credential, last_error, changed_at, verdict, ..Backoff::default() };
        State { backoff, ..self.clone() }
    }

    /// Returns the state before the refresh token is sent, which spends it whatever the response
    /// is.
    pub(crate) fn spending(&self, now: Duration) -> State {
        State { refresh: Refresh { token: None, changed_at: Some(now) }, ..self.clone() }
    }

    /// Returns the state after the refresh token was not sent after all.
    pub(crate) fn unspent(&self, token: &Secret, now: Duration) -> State {
        let refresh = Refresh { token: Some(token.clone()), changed_at: Some(now) };
        State { refresh, ..self.clone() }
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod outages;

#[cfg(test)]
mod tests;
