//! The state that is read back after a restart, after a reboot, and when clocks were set.

use proptest::prelude::*;

use super::*;
use crate::session::backoff::Failure;
use crate::sys::clock::ManualClock;
use crate::types::claims::tests::jwt;

const START: Duration = Duration::from_secs(1_800_000_000);
/// A session starts its steady clock far from zero, too, so that instants before a boot do not
/// become negative.
const ORIGIN: Duration = Duration::from_secs(1_000_000_000);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn now(clock: &ManualClock) -> Duration {
    ORIGIN + clock.steady()
}

/// A machine that has run for a while, with a token for 1,000 seconds and a 429 that lasts 400.
fn machine() -> (ManualClock, State) {
    let clock = ManualClock::new(UNIX_EPOCH + START);
    clock.advance(seconds(5_000));
    let expiry = START.as_secs() + 6_000;
    let token = jwt(&format!(r#"{{"iat":{},"exp":{expiry}}}"#, expiry - 1_000));
    let token = AuthToken::new(Secret::from(token), clock.wall());
    let cached = CachedToken::new(token, "one", now(&clock), 0.0);
    let refresh = Refresh { token: Some(Secret::from("refresh")), changed_at: Some(now(&clock)) };
    let mut state = State::default().starting(Some(now(&clock)));
    state = state.succeeded(cached, refresh, now(&clock));
    state.backoff.verdict.limited_until = now(&clock) + seconds(400);
    (clock, state)
}

fn written(clock: &ManualClock, state: &State) -> Body {
    write(state, now(clock), clock).unwrap()
}

/// Returns what is left of the token's lifetime and of the wait.
fn read_back(clock: &ManualClock, bytes: &[u8]) -> (Option<Duration>, Duration) {
    let state = read(bytes, "one", now(clock), clock).unwrap();
    let left = state.cached.map(|cached| cached.valid_until - now(clock));
    (left, state.backoff.verdict.limited_until.saturating_sub(now(clock)))
}

fn backing_off(clock: &ManualClock, bytes: &[u8]) -> Option<Duration> {
    let state = read(bytes, "one", now(clock), clock).unwrap();
    state.backoff.backing_off(now(clock), || false).map(|until| until - now(clock))
}

#[test]
fn in_the_same_boot_only_the_steady_clock_counts() {
    let (clock, state) = machine();
    let bytes = written(&clock, &state);
    clock.advance(seconds(100));
    for wall in [UNIX_EPOCH, UNIX_EPOCH + START * 2] {
        clock.set_wall(wall);
        assert_eq!(read_back(&clock, &bytes), (Some(seconds(900)), seconds(300)));
    }
    let again = read(&bytes, "one", now(&clock), &clock).unwrap();
    assert_eq!(again.refresh.token.unwrap().reveal(), "refresh");
    assert_eq!(again.cached.unwrap().renew_at, ORIGIN + seconds(5_500));
}

#[test]
fn after_a_reboot_the_wall_clock_counts() {
    let (clock, state) = machine();
    let bytes = written(&clock, &state);
    clock.advance(seconds(100));
    clock.reboot();
    assert_eq!(read_back(&clock, &bytes), (Some(seconds(900)), seconds(300)));
    clock.advance(seconds(900));
    assert_eq!(read_back(&clock, &bytes), (None, Duration::ZERO));
}

#[test]
fn a_token_that_is_due_after_a_reboot_is_renewed_within_half_of_the_time_that_is_left() {
    let (clock, state) = machine();
    let bytes = written(&clock, &state);
    clock.reboot();
    let renew_at = || read(&bytes, "one", now(&clock), &clock).unwrap().cached.unwrap().renew_at;
    clock.advance(seconds(400));
    assert_eq!(renew_at(), now(&clock) + seconds(100));
    clock.advance(seconds(200));
    for _ in 0..20 {
        assert!((now(&clock)..=now(&clock) + seconds(200)).contains(&renew_at()));
    }
    assert_ne!(renew_at(), renew_at());
}

#[test]
fn after_a_reboot_into_1970_the_token_is_dropped_and_waits_start_again() {
    let (clock, state) = machine();
    let bytes = written(&clock, &state);
    clock.reboot();
    clock.set_wall(UNIX_EPOCH);
    assert_eq!(read_back(&clock, &bytes), (None, seconds(400)));
}

#[test]
fn a_wait_of_an_unknown_age_ends_however_often_it_is_read() {
    let (clock, state) = machine();
    let bytes = written(&clock, &state);
    clock.reboot();
    clock.set_wall(UNIX_EPOCH);
    let mut merged = State::default();
    for _ in 0..20 {
        let stored = read(&bytes, "one", now(&clock), &clock).unwrap();
        merged = merged.merged(&stored, now(&clock));
        clock.advance(seconds(30));
    }
    assert_eq!(merged.backoff.backing_off(now(&clock), || false), None);
}

#[test]
fn a_wait_from_before_a_reboot_does_not_last_too_long() {
    let (clock, mut state) = machine();
    let bytes = written(&clock, &state);
    assert_eq!(backing_off(&clock, &bytes), Some(seconds(400)));
    // A reboot of one second, by the wall clock.
    clock.reboot();
    clock.advance(seconds(1));
    assert_eq!(backing_off(&clock, &bytes), Some(seconds(399)));
    // A year without power.
    clock.reboot();
    clock.set_wall(UNIX_EPOCH + START + seconds(365 * 86_400));
    assert_eq!(backing_off(&clock, &bytes), None);
    // A wall clock that was never set.
    clock.set_wall(UNIX_EPOCH);
    state.backoff.verdict.limited_until = now(&clock) + seconds(86_400);
    let bytes = written(&clock, &state);
    clock.reboot();
    assert_eq!(backing_off(&clock, &bytes), Some(LONGEST_UNKNOWN_WAIT));
}

#[test]
fn a_wall_clock_that_was_set_back_does_not_extend_a_lifetime() {
    let (clock, state) = machine();
    let bytes = written(&clock, &state);
    clock.reboot();
    clock.set_wall(UNIX_EPOCH + START - seconds(100_000));
    let (left, wait) = read_back(&clock, &bytes);
    assert!(left.is_none_or(|left| left <= seconds(1_000)), "{left:?}");
    assert_eq!(wait, seconds(400));
}

#[test]
fn faults_are_not_stored() {
    let (clock, state) = machine();
    let now = now(&clock);
    let fail = |kind| {
        let error = Error::new(kind, "a fault");
        let failure = Failure { error: &error, now, is_user: false, fleet_size: None, draw: 1.0 };
        read(&written(&clock, &state.failed(&failure)), "one", now, &clock).unwrap().backoff
    };
    for kind in [ErrorKind::Network, ErrorKind::Timeout, ErrorKind::Server, ErrorKind::Tls] {
        let backoff = fail(kind);
        assert!(backoff.last_error.is_none(), "{kind:?}");
        assert_eq!((backoff.doublings, backoff.retry_at), (0, Duration::ZERO), "{kind:?}");
    }
    let rejected = fail(ErrorKind::Rejected);
    assert_eq!(rejected.last_error.unwrap().kind(), ErrorKind::Rejected);
    assert_eq!(rejected.verdict.refused_until, now + seconds(60));
    assert_eq!(fail(ErrorKind::RateLimited).verdict.rate_limits, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// After any time, in the same boot and in the next.
    #[test]
    fn merging_the_stored_state_changes_nothing(
        steps in prop::collection::vec((0..3u8, 0..50_000_000_u64, any::<bool>()), 1..20),
    ) {
        let (clock, mut state) = machine();
        for (step, hundreds, reboots) in steps {
            // Windows counts time in hundreds of nanoseconds.
            let nanoseconds = 100 * hundreds;
            let error = match step {
                0 => None,
                1 => Some(Error::new(ErrorKind::RateLimited, "a fault")),
                _ => Some(Error::new(ErrorKind::Network, "a fault")),
            };
            if let Some(error) = error {
                let failure =
                    Failure { error: &error, now: now(&clock), is_user: false, fleet_size: None, draw: 0.5 };
                state = state.failed(&failure);
            }
            let bytes = written(&clock, &state);
            clock.advance(Duration::from_nanos(nanoseconds));
            let merged = |state: &State| {
                let stored = read(&bytes, "one", now(&clock), &clock).unwrap();
                state.merged(&stored, now(&clock))
            };
            let once = merged(&state);
            prop_assert!(once.revision() == state.revision(), "{once:?} {state:?}");
            clock.advance(Duration::from_nanos(nanoseconds));
            prop_assert_eq!(format!("{:?}", merged(&once)), format!("{:?}", once));
            if reboots {
                clock.reboot();
                state = read(&bytes, "one", now(&clock), &clock).unwrap();
                clock.advance(Duration::from_nanos(nanoseconds));
                prop_assert!(merged(&state).revision() == state.revision(), "{state:?}");
            }
        }
    }
}

/// A state that version 1 wrote after an outage.
const FIRST_VERSION: &str = r#"{"version":1,
    "written":{"epoch":"boot 0","steady":1000005000000,"wall":1800000000000},
    "held":null,"refresh_token":null,"refresh_changed_at":null,
    "last_error":["Network","cannot sign in"],"failures":9,"refusals":0,
    "not_before":1000008600000,"recent":[1000005000000],"changed_at":1000005000000}"#;

#[test]
fn a_state_of_another_version_is_ignored_and_replaced() {
    let (clock, state) = machine();
    let directory = std::env::temp_dir().join(format!("emnify-v1-{}", std::process::id()));
    let store = Store::directory(&directory);
    let key = EntryKey::new(&Secret::from("one"), "https://cdn.emnify.net").unwrap();
    store.write(&key, "session", FIRST_VERSION.as_bytes()).unwrap();
    assert!(load(&store, &key, now(&clock), &clock).unwrap().is_none());
    let mut state = state;
    state.backoff.credential = "one".into();
    save(&store, &key, &state, now(&clock), &clock).unwrap();
    let stored = load(&store, &key, now(&clock), &clock).unwrap().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(stored.revision() == state.revision(), "{stored:?}");
}

#[test]
fn anything_but_a_state_of_this_version_is_ignored() {
    let clock = ManualClock::new(UNIX_EPOCH + START);
    for bytes in ["", "{}", "[]", r#"{"version":3}"#, FIRST_VERSION] {
        assert!(read(bytes.as_bytes(), "one", now(&clock), &clock).is_none(), "{bytes}");
    }
}
