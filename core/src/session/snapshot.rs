//! The session's state as it stands in a store. Instants on the steady clock mean something only
//! until the next boot, so what is read back is carried over to the clock as it runs now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::json;
use crate::api::json::Body;
use crate::session::policy::is_verdict;
use crate::session::state::{Backoff, CachedToken, Refresh, State, Verdict};
use crate::store::encryption::EntryKey;
use crate::store::{SESSION, Store};
use crate::sys::clock::{Clock, is_before_release};
use crate::sys::timestamp::{Timestamp, nanos, wall_nanos};
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// The layout below. Another one is not read, and replaced at the next write.
const VERSION: u32 = 2;

/// Where nobody knows how much time has passed since, a wait starts again, but no longer one than
/// this: else a device that knows no time and reboots every day would never call.
const LONGEST_UNKNOWN_WAIT: Duration = Duration::from_secs(15 * 60);

/// Tokens, 429s and refusals. Whatever else went wrong is over when the next process starts, or
/// shows itself soon.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    /// When; the instants below are of the same clock, in nanoseconds, so that one that is read
    /// back in the same boot is exactly the one that was written.
    written: Timestamp,
    cached: Option<SavedToken>,
    refresh_token: Option<Zeroizing<String>>,
    refresh_changed_at: Option<u64>,
    /// Its kind and its message.
    last_error: Option<(String, String)>,
    verdict_at: Option<u64>,
    rate_limits: u32,
    limited_until: u64,
    refusals: u32,
    refused_until: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedToken {
    auth_token: Zeroizing<String>,
    requested_at: u64,
    renew_at: u64,
    valid_until: u64,
    /// On the server's clock.
    expires_at: u64,
}

/// Returns the state as some process last saved it, if there is a usable one. Only for the holder
/// of the lock.
pub(crate) fn load(
    store: &Store,
    key: &EntryKey,
    now: Duration,
    clock: &dyn Clock,
) -> Result<Option<State>> {
    // Another version's is replaced at the next write.
    let plain = store.read(key, SESSION, true)?;
    Ok(plain.and_then(|plain| read(&plain, key.name(), now, clock)))
}

/// Saves the state for the next process. Only for the holder of the lock.
pub(crate) fn save(
    store: &Store,
    key: &EntryKey,
    state: &State,
    now: Duration,
    clock: &dyn Clock,
) -> Result<()> {
    if store.is_memory() {
        return Ok(());
    }
    store.write(key, SESSION, &write(&state.savable(), now, clock)?)
}

/// The state at `now` as bytes, still to be encrypted.
fn write(state: &State, now: Duration, clock: &dyn Clock) -> Result<Body> {
    let State { cached, backoff, refresh, probe: _ } = state;
    let text = |secret: &str| Zeroizing::new(secret.to_owned());
    let last_error = backoff.last_error.as_ref().filter(|error| is_verdict(error));
    let verdict = backoff.verdict;
    json::body(&Saved {
        version: VERSION,
        written: Timestamp::new(now, clock),
        cached: cached.as_ref().map(|cached| SavedToken {
            auth_token: text(cached.auth_token.reveal()),
            requested_at: nanos(cached.requested_at),
            renew_at: nanos(cached.renew_at),
            valid_until: nanos(cached.valid_until),
            expires_at: wall_nanos(cached.auth_token.expires_at()),
        }),
        refresh_token: refresh.token.as_ref().map(|token| text(token.reveal())),
        refresh_changed_at: refresh.changed_at.map(nanos),
        last_error: last_error.map(|error| (format!("{:?}", error.kind()), error.to_string())),
        verdict_at: verdict.at.map(nanos),
        rate_limits: verdict.rate_limits,
        limited_until: nanos(verdict.limited_until),
        refusals: verdict.refusals,
        refused_until: nanos(verdict.refused_until),
    })
}

/// Reads back the state of the credential of that name; `None` if the bytes are no state of this
/// version.
fn read(bytes: &[u8], credential: &str, now: Duration, clock: &dyn Clock) -> Option<State> {
    let saved: Saved = serde_json::from_slice(bytes).ok()?;
    if saved.version != VERSION {
        return None;
    }
    let shift = Shift::between(&saved.written, now, clock);
    let verdict = Verdict {
        at: saved.verdict_at.map(|at| shift.said_at(at)),
        rate_limits: saved.rate_limits,
        limited_until: shift.wait_until(saved.limited_until),
        refusals: saved.refusals,
        refused_until: shift.wait_until(saved.refused_until),
    };
    let started_at = saved.cached.as_ref().filter(|_| shift.same_boot);
    let backoff = Backoff {
        credential: credential.to_owned(),
        last_error: saved.last_error.map(|(kind, message)| Error::new(kind_of(&kind), message)),
        changed_at: verdict.at,
        started_at: started_at.map(|cached| shift.steady(cached.requested_at)),
        verdict,
        ..Backoff::default()
    };
    let refresh = Refresh {
        token: saved.refresh_token.map(|token| Secret::from(token.as_str())),
        changed_at: saved.refresh_changed_at.map(|at| shift.said_at(at)),
    };
    let cached = saved.cached.and_then(|cached| shift.token(cached, credential));
    Some(State { cached, backoff, refresh, ..State::default() })
}

/// From the clocks at the time of writing to those of now.
struct Shift {
    then: Duration,
    now: Duration,
    booted_at: Duration,
    wall: SystemTime,
    /// What passed between; `None` where no clock can tell.
    elapsed: Option<Duration>,
    same_boot: bool,
}

impl Shift {
    fn between(written: &Timestamp, now: Duration, clock: &dyn Clock) -> Self {
        Shift {
            then: written.steady(),
            now,
            booted_at: now.saturating_sub(clock.steady()),
            wall: clock.wall(),
            elapsed: written.elapsed(now, clock),
            same_boot: written.is_of_this_boot(clock),
        }
    }

    /// An instant of the steady clock then, on the steady clock now. Where nobody knows how much
    /// time has passed, none has.
    fn steady(&self, nanos: u64) -> Duration {
        let at = Duration::from_nanos(nanos);
        let elapsed = self.elapsed.unwrap_or_default();
        (self.now + at).saturating_sub(self.then).saturating_sub(elapsed)
    }

    /// When something was said. Where no clock tells how long ago, before this boot, and always the
    /// same instant: read again, it must not seem newer, or its wait would begin anew each time.
    fn said_at(&self, nanos: u64) -> Duration {
        match self.elapsed {
            Some(_) => self.steady(nanos),
            None => self.booted_at,
        }
    }

    /// The end of a wait, likewise.
    fn wait_until(&self, nanos: u64) -> Duration {
        match self.elapsed {
            Some(_) => self.steady(nanos),
            None => self.steady(nanos).min(self.now + LONGEST_UNKNOWN_WAIT),
        }
    }

    /// A token read back in the same boot is judged by the steady clock; after a reboot, by its
    /// expiry and the wall clock, and not kept where that was never set.
    fn token(&self, saved: SavedToken, credential: &str) -> Option<CachedToken> {
        let auth_token = AuthToken::restored(
            Secret::from(saved.auth_token.as_str()),
            UNIX_EPOCH + Duration::from_nanos(saved.expires_at),
        );
        let lifetime = Duration::from_nanos(saved.valid_until.saturating_sub(saved.requested_at));
        let valid_until = if self.same_boot {
            self.steady(saved.valid_until)
        } else {
            if is_before_release(self.wall) {
                return None;
            }
            let left = auth_token.expires_at().duration_since(self.wall).ok()?;
            self.now + left.min(lifetime)
        };
        let early = Duration::from_nanos(saved.valid_until.saturating_sub(saved.renew_at));
        let cached = CachedToken {
            auth_token,
            credential: credential.to_owned(),
            requested_at: valid_until.saturating_sub(lifetime),
            renew_at: valid_until.saturating_sub(early),
            valid_until,
            is_reported: false,
        };
        Some(cached).filter(|cached| self.now < cached.valid_until)
    }
}

/// The kinds of error that are stored.
fn kind_of(name: &str) -> ErrorKind {
    use ErrorKind::{Locked, MfaRequired, RateLimited, Rejected};
    [Rejected, Locked, MfaRequired, RateLimited]
        .into_iter()
        .find(|kind| format!("{kind:?}") == name)
        .unwrap_or(ErrorKind::Protocol)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::policy::Failure;
    use crate::sys::clock::ManualClock;
    use crate::types::claims::tests::jwt;

    const START: Duration = Duration::from_secs(1_800_000_000);
    /// As in a session: the steady clock starts far from zero, so that no instant before a boot is
    /// out of its reach.
    const ORIGIN: Duration = Duration::from_secs(1_000_000_000);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn now(clock: &ManualClock) -> Duration {
        ORIGIN + clock.steady()
    }

    /// A machine that has run for a while, signed in for 1,000 seconds and told to wait for 400.
    fn machine() -> (ManualClock, State) {
        let clock = ManualClock::new(UNIX_EPOCH + START);
        clock.advance(seconds(5_000));
        let expiry = START.as_secs() + 6_000;
        let token = jwt(&format!(r#"{{"iat":{},"exp":{expiry}}}"#, expiry - 1_000));
        let token = AuthToken::new(Secret::from(token), clock.wall());
        let cached = CachedToken::new(token, "one", now(&clock), 0.0);
        let refresh =
            Refresh { token: Some(Secret::from("refresh")), changed_at: Some(now(&clock)) };
        let mut state = State::default().starting(now(&clock));
        state = state.succeeded(cached, refresh, now(&clock));
        state.backoff.verdict.limited_until = now(&clock) + seconds(400);
        (clock, state)
    }

    fn written(clock: &ManualClock, state: &State) -> Body {
        write(state, now(clock), clock).unwrap()
    }

    /// What is left of the token's life, and of the wait.
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
    fn in_the_same_boot_the_steady_clock_counts_whatever_the_wall_clock_shows() {
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
    fn after_a_reboot_into_1970_no_token_is_kept_and_every_wait_starts_again() {
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
    fn what_happened_before_a_reboot_holds_nobody_back_for_longer_than_it_should() {
        let (clock, mut state) = machine();
        let bytes = written(&clock, &state);
        assert_eq!(backing_off(&clock, &bytes), Some(seconds(400)));
        // A second's reboot, as the wall clock has it.
        clock.reboot();
        clock.advance(seconds(1));
        assert_eq!(backing_off(&clock, &bytes), Some(seconds(399)));
        // A year in a drawer.
        clock.reboot();
        clock.set_wall(UNIX_EPOCH + START + seconds(365 * 86_400));
        assert_eq!(backing_off(&clock, &bytes), None);
        // A clock that knows nothing.
        clock.set_wall(UNIX_EPOCH);
        state.backoff.verdict.limited_until = now(&clock) + seconds(86_400);
        let bytes = written(&clock, &state);
        clock.reboot();
        assert_eq!(backing_off(&clock, &bytes), Some(LONGEST_UNKNOWN_WAIT));
    }

    #[test]
    fn a_wall_clock_that_went_back_does_not_lengthen_a_life() {
        let (clock, state) = machine();
        let bytes = written(&clock, &state);
        clock.reboot();
        clock.set_wall(UNIX_EPOCH + START - seconds(100_000));
        let (left, wait) = read_back(&clock, &bytes);
        assert!(left.is_none_or(|left| left <= seconds(1_000)), "{left:?}");
        assert_eq!(wait, seconds(400));
    }

    #[test]
    fn what_may_be_over_is_not_stored() {
        let (clock, state) = machine();
        let now = now(&clock);
        let fail = |kind| {
            let error = Error::new(kind, "a fault");
            let wall = clock.wall();
            let failure = Failure { error: &error, now, wall, is_user: false, draw: 1.0 };
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

        /// Whatever passes, to the nanosecond, in the same boot and in the next.
        #[test]
        fn merging_what_was_stored_changes_nothing(
            steps in prop::collection::vec((0..3u8, 0..5_000_000_000_u64, any::<bool>()), 1..20),
        ) {
            let (clock, mut state) = machine();
            for (step, nanoseconds, reboots) in steps {
                let error = match step {
                    0 => None,
                    1 => Some(Error::new(ErrorKind::RateLimited, "a fault")),
                    _ => Some(Error::new(ErrorKind::Network, "a fault")),
                };
                if let Some(error) = error {
                    let (now, wall) = (now(&clock), clock.wall());
                    let failure = Failure { error: &error, now, wall, is_user: false, draw: 0.5 };
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

    /// As version 1 wrote it, after an outage.
    const FIRST_VERSION: &str = r#"{"version":1,
        "written":{"epoch":"boot 0","steady":1000005000000,"wall":1800000000000},
        "held":null,"refresh_token":null,"refresh_changed_at":null,
        "last_error":["Network","cannot sign in"],"failures":9,"refusals":0,
        "not_before":1000008600000,"recent":[1000005000000],"changed_at":1000005000000}"#;

    #[test]
    fn a_file_of_another_version_is_passed_over_and_replaced() {
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
    fn bytes_that_are_no_state_of_this_version_are_not_read() {
        let clock = ManualClock::new(UNIX_EPOCH + START);
        for bytes in ["", "{}", "[]", r#"{"version":3}"#, FIRST_VERSION] {
            assert!(read(bytes.as_bytes(), "one", now(&clock), &clock).is_none(), "{bytes}");
        }
    }
}
