//! The decisions and the waits, each as a table of cases.

use std::time::SystemTime;

use super::*;
use crate::session::backoff::LARGEST_FLEET;
use crate::types::claims::tests::jwt;
use crate::types::error::{Error, ErrorKind};
use crate::types::secret::Secret;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A token requested at 1,000, valid for 1,000, and due for renewal from 1,600.
fn cached() -> CachedToken {
    let token = Secret::from(jwt(r#"{"iat":5000,"exp":6000}"#));
    let auth_token = AuthToken::new(token, SystemTime::UNIX_EPOCH);
    CachedToken::new(auth_token, "one", at(1_000), 0.4)
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "a fault")
}

fn failed(state: &State, error: &Error, now: u64, draw: f64) -> State {
    state.failed(&Failure { error, now: at(now), is_user: false, fleet_size: None, draw })
}

#[test]
fn the_table_of_decisions() {
    use Decision::*;
    let fine = State { cached: Some(cached()), ..State::default() };
    let fault = |state: &State, now| failed(state, &error(ErrorKind::Network), now, 1.0);
    let refused = |state: &State, now| failed(state, &error(ErrorKind::Rejected), now, 1.0);
    let empty = State::default();
    let token = fine.cached.as_ref().unwrap().auth_token.clone();
    let reported = fine.reported(&token, at(1_000)).unwrap();
    for (state, now, changed, decision) in [
        // A token through its lifetime.
        (fine.clone(), 1_000, false, HandOut),
        (fine.clone(), 1_599, false, HandOut),
        (fine.clone(), 1_600, false, HandOutAndRenew),
        (fine.clone(), 1_939, false, HandOutAndRenew),
        (fine.clone(), 1_940, false, RenewFirst),
        (fine.clone(), 1_999, false, RenewFirst),
        (fine.clone(), 2_000, false, Fetch),
        // No token yet.
        (empty.clone(), 0, false, Fetch),
        // A failed renewal: the token is still handed out, without another attempt at first.
        (fault(&fine, 1_700), 1_704, false, HandOut),
        (fault(&fine, 1_700), 1_705, false, HandOutAndRenew),
        (fault(&fine, 1_939), 1_940, false, HandOut),
        (fault(&fine, 1_999), 2_000, false, BackingOff(at(2_004))),
        // A failed first attempt.
        (fault(&empty, 100), 104, false, BackingOff(at(105))),
        (fault(&empty, 100), 104, true, BackingOff(at(105))),
        (fault(&empty, 100), 105, false, Fetch),
        // A refused credential, and one that replaced it.
        (refused(&empty, 100), 159, false, BackingOff(at(160))),
        (refused(&empty, 100), 101, true, Fetch),
        (refused(&fine, 1_700), 1_750, false, HandOut),
        (refused(&fine, 1_700), 1_750, true, HandOutAndRenew),
        // An attempt that started recently.
        (empty.starting(Some(at(100))), 104, false, BackingOff(at(105))),
        (empty.starting(Some(at(100))), 101, true, Fetch),
        (empty.starting(Some(at(100))), 105, false, Fetch),
        (fine.starting(Some(at(1_700))), 1_704, false, HandOut),
        (fine.starting(Some(at(1_700))), 1_705, false, HandOutAndRenew),
        // A reported token: one attempt, whenever the last one started, unless a failure delays it.
        (reported.clone(), 1_000, false, RenewFirst),
        (reported.starting(Some(at(1_000))), 1_000, false, RenewFirst),
        (fault(&reported, 1_000), 1_004, false, HandOut),
        (reported.unreported().unwrap(), 1_000, false, HandOut),
        (reported.clone(), 2_000, false, Fetch),
    ] {
        let decided = state.decide(Need::Valid, at(now), || changed);
        assert_eq!(decided, decision, "at {now}, changed: {changed}, {state:?}");
    }
}

#[test]
fn a_call_that_got_a_401_signs_in_unless_an_earlier_failure_delays_it() {
    let state = State::default().succeeded(cached(), Refresh::default(), at(1_000));
    let token = state.valid(at(1_000)).unwrap().clone();
    let started = state.starting(Some(at(1_000)));
    assert_eq!(started.decide(Need::InsteadOf(&token), at(1_000), || false), Decision::Fetch);
    // A sign-in without a result, since its caller had no time: not every call makes another.
    let again = started.starting(Some(at(1_100)));
    assert_eq!(
        again.decide(Need::InsteadOf(&token), at(1_104), || false),
        Decision::BackingOff(at(1_105))
    );
    assert_eq!(again.decide(Need::InsteadOf(&token), at(1_105), || false), Decision::Fetch);
    let fault = failed(&state, &error(ErrorKind::Network), 1_000, 1.0);
    assert_eq!(
        fault.decide(Need::InsteadOf(&token), at(1_004), || false),
        Decision::BackingOff(at(1_005))
    );
    let other = AuthToken::new(Secret::from("another"), SystemTime::UNIX_EPOCH);
    assert_eq!(state.decide(Need::InsteadOf(&other), at(1_000), || false), Decision::HandOut);
}

#[test]
fn a_token_is_replaced_that_does_not_stay_valid_for_as_long_as_it_is_needed() {
    use Decision::*;
    let fine = State { cached: Some(cached()), ..State::default() };
    let empty = State::default();
    let fault = failed(&fine, &error(ErrorKind::Network), 1_700, 1.0);
    for (state, valid_for, now, decision) in [
        (&fine, 999, 1_000, HandOut),
        (&fine, 300, 1_650, HandOutAndRenew),
        (&fine, 500, 1_500, Fetch),
        (&fine, 60, 1_940, Fetch),
        (&fine, 1_000, 1_000, TooShort(at(1_000))),
        (&fine, 5_000, 1_500, TooShort(at(1_000))),
        (&fine, 5_000, 2_000, Fetch),
        (&empty, 5_000, 0, Fetch),
        (&fault, 500, 1_704, BackingOff(at(1_705))),
        (&fault, 200, 1_704, HandOut),
    ] {
        let decided = state.decide(Need::ValidFor(at(valid_for)), at(now), || false);
        assert_eq!(decided, decision, "for {valid_for} s at {now}, {state:?}");
    }
}

#[test]
fn a_short_lived_token_has_a_shorter_last_minute() {
    let token = Secret::from(jwt(r#"{"iat":0,"exp":100}"#));
    let token = AuthToken::new(token, SystemTime::UNIX_EPOCH);
    let cached = CachedToken::new(token, "one", at(0), 0.0);
    let state = State { cached: Some(cached), ..State::default() };
    assert_eq!(state.decide(Need::Valid, at(50), || false), Decision::HandOutAndRenew);
    assert_eq!(state.decide(Need::Valid, at(89), || false), Decision::HandOutAndRenew);
    assert_eq!(state.decide(Need::Valid, at(90), || false), Decision::RenewFirst);
}

#[test]
fn the_wait_after_each_kind_of_failure() {
    use ErrorKind::*;
    let after = |kind, seconds| error(kind).with_retry_after(Some(at(seconds)));
    let mixed = [vec![error(Network); 9], vec![error(Network).local()]].concat();
    let limited_again = vec![error(RateLimited), error(Network), error(RateLimited)];
    for (errors, draw, wait) in [
        (vec![error(Network)], 1.0, 5.0),
        (vec![error(Network)], 0.0, 2.5),
        (vec![error(Network), error(Server)], 1.0, 10.0),
        (vec![error(Timeout); 6], 1.0, 160.0),
        (vec![error(Timeout); 7], 1.0, 300.0),
        (vec![error(Timeout); 99], 0.0, 150.0),
        (vec![error(Network).local(); 3], 1.0, 20.0),
        (vec![error(Resource).local(); 99], 1.0, 30.0),
        (vec![error(Network).local(); 99], 0.0, 15.0),
        (mixed, 1.0, 30.0),
        (vec![after(Server, 50)], 1.0, 50.0),
        (vec![after(Server, 86_400)], 1.0, 300.0),
        (vec![after(RateLimited, 100)], 0.0, 100.0),
        (vec![after(RateLimited, 100)], 1.0, 120.0),
        (vec![after(RateLimited, 86_400)], 1.0, 3_600.0),
        // `Retry-After: 0` does not count: the wait grows like any other back-off.
        (vec![after(RateLimited, 0); 3], 0.0, 20.0),
        (vec![error(RateLimited)], 0.0, 300.0),
        (vec![error(RateLimited)], 1.0, 300.0),
        (vec![error(RateLimited); 2], 0.0, 300.0),
        (limited_again, 1.0, 3_600.0),
        (vec![after(Locked, 300)], 0.0, 300.0),
        (vec![error(Rejected)], 0.0, 60.0),
        (vec![error(Rejected); 2], 0.0, 120.0),
        (vec![error(Rejected); 4], 0.0, 480.0),
        (vec![error(Rejected); 9], 0.0, 900.0),
        (vec![error(InvalidInput)], 1.0, 0.0),
        (vec![error(MfaRequired).unsent()], 1.0, 0.0),
    ] {
        let state = errors.iter().fold(State::default(), |s, e| failed(&s, e, 10, draw));
        let until = state.backoff.backing_off(at(10), || false).unwrap_or(at(10));
        assert_eq!((until - at(10)).as_secs_f64(), wait, "{errors:?} {draw}");
    }
}

#[test]
fn a_fleet_spreads_its_second_attempts() {
    let error = error(ErrorKind::RateLimited);
    for (size, draw, wait) in [
        (1, 0.0, 300.0),
        (1_000, 0.0, 300.0),
        (1_000, 0.5, 2_400.0),
        (1_000, 1.0, 4_500.0),
        (LARGEST_FLEET, 1.0, 4_200_300.0),
    ] {
        let fleet_size = Some(size);
        let failure = Failure { error: &error, now: at(10), is_user: false, fleet_size, draw };
        let first = State::default().failed(&failure);
        assert_eq!((first.backoff.verdict.limited_until - at(10)).as_secs_f64(), wait);
        let second = first.failed(&failure).backoff.verdict.limited_until;
        assert!((at(310)..=at(3_610)).contains(&second), "{second:?}");
    }
}

#[test]
fn a_renewal_that_the_limit_refuses_is_tried_again_while_the_token_is_valid() {
    let error = error(ErrorKind::RateLimited);
    let limited = |left, draw| {
        let failure = Failure { error: &error, now: at(0), is_user: false, fleet_size: None, draw };
        Backoff::default().after(&failure, Some(at(left))).verdict.limited_until
    };
    for (left, least, most) in [(7_200, 900, 3_600), (400, 100, 400), (10, 60, 60)] {
        assert_eq!((limited(left, 0.0), limited(left, 1.0)), (at(least), at(most)));
    }
    let state = State { cached: Some(cached()), ..State::default() };
    let until = |now| failed(&state, &error, now, 1.0).backoff.verdict.limited_until;
    assert_eq!(until(1_700), at(2_000));
    // A call got a 401 before the token was due, or there is no token.
    assert_eq!((until(1_599), until(2_000)), (at(1_899), at(2_300)));
}

#[test]
fn a_fault_of_this_machine_is_retried_within_30_s() {
    for (error, wait) in [(error(ErrorKind::Tls).local(), 30), (error(ErrorKind::Tls), 300)] {
        let failure =
            Failure { error: &error, now: at(10), is_user: false, fleet_size: None, draw: 1.0 };
        let state = (0..20).fold(State::default(), |state, _| state.failed(&failure));
        assert_eq!(state.backoff.retry_at, at(10 + wait));
    }
}

#[test]
fn a_users_third_login_is_not_sent_within_five_minutes_of_the_second() {
    let error = error(ErrorKind::Rejected);
    let mut state = State::default();
    for wait in [60, 300, 600, 900, 900] {
        let failure =
            Failure { error: &error, now: at(10), is_user: true, fleet_size: None, draw: 1.0 };
        state = state.failed(&failure);
        assert_eq!(state.backoff.verdict.refused_until, at(10 + wait));
    }
}

#[test]
fn retry_now_ends_all_waits_except_those_that_emnify_asked_for() {
    use ErrorKind::*;
    for (kind, remains) in
        [(Network, None), (Server, None), (RateLimited, Some(at(310))), (Rejected, Some(at(70)))]
    {
        let state = failed(&State::default().starting(Some(at(10))), &error(kind), 10, 1.0);
        let state = failed(&state, &error(kind), 10, 1.0).retrying_now();
        let first = failed(&State::default(), &error(kind), 10, 1.0).retrying_now();
        assert_eq!(first.backoff.next_start(at(10), || false), remains, "{kind:?}");
        assert_eq!(state.backoff.doublings, 0);
    }
}

#[test]
fn reporting_every_token_costs_one_sign_in_per_five_minutes() {
    let (mut state, mut sign_ins) = (State::default(), 0);
    for now in 1_000..1_000 + 6 * 3_600 {
        if state.decide(Need::Valid, at(now), || false) != Decision::HandOut {
            sign_ins += 1;
            let token = Secret::from(jwt(&format!(r#"{{"iat":{now},"exp":{}}}"#, now + 99_999)));
            let token = AuthToken::new(token, SystemTime::UNIX_EPOCH);
            let cached = CachedToken::new(token, "one", at(now), 1.0);
            state = state.starting(Some(at(now))).succeeded(cached, Refresh::default(), at(now));
        }
        let token = state.valid(at(now)).unwrap().clone();
        state = state.reported(&token, at(now)).unwrap_or(state);
    }
    assert!((70..=76).contains(&sign_ins), "{sign_ins}");
}

#[test]
fn success_ends_all_waits() {
    let state = failed(&State::default(), &error(ErrorKind::Rejected), 0, 1.0);
    let state = failed(&state, &error(ErrorKind::Network), 0, 1.0);
    let state = state.succeeded(cached(), Refresh::default(), at(1_000));
    assert!(state.backoff.last_error.is_none());
    assert_eq!(state.backoff.backing_off(at(1_000), || false), None);
    assert_eq!((state.backoff.doublings, state.backoff.verdict.refusals), (0, 0));
}

#[test]
fn the_point_of_renewal_is_drawn_within_its_bounds() {
    for (draw, renew_at) in [(0.0, 1_500), (0.4, 1_600), (1.0, 1_750)] {
        let token = Secret::from(jwt(r#"{"iat":0,"exp":1000}"#));
        let token = AuthToken::new(token, SystemTime::UNIX_EPOCH);
        let cached = CachedToken::new(token, "one", at(1_000), draw);
        assert_eq!(cached.renew_at.as_secs_f64().round() as u64, renew_at);
    }
}
