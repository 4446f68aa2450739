//! The session's state as it stands in a store. Instants on the steady clock mean something only
//! until the next boot, so what is read back is carried over to the clock as it runs now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::{self, Body};
use crate::auth_token::AuthToken;
use crate::clock::{Clock, is_before_release};
use crate::error::{Error, ErrorKind, Result};
use crate::moment::{Moment, millis, wall_millis};
use crate::secret::Secret;
use crate::state::{Held, Refresh, State, Trouble};

/// The layout below. Another one is not read, and replaced at the next write.
const VERSION: u32 = 1;

/// Where nobody knows how much time has passed since, a wait starts again, but no longer one than
/// this: else a device that knows no time and reboots every day would never call.
const LONGEST_UNKNOWN_WAIT: Duration = Duration::from_secs(15 * 60);

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    /// When; the instants below are of the same clock, in milliseconds.
    written: Moment,
    held: Option<SavedHeld>,
    refresh_token: Option<Zeroizing<String>>,
    refresh_changed_at: Option<u64>,
    /// Its kind and its message.
    last_error: Option<(String, String)>,
    failures: u32,
    refusals: u32,
    not_before: u64,
    recent: Vec<u64>,
    changed_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct SavedHeld {
    auth_token: Zeroizing<String>,
    requested_at: u64,
    renew_at: u64,
    valid_until: u64,
    /// On the server's clock.
    expires_at: u64,
}

/// The state at `now` as bytes, still to be sealed.
pub(crate) fn write(state: &State, now: Duration, clock: &dyn Clock) -> Result<Body> {
    let State { held, trouble, refresh, dropped: _ } = state;
    let text = |secret: &str| Zeroizing::new(secret.to_owned());
    api::body(&Saved {
        version: VERSION,
        written: Moment::new(now, clock),
        held: held.as_ref().map(|held| SavedHeld {
            auth_token: text(held.auth_token.reveal()),
            requested_at: millis(held.requested_at),
            renew_at: millis(held.renew_at),
            valid_until: millis(held.valid_until),
            expires_at: wall_millis(held.auth_token.expires_at()),
        }),
        refresh_token: refresh.token.as_ref().map(|token| text(token.reveal())),
        refresh_changed_at: refresh.changed_at.map(millis),
        last_error: trouble
            .last_error
            .as_ref()
            .map(|error| (format!("{:?}", error.kind()), error.to_string())),
        failures: trouble.failures,
        refusals: trouble.refusals,
        not_before: millis(trouble.not_before),
        recent: trouble.recent.iter().copied().map(millis).collect(),
        changed_at: trouble.changed_at.map(millis),
    })
}

/// Reads back the state of the credential of that name; `None` if the bytes are no state of this
/// version.
pub(crate) fn read(
    bytes: &[u8],
    credential: &str,
    now: Duration,
    clock: &dyn Clock,
) -> Option<State> {
    let saved: Saved = serde_json::from_slice(bytes).ok()?;
    if saved.version != VERSION {
        return None;
    }
    let shift = Shift::between(&saved.written, now, clock);
    let not_before = match shift.elapsed {
        Some(_) => shift.steady(saved.not_before),
        None => shift.steady(saved.not_before).min(now + LONGEST_UNKNOWN_WAIT),
    };
    // Attempts of an unknown age would hold back for an hour after each boot, which may be longer
    // than the device runs.
    let recent = saved.recent.iter().filter(|_| shift.elapsed.is_some());
    let trouble = Trouble {
        credential: credential.to_owned(),
        last_error: saved.last_error.map(|(kind, message)| Error::new(kind_of(&kind), message)),
        failures: saved.failures,
        refusals: saved.refusals,
        not_before,
        recent: recent.map(|at| shift.steady(*at)).collect(),
        changed_at: saved.changed_at.map(|at| shift.steady(at)),
    };
    let refresh = Refresh {
        token: saved.refresh_token.map(|token| Secret::from(token.as_str())),
        changed_at: saved.refresh_changed_at.map(|at| shift.steady(at)),
    };
    let held = saved.held.and_then(|held| shift.held(held, credential));
    Some(State { held, trouble, refresh, dropped: None })
}

/// From the clocks at the time of writing to those of now.
struct Shift {
    then: Duration,
    now: Duration,
    wall: SystemTime,
    /// What passed between; `None` where no clock can tell.
    elapsed: Option<Duration>,
    same_boot: bool,
}

impl Shift {
    fn between(written: &Moment, now: Duration, clock: &dyn Clock) -> Self {
        Shift {
            then: written.steady(),
            now,
            wall: clock.wall(),
            elapsed: written.elapsed(now, clock),
            same_boot: written.is_of_this_boot(clock),
        }
    }

    /// An instant of the steady clock then, on the steady clock now. Where nobody knows how much
    /// time has passed, none has.
    fn steady(&self, millis: u64) -> Duration {
        let at = Duration::from_millis(millis);
        let elapsed = self.elapsed.unwrap_or_default();
        (self.now + at).saturating_sub(self.then).saturating_sub(elapsed)
    }

    /// A token read back in the same boot is judged by the steady clock; after a reboot, by its
    /// expiry and the wall clock, and not kept where that was never set.
    fn held(&self, saved: SavedHeld, credential: &str) -> Option<Held> {
        let auth_token = AuthToken::restored(
            Secret::from(saved.auth_token.as_str()),
            UNIX_EPOCH + Duration::from_millis(saved.expires_at),
        );
        let lifetime = Duration::from_millis(saved.valid_until.saturating_sub(saved.requested_at));
        let valid_until = if self.same_boot {
            self.steady(saved.valid_until)
        } else {
            if is_before_release(self.wall) {
                return None;
            }
            let left = auth_token.expires_at().duration_since(self.wall).ok()?;
            self.now + left.min(lifetime)
        };
        let early = Duration::from_millis(saved.valid_until.saturating_sub(saved.renew_at));
        let held = Held {
            auth_token,
            credential: credential.to_owned(),
            requested_at: valid_until.saturating_sub(lifetime),
            renew_at: valid_until.saturating_sub(early),
            valid_until,
        };
        Some(held).filter(|held| self.now < held.valid_until)
    }
}

/// The kinds that a failed attempt to sign in has; others need not be told apart after a restart.
fn kind_of(name: &str) -> ErrorKind {
    use ErrorKind::{Locked, MfaRequired, Network, RateLimited, Rejected, Server, Timeout, Tls};
    [Rejected, Locked, MfaRequired, RateLimited, Network, Server, Timeout, Tls]
        .into_iter()
        .find(|kind| format!("{kind:?}") == name)
        .unwrap_or(ErrorKind::Protocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::tests::jwt;
    use crate::clock::ManualClock;

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

    /// A machine that has run for a while, signed in for 1,000 seconds and held back for 400, after
    /// twelve attempts.
    fn machine() -> (ManualClock, State) {
        let clock = ManualClock::new(UNIX_EPOCH + START);
        clock.advance(seconds(5_000));
        let expiry = START.as_secs() + 6_000;
        let token = jwt(&format!(r#"{{"iat":{},"exp":{expiry}}}"#, expiry - 1_000));
        let token = AuthToken::new(Secret::from(token), clock.wall());
        let held = Held::new(token, "one", now(&clock), 0.0);
        let refresh =
            Refresh { token: Some(Secret::from("refresh")), changed_at: Some(now(&clock)) };
        let mut state = State::default().succeeded(held, refresh, now(&clock));
        state.trouble.not_before = now(&clock) + seconds(400);
        state.trouble.recent = vec![now(&clock); 12];
        (clock, state)
    }

    fn written(clock: &ManualClock, state: &State) -> Body {
        write(state, now(clock), clock).unwrap()
    }

    /// What is left of the token's life, and of the wait.
    fn read_back(clock: &ManualClock, bytes: &[u8]) -> (Option<Duration>, Duration) {
        let state = read(bytes, "one", now(clock), clock).unwrap();
        let left = state.held.map(|held| held.valid_until - now(clock));
        (left, state.trouble.not_before.saturating_sub(now(clock)))
    }

    fn held_back(clock: &ManualClock, bytes: &[u8]) -> Option<Duration> {
        let state = read(bytes, "one", now(clock), clock).unwrap();
        state.trouble.held_back(now(clock), || false).map(|until| until - now(clock))
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
        assert_eq!(again.held.unwrap().renew_at, ORIGIN + seconds(5_500));
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
    fn what_happened_before_a_reboot_holds_nobody_back_for_longer_than_it_should() {
        let (clock, mut state) = machine();
        let bytes = written(&clock, &state);
        assert_eq!(held_back(&clock, &bytes), Some(seconds(3_600)));
        // A second's reboot, as the wall clock has it.
        clock.reboot();
        clock.advance(seconds(1));
        assert_eq!(held_back(&clock, &bytes), Some(seconds(3_599)));
        // A year in a drawer.
        clock.reboot();
        clock.set_wall(UNIX_EPOCH + START + seconds(365 * 86_400));
        assert_eq!(held_back(&clock, &bytes), None);
        // A clock that knows nothing.
        clock.set_wall(UNIX_EPOCH);
        state.trouble.not_before = now(&clock) + seconds(86_400);
        let bytes = written(&clock, &state);
        clock.reboot();
        assert_eq!(held_back(&clock, &bytes), Some(LONGEST_UNKNOWN_WAIT));
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
    fn bytes_that_are_no_state_are_not_read() {
        let clock = ManualClock::new(UNIX_EPOCH + START);
        for bytes in ["", "{}", "[]", r#"{"version":2}"#] {
            assert!(read(bytes.as_bytes(), "one", now(&clock), &clock).is_none(), "{bytes}");
        }
    }
}
