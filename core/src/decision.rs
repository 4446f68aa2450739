//! The decision: what to hand out, whether to sign in, and when next. Pure functions of the
//! session's state and the time, so that a table of cases can test them; `session` carries out
//! what is decided here.

use std::time::Duration;

use crate::auth_token::AuthToken;
use crate::error::{Error, ErrorKind};
use crate::state::{Held, Refresh, State, Trouble};

/// An auth token is renewed from a point on that is drawn between these parts of its lifetime, so
/// that a fleet which started at once does not renew at once.
const RENEW_FROM: f64 = 0.5;
const RENEW_UNTIL: f64 = 0.8;

/// In the last part of its life a token is renewed before it is handed out: at most so long before
/// it expires, or a tenth of its lifetime.
const LAST_MINUTE: Duration = Duration::from_secs(60);

/// After a fault that may pass: from, doubling, to; with full jitter.
const BACK_OFF_FROM: Duration = Duration::from_secs(5);
const BACK_OFF_TO: Duration = Duration::from_secs(300);

/// After a 429 that does not say for how long: drawn between these.
const COOL_DOWN_FROM: Duration = Duration::from_secs(300);
const COOL_DOWN_TO: Duration = Duration::from_secs(3_600);

/// A refused credential is not sent again for so long, unless it changes. Three refusals in a row
/// lock an account for five minutes: the third comes no sooner than that after the second.
const REFUSED_ONCE: Duration = Duration::from_secs(60);
const REFUSED_FROM: Duration = Duration::from_secs(300);
const REFUSED_TO: Duration = Duration::from_secs(15 * 60);

/// The most attempts within [`BUDGET_PERIOD`] that reach emnify and fail, or bring a token that is
/// refused before its time.
const BUDGET: usize = 12;
const BUDGET_PERIOD: Duration = Duration::from_secs(3_600);

/// What is added at most to a wait that the server named, as a part of it.
const JITTER: f64 = 0.2;

impl Held {
    /// `draw` is uniform between 0 and 1.
    pub(crate) fn new(
        auth_token: AuthToken,
        credential: &str,
        requested_at: Duration,
        draw: f64,
    ) -> Self {
        let lifetime = auth_token.claims().lifetime();
        let part = RENEW_FROM + (RENEW_UNTIL - RENEW_FROM) * draw;
        Held {
            auth_token,
            credential: credential.to_owned(),
            requested_at,
            renew_at: requested_at + lifetime.mul_f64(part),
            valid_until: requested_at + lifetime,
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
    HeldBack(Duration),
}

impl State {
    /// Decides at `now`. `changed` tells whether the credential is another than the one that was
    /// refused; it is asked only where that matters.
    pub(crate) fn decide(&self, now: Duration, changed: impl FnOnce() -> bool) -> Decision {
        let held_back = |trouble: &Trouble| trouble.held_back(now, changed);
        match &self.held {
            Some(held) if now < held.renew_at => Decision::HandOut,
            Some(held) if now < held.valid_until => match held_back(&self.trouble) {
                Some(_) => Decision::HandOut,
                None if now < held.last_minute() => Decision::HandOutAndRenew,
                None => Decision::RenewFirst,
            },
            _ => match held_back(&self.trouble) {
                Some(until) => Decision::HeldBack(until),
                None => Decision::Fetch,
            },
        }
    }

    /// After an attempt that brought a token.
    pub(crate) fn succeeded(&self, held: Held, refresh: Refresh, now: Duration) -> State {
        let trouble = Trouble {
            credential: self.trouble.credential.clone(),
            recent: self.trouble.recent_at(now),
            changed_at: Some(now),
            ..Trouble::default()
        };
        State { held: Some(held), trouble, refresh, dropped: self.dropped }
    }

    /// After an attempt that failed. `draw` is uniform between 0 and 1.
    pub(crate) fn failed(&self, error: &Error, now: Duration, draw: f64) -> State {
        State { trouble: self.trouble.after(error, now, draw), ..self.clone() }
    }

    /// After a server refused the token: it is dropped if it is still the cached one.
    pub(crate) fn invalidated(&self, auth_token: &AuthToken, now: Duration) -> Option<State> {
        let held = self.held.as_ref().filter(|held| held.auth_token.is(auth_token))?;
        let mut trouble = self.trouble.clone();
        if now < held.renew_at {
            // Else a server that refuses every token would be asked for another with every call.
            trouble.spend(now);
        }
        let dropped = self.dropped.max(Some(held.requested_at));
        Some(State { held: None, trouble, dropped, ..self.clone() })
    }

    /// Before the refresh token is sent, which spends it whatever comes back.
    pub(crate) fn spending(&self, now: Duration) -> State {
        State { refresh: Refresh { token: None, changed_at: Some(now) }, ..self.clone() }
    }
}

impl Trouble {
    /// Until when no attempt may be made, if one may not.
    pub(crate) fn held_back(
        &self,
        now: Duration,
        changed: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        let until = self.not_before.max(self.budget_spent_until(now));
        Some(until).filter(|until| now < *until && !(self.refusals > 0 && changed()))
    }

    /// The end of the wait that comes of having failed too often, if it did.
    pub(crate) fn budget_spent_until(&self, now: Duration) -> Duration {
        let recent = self.recent_at(now);
        let first = recent.len().checked_sub(BUDGET).and_then(|index| recent.get(index));
        first.map_or(Duration::ZERO, |at| *at + BUDGET_PERIOD)
    }

    fn after(&self, error: &Error, now: Duration, draw: f64) -> Trouble {
        let mut trouble = self.clone();
        let wait = match error.kind() {
            // That nobody could be asked says nothing about the credential.
            ErrorKind::MfaRequired if !error.was_sent() => return trouble,
            // The credential could not be read, which costs nothing to try again.
            ErrorKind::InvalidInput => Duration::ZERO,
            ErrorKind::Rejected | ErrorKind::MfaRequired => {
                trouble.refusals = trouble.refusals.saturating_add(1);
                match trouble.refusals {
                    1 => REFUSED_ONCE,
                    more => doubled(REFUSED_FROM, more - 1, REFUSED_TO),
                }
            }
            ErrorKind::RateLimited | ErrorKind::Locked => {
                trouble.failures = trouble.failures.saturating_add(1);
                let least = doubled(BACK_OFF_FROM, trouble.failures, BACK_OFF_TO);
                match error.retry_after() {
                    // All who share the address wait for the same moment: not all at once.
                    Some(wait) => wait.max(least).mul_f64(1.0 + JITTER * draw),
                    None => COOL_DOWN_FROM + (COOL_DOWN_TO - COOL_DOWN_FROM).mul_f64(draw),
                }
            }
            _ => {
                trouble.failures = trouble.failures.saturating_add(1);
                let back_off = doubled(BACK_OFF_FROM, trouble.failures, BACK_OFF_TO).mul_f64(draw);
                back_off.max(error.retry_after().unwrap_or_default().min(COOL_DOWN_TO))
            }
        };
        trouble.last_error = Some(error.clone());
        trouble.changed_at = Some(now);
        trouble.not_before = now + wait;
        if error.was_sent() {
            trouble.spend(now);
        }
        trouble
    }

    /// Notes an attempt that failed, though it reached emnify.
    fn spend(&mut self, now: Duration) {
        self.recent = self.recent_at(now);
        self.recent.push(now);
    }

    fn recent_at(&self, now: Duration) -> Vec<Duration> {
        self.recent.iter().copied().filter(|at| now < *at + BUDGET_PERIOD).collect()
    }
}

/// `from`, doubled for each time after the first, at most `to`.
fn doubled(from: Duration, times: u32, to: Duration) -> Duration {
    from.saturating_mul(1 << times.saturating_sub(1).min(16)).min(to)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::claims::tests::jwt;
    use crate::secret::Secret;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Requested at 1,000, valid for 1,000, renewed from 1,600.
    fn held() -> Held {
        let token = Secret::from(jwt(r#"{"iat":5000,"exp":6000}"#));
        Held::new(AuthToken::new(token, SystemTime::UNIX_EPOCH), "one", at(1_000), 1.0 / 3.0)
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "a fault")
    }

    #[test]
    fn the_table_of_decisions() {
        use Decision::*;
        let fine = State { held: Some(held()), ..State::default() };
        let failed = |state: &State, now| state.failed(&error(ErrorKind::Network), at(now), 1.0);
        let refused = |state: &State, now| state.failed(&error(ErrorKind::Rejected), at(now), 1.0);
        let empty = State::default();
        for (state, now, changed, decision) in [
            // A token through its life.
            (fine.clone(), 1_000, false, HandOut),
            (fine.clone(), 1_599, false, HandOut),
            (fine.clone(), 1_600, false, HandOutAndRenew),
            (fine.clone(), 1_939, false, HandOutAndRenew),
            (fine.clone(), 1_940, false, RenewFirst),
            (fine.clone(), 1_999, false, RenewFirst),
            (fine.clone(), 2_000, false, Fetch),
            // Nothing yet.
            (empty.clone(), 0, false, Fetch),
            // A failed renewal: the token goes on being handed out, without another attempt.
            (failed(&fine, 1_700), 1_704, false, HandOut),
            (failed(&fine, 1_700), 1_705, false, HandOutAndRenew),
            (failed(&fine, 1_939), 1_940, false, HandOut),
            (failed(&fine, 1_999), 2_000, false, HeldBack(at(2_004))),
            // A failed first attempt.
            (failed(&empty, 100), 104, false, HeldBack(at(105))),
            (failed(&empty, 100), 104, true, HeldBack(at(105))),
            (failed(&empty, 100), 105, false, Fetch),
            // A refused credential, and another one in its place.
            (refused(&empty, 100), 159, false, HeldBack(at(160))),
            (refused(&empty, 100), 101, true, Fetch),
            (refused(&fine, 1_700), 1_750, false, HandOut),
            (refused(&fine, 1_700), 1_750, true, HandOutAndRenew),
        ] {
            let decided = state.decide(at(now), || changed);
            assert_eq!(decided, decision, "at {now}, changed: {changed}, {state:?}");
        }
    }

    #[test]
    fn a_token_of_a_short_life_has_a_short_last_minute() {
        let token = Secret::from(jwt(r#"{"iat":0,"exp":100}"#));
        let held = Held::new(AuthToken::new(token, SystemTime::UNIX_EPOCH), "one", at(0), 0.0);
        let state = State { held: Some(held), ..State::default() };
        assert_eq!(state.decide(at(50), || false), Decision::HandOutAndRenew);
        assert_eq!(state.decide(at(89), || false), Decision::HandOutAndRenew);
        assert_eq!(state.decide(at(90), || false), Decision::RenewFirst);
    }

    #[test]
    fn the_wait_after_each_kind_of_failure() {
        use ErrorKind::*;
        let limited = |seconds| error(RateLimited).with_retry_after(Some(at(seconds)));
        for (errors, draw, wait) in [
            (vec![error(Network)], 1.0, 5.0),
            (vec![error(Network)], 0.0, 0.0),
            (vec![error(Network), error(Server)], 1.0, 10.0),
            (vec![error(Timeout); 7], 1.0, 300.0),
            (vec![error(Timeout); 7], 0.5, 150.0),
            (vec![error(Server).with_retry_after(Some(at(50)))], 1.0, 50.0),
            (vec![limited(100)], 0.0, 100.0),
            (vec![limited(100)], 1.0, 120.0),
            // A wait of nothing is none: it is stretched as any other back-off.
            (vec![limited(0); 3], 0.0, 20.0),
            (vec![error(Server).with_retry_after(Some(at(86_400)))], 1.0, 3_600.0),
            (vec![error(RateLimited)], 0.0, 300.0),
            (vec![error(RateLimited)], 1.0, 3_600.0),
            (vec![error(Locked).with_retry_after(Some(at(300)))], 0.0, 300.0),
            (vec![error(Rejected)], 0.0, 60.0),
            (vec![error(Rejected); 2], 0.0, 300.0),
            (vec![error(Rejected); 3], 0.0, 600.0),
            (vec![error(Rejected); 9], 0.0, 900.0),
            (vec![error(InvalidInput)], 1.0, 0.0),
        ] {
            let state = errors.iter().fold(State::default(), |s, e| s.failed(e, at(10), draw));
            let expected = if wait == 0.0 { 10.0 } else { 10.0 + wait };
            let until = state.trouble.not_before.max(at(10)).as_secs_f64();
            assert_eq!(until, expected, "{errors:?} {draw}");
        }
    }

    #[test]
    fn at_most_twelve_attempts_an_hour_fail() {
        let mut state = State::default();
        let (mut now, mut attempts) = (at(0), Vec::new());
        while now < at(3 * 3_600) {
            match state.decide(now, || true) {
                Decision::Fetch => {
                    attempts.push(now);
                    state = state.failed(&error(ErrorKind::Network), now, 0.0);
                }
                Decision::HeldBack(until) => now = until,
                other => panic!("{other:?}"),
            }
        }
        for start in &attempts {
            let hour = attempts.iter().filter(|a| (*start..*start + BUDGET_PERIOD).contains(*a));
            assert!(hour.count() <= BUDGET);
        }
        assert!(attempts.len() >= 3 * BUDGET, "{}", attempts.len());
    }

    #[test]
    fn what_never_reached_emnify_backs_off_but_costs_no_budget() {
        let unsent = error(ErrorKind::Network).unsent();
        let state = (0..100).fold(State::default(), |s, _| s.failed(&unsent, at(10), 1.0));
        assert_eq!(state.decide(at(10), || false), Decision::HeldBack(at(310)));
        let nobody = error(ErrorKind::MfaRequired).unsent();
        let state = (0..100).fold(State::default(), |s, _| s.failed(&nobody, at(10), 1.0));
        assert_eq!(state.decide(at(10), || false), Decision::Fetch);
    }

    #[test]
    fn a_server_that_refuses_every_new_token_is_not_asked_for_ever() {
        let mut state = State::default();
        for _ in 0..BUDGET {
            assert_eq!(state.decide(at(10), || false), Decision::Fetch);
            state = state.succeeded(held(), Refresh::default(), at(10));
            let token = state.held.as_ref().unwrap().auth_token.clone();
            state = state.invalidated(&token, at(10)).unwrap();
        }
        assert!(matches!(state.decide(at(10), || false), Decision::HeldBack(_)));
    }

    #[test]
    fn only_the_cached_token_is_invalidated() {
        let state = State::default().succeeded(held(), Refresh::default(), at(1_000));
        let other = AuthToken::new(Secret::from("another"), SystemTime::UNIX_EPOCH);
        assert!(state.invalidated(&other, at(1_500)).is_none());
        let cached = state.held.as_ref().unwrap().auth_token.clone();
        assert!(state.invalidated(&cached, at(1_500)).unwrap().held.is_none());
    }

    #[test]
    fn success_ends_all_trouble() {
        let state = State::default().failed(&error(ErrorKind::Rejected), at(0), 1.0);
        let state = state.succeeded(held(), Refresh::default(), at(1_000));
        assert!(state.trouble.last_error.is_none());
        assert_eq!(state.trouble.held_back(at(1_000), || false), None);
    }

    #[test]
    fn the_point_of_renewal_is_drawn_within_its_bounds() {
        for (draw, renew_at) in [(0.0, 1_500), (1.0 / 3.0, 1_600), (1.0, 1_800)] {
            let token = Secret::from(jwt(r#"{"iat":0,"exp":1000}"#));
            let held =
                Held::new(AuthToken::new(token, SystemTime::UNIX_EPOCH), "one", at(1_000), draw);
            assert_eq!(held.renew_at.as_secs_f64().round() as u64, renew_at);
        }
    }
}
