//! The state of a session. `policy` and `backoff` judge it and compute the next one, `snapshot`
//! saves it. It is replaced as a whole and never changed in place.

use std::time::Duration;

use crate::session::probe::Probe;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind};
use crate::types::secret::Secret;

/// The state of a session. Instants are those of the session's steady clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) cached: Option<CachedToken>,
    pub(crate) backoff: Backoff,
    pub(crate) refresh: Refresh,
    pub(crate) probe: Probe,
}

/// An auth token, and when it is to be renewed.
#[derive(Debug, Clone)]
pub(crate) struct CachedToken {
    pub(crate) auth_token: AuthToken,
    /// The name of the credential that it was obtained with.
    pub(crate) credential: String,
    pub(crate) requested_at: Duration,
    pub(crate) renew_at: Duration,
    pub(crate) valid_until: Duration,
    /// Whether the program reported a 401 for it, and no sign-in was attempted since.
    pub(crate) is_reported: bool,
}

/// How recent attempts with one credential went, and until when that delays the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    /// The name of the credential.
    pub(crate) credential: String,
    /// The error of the last attempt, if it failed.
    pub(crate) last_error: Option<Error>,
    /// When the last attempt ended, if there was one.
    pub(crate) changed_at: Option<Duration>,
    /// When the last attempt started, if there was one.
    pub(crate) started_at: Option<Duration>,
    /// How many times the wait after a fault was doubled.
    pub(crate) doublings: u32,
    /// No attempt before this time, because of faults. `retry_now` clears it, and it is not stored.
    pub(crate) retry_at: Duration,
    pub(crate) verdict: Verdict,
}

/// What emnify replied to attempts with one credential: too many, or refused. It is kept in the
/// store, so that a restarted process does not try again too early.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// When emnify last replied so, or a success ended it.
    pub(crate) at: Option<Duration>,
    /// 429s since the last success.
    pub(crate) rate_limits: u32,
    /// No attempt before this time, with any credential.
    pub(crate) limited_until: Duration,
    /// Refusals since the last success.
    pub(crate) refusals: u32,
    /// No attempt before this time, with this credential.
    pub(crate) refused_until: Duration,
}

/// A user's refresh token, which can be exchanged for an auth token once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refresh {
    pub(crate) token: Option<Secret>,
    /// When it was obtained or spent.
    pub(crate) changed_at: Option<Duration>,
}

impl State {
    /// Returns the cached token if it is valid at `now`.
    pub(crate) fn valid(&self, now: Duration) -> Option<&AuthToken> {
        self.cached.as_ref().filter(|cached| now < cached.valid_until).map(|c| &c.auth_token)
    }

    /// Returns the state after a change to the credential of that name. Waits and errors of another
    /// credential do not apply to it, except a 429; a valid auth token is still handed out. `None`
    /// if that credential is in use already.
    pub(crate) fn with_credential(&self, name: &str) -> Option<State> {
        if self.backoff.credential == name {
            return None;
        }
        // A 429 is about the address that the requests come from, whatever the credential.
        let Backoff { verdict, last_error, .. } = &self.backoff;
        let Verdict { at, rate_limits, limited_until, .. } = *verdict;
        let verdict = Verdict { at, rate_limits, limited_until, ..Verdict::default() };
        let is_limit = |error: &Error| error.kind() == ErrorKind::RateLimited;
        let last_error = last_error.clone().filter(is_limit);
        let backoff =
            Backoff { credential: name.to_owned(), last_error, verdict, ..Backoff::default() };
        Some(State { backoff, refresh: Refresh::default(), ..self.clone() })
    }

    /// Returns the state as it may be saved under the name of its credential: without a token that
    /// another credential obtained.
    pub(crate) fn savable(&self) -> State {
        let own = |cached: &CachedToken| cached.credential == self.backoff.credential;
        State { cached: self.cached.clone().filter(own), ..self.clone() }
    }

    /// Returns a value that changes whenever a part that the store keeps changes: the tokens, 429s
    /// and refusals.
    pub(crate) fn revision(&self) -> impl PartialEq + use<> {
        let token = self.cached.as_ref().map(|cached| cached.requested_at);
        (token, self.backoff.verdict, self.refresh.changed_at)
    }

    /// Combines this state with the stored one, taking the newer of each part: another process may
    /// have signed in, been refused, or spent the refresh token. Merging the same state again
    /// changes nothing.
    pub(crate) fn merged(&self, stored: &State, now: Duration) -> State {
        let known = self.cached.as_ref().map(|cached| cached.requested_at);
        let newer = |theirs: &&CachedToken| {
            Some(theirs.requested_at) > known && now < theirs.valid_until && !theirs.is_in(self)
        };
        let theirs = stored.cached.as_ref().filter(newer);
        let spent = stored.refresh.changed_at > self.refresh.changed_at;
        State {
            cached: theirs.or(self.cached.as_ref()).cloned(),
            backoff: self.backoff.merged(&stored.backoff),
            refresh: if spent { stored.refresh.clone() } else { self.refresh.clone() },
            probe: if theirs.is_some() { self.probe_after_renewal(now) } else { self.probe },
        }
    }
}

impl Backoff {
    fn merged(&self, stored: &Backoff) -> Backoff {
        let latest = if stored.changed_at > self.changed_at { stored } else { self };
        let verdict = if stored.verdict.at > self.verdict.at { stored } else { self }.verdict;
        let started_at = self.started_at.max(stored.started_at);
        Backoff { verdict, started_at, ..latest.clone() }
    }
}

impl CachedToken {
    /// Whether the state holds the same token.
    pub(crate) fn is_in(&self, state: &State) -> bool {
        state.cached.as_ref().is_some_and(|cached| cached.auth_token.is(&self.auth_token))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn with_token(requested_at: u64) -> State {
        let token = Secret::from(format!("opaque {requested_at}"));
        let auth_token = AuthToken::new(token, SystemTime::UNIX_EPOCH);
        let cached = CachedToken {
            auth_token,
            credential: "one".into(),
            requested_at: at(requested_at),
            renew_at: at(requested_at + 500),
            valid_until: at(requested_at + 1_000),
            is_reported: false,
        };
        State { cached: Some(cached), ..State::default() }
    }

    fn requested_at(state: &State) -> Option<u64> {
        state.cached.as_ref().map(|cached| cached.requested_at.as_secs())
    }

    #[test]
    fn merging_keeps_the_newer_token_if_it_is_valid() {
        for (ours, theirs, now, merged) in [
            (State::default(), with_token(100), 100, Some(100)),
            (State::default(), with_token(100), 1_100, None),
            (with_token(200), with_token(100), 200, Some(200)),
            (with_token(100), with_token(200), 200, Some(200)),
            (with_token(100), with_token(200), 1_200, Some(100)),
            (with_token(100), State::default(), 200, Some(100)),
        ] {
            let result = ours.merged(&theirs, at(now));
            assert_eq!(requested_at(&result), merged, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn merging_the_same_token_does_not_count_as_a_newer_one() {
        let mut ours = with_token(100);
        ours.cached.as_mut().unwrap().is_reported = true;
        let mut theirs = with_token(100);
        theirs.cached.as_mut().unwrap().requested_at += Duration::from_nanos(1);
        assert!(ours.merged(&theirs, at(200)).cached.unwrap().is_reported);
    }

    #[test]
    fn each_part_is_merged_by_its_own_time() {
        let state = |failed, replied, refresh| State {
            backoff: Backoff {
                retry_at: at(failed),
                changed_at: Some(at(failed)),
                verdict: Verdict {
                    at: Some(at(replied)),
                    limited_until: at(replied),
                    ..Verdict::default()
                },
                ..Backoff::default()
            },
            refresh: Refresh { token: None, changed_at: Some(at(refresh)) },
            ..State::default()
        };
        let (ours, theirs) = (state(30, 10, 20), state(20, 20, 10));
        let merged = ours.merged(&theirs, at(50));
        assert_eq!(merged.backoff.retry_at, at(30));
        assert_eq!(merged.backoff.verdict.limited_until, at(20));
        assert_eq!(merged.refresh.changed_at, Some(at(20)));
    }

    #[test]
    fn failures_of_one_credential_do_not_delay_another() {
        let mut state = with_token(100);
        state.backoff = Backoff { credential: "one".into(), doublings: 3, ..Backoff::default() };
        state.backoff.verdict.refusals = 3;
        assert!(state.with_credential("one").is_none());
        let other = state.with_credential("another").unwrap();
        assert_eq!((other.backoff.doublings, other.backoff.verdict.refusals), (0, 0));
        assert_eq!(requested_at(&other), Some(100));
        assert_eq!(requested_at(&other.savable()), None, "another credential's token is not saved");
        assert_eq!(requested_at(&state.savable()), Some(100));
    }

    #[test]
    fn a_429_delays_every_credential() {
        let mut state = with_token(100);
        let limited_until = Duration::from_secs(500);
        state.backoff = Backoff { credential: "one".into(), ..Backoff::default() };
        state.backoff.verdict = Verdict { limited_until, refusals: 3, ..Verdict::default() };
        let verdict = state.with_credential("another").unwrap().backoff.verdict;
        assert_eq!((verdict.limited_until, verdict.refusals), (limited_until, 0));
    }
}
