//! Saves the session's state in a store and loads it. Instants of the steady clock are meaningless
//! after a reboot, so loading converts them to the clock as it runs now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::api::fields::Fields;
use crate::api::json;
use crate::api::json::Body;
use crate::session::backoff::is_verdict;
use crate::session::state::{Backoff, CachedToken, Refresh, State, Verdict};
use crate::store::encryption::EntryKey;
use crate::store::{SESSION, Store};
use crate::sys::clock::{Clock, is_before_release};
use crate::sys::timestamp::{Timestamp, nanos, wall_nanos};
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// The version of the layout below. Another version is not read, and is replaced at the next write.
const VERSION: u32 = 3;

/// If no clock shows how much time has passed since a wait was saved, the wait starts again, but
/// lasts no longer than this. Otherwise a device without a clock that reboots every day would never
/// sign in.
const LONGEST_UNKNOWN_WAIT: Duration = Duration::from_secs(15 * 60);

/// What is saved: tokens, 429s and refusals. Any other failure is over when the next process
/// starts, or happens again soon.
#[derive(Serialize)]
struct Saved {
    version: u32,
    /// When it was saved. The instants below are of the same clock, in nanoseconds, so that they
    /// are read back exactly within the same boot.
    written: Timestamp,
    cached: Option<SavedToken>,
    refresh_token: Option<Zeroizing<String>>,
    refresh_changed_at: Option<u64>,
    last_error: Option<SavedError>,
    verdict_at: Option<u64>,
    rate_limits: u32,
    limited_until: u64,
    refusals: u32,
    refused_until: u64,
}

#[derive(Serialize)]
struct SavedToken {
    auth_token: Zeroizing<String>,
    requested_at: u64,
    renew_at: u64,
    valid_until: u64,
    /// On the server's clock, in nanoseconds since 1970.
    expires_at: u64,
}

#[derive(Serialize)]
struct SavedError {
    kind: String,
    message: String,
}

impl Saved {
    /// Reads what was saved; `None` if it is of another version.
    fn read(json: &[u8]) -> Option<Self> {
        let mut saved = Fields::parse(json)?;
        let version = saved.small("version").filter(|version| *version == VERSION)?;
        Some(Saved {
            version,
            written: saved.timestamp("written")?,
            cached: saved.object("cached").and_then(SavedToken::read),
            refresh_token: saved.secret("refresh_token"),
            refresh_changed_at: saved.number("refresh_changed_at"),
            last_error: saved.object("last_error").and_then(SavedError::read),
            verdict_at: saved.number("verdict_at"),
            rate_limits: saved.small("rate_limits")?,
            limited_until: saved.number("limited_until")?,
            refusals: saved.small("refusals")?,
            refused_until: saved.number("refused_until")?,
        })
    }
}

impl SavedToken {
    fn read(mut saved: Fields) -> Option<Self> {
        Some(SavedToken {
            auth_token: saved.secret("auth_token")?,
            requested_at: saved.number("requested_at")?,
            renew_at: saved.number("renew_at")?,
            valid_until: saved.number("valid_until")?,
            expires_at: saved.number("expires_at")?,
        })
    }
}

impl SavedError {
    fn read(mut saved: Fields) -> Option<Self> {
        Some(SavedError { kind: saved.text("kind")?, message: saved.text("message")? })
    }
}

/// Loads the state that a process saved last; `None` if there is no usable one. Only for the holder
/// of the lock.
pub(crate) fn load(
    store: &Store,
    key: &EntryKey,
    now: Duration,
    clock: &dyn Clock,
) -> Result<Option<State>> {
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

/// Serialises the state at `now`; the bytes are still to be encrypted.
pub(super) fn write(state: &State, now: Duration, clock: &dyn Clock) -> Result<Body> {
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
        last_error: last_error.map(|error| SavedError {
            kind: format!("{:?}", error.kind()),
            message: error.to_string(),
        }),
        verdict_at: verdict.at.map(nanos),
        rate_limits: verdict.rate_limits,
        limited_until: nanos(verdict.limited_until),
        refusals: verdict.refusals,
        refused_until: nanos(verdict.refused_until),
    })
}

/// Reads the state of the credential of that name; `None` if the bytes are not a state of this
/// version.
pub(super) fn read(
    bytes: &[u8],
    credential: &str,
    now: Duration,
    clock: &dyn Clock,
) -> Option<State> {
    let saved = Saved::read(bytes)?;
    let shift = Shift::between(&saved.written, now, clock);
    let verdict = Verdict {
        at: saved.verdict_at.map(|at| shift.replied_at(at)),
        rate_limits: saved.rate_limits,
        limited_until: shift.wait_until(saved.limited_until),
        refusals: saved.refusals,
        refused_until: shift.wait_until(saved.refused_until),
    };
    let started_at = saved.cached.as_ref().filter(|_| shift.same_boot);
    let backoff = Backoff {
        credential: credential.to_owned(),
        last_error: saved.last_error.map(|error| Error::new(kind_of(&error.kind), error.message)),
        changed_at: verdict.at,
        started_at: started_at.map(|cached| shift.steady(cached.requested_at)),
        verdict,
        ..Backoff::default()
    };
    let refresh = Refresh {
        token: saved.refresh_token.map(|token| Secret::from(token.as_str())),
        changed_at: saved.refresh_changed_at.map(|at| shift.replied_at(at)),
    };
    let cached = saved.cached.and_then(|cached| shift.token(cached, credential, clock));
    Some(State { cached, backoff, refresh, ..State::default() })
}

/// Converts instants from the clocks at the time of writing to those of now.
struct Shift {
    then: Duration,
    now: Duration,
    booted_at: Duration,
    wall: SystemTime,
    /// The time that has passed since; `None` if no clock shows it.
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

    /// Converts an instant of the steady clock. If it is unknown how much time has passed, assumes
    /// none.
    fn steady(&self, nanos: u64) -> Duration {
        let at = Duration::from_nanos(nanos);
        let elapsed = self.elapsed.unwrap_or_default();
        (self.now + at).saturating_sub(self.then).saturating_sub(elapsed)
    }

    /// Converts the time of a reply. If it is unknown how much time has passed, returns the time of
    /// the boot: when it is read again it must not seem newer, or its wait would start again each
    /// time.
    fn replied_at(&self, nanos: u64) -> Duration {
        match self.elapsed {
            Some(_) => self.steady(nanos),
            None => self.booted_at,
        }
    }

    /// Converts the end of a wait.
    fn wait_until(&self, nanos: u64) -> Duration {
        match self.elapsed {
            Some(_) => self.steady(nanos),
            None => self.steady(nanos).min(self.now + LONGEST_UNKNOWN_WAIT),
        }
    }

    /// Restores a token. Within the same boot the steady clock decides whether it is valid. After a
    /// reboot its expiry and the wall clock decide, and it is dropped if the wall clock was never
    /// set. If it is due then, another point of renewal is drawn: when power returns, many machines
    /// start at the same time.
    fn token(&self, saved: SavedToken, credential: &str, clock: &dyn Clock) -> Option<CachedToken> {
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
        let renew_at = valid_until.saturating_sub(early);
        let renew_at = if self.same_boot || self.now < renew_at {
            renew_at
        } else {
            self.now + valid_until.saturating_sub(self.now).mul_f64(clock.jitter() / 2.0)
        };
        let cached = CachedToken {
            auth_token,
            credential: credential.to_owned(),
            requested_at: valid_until.saturating_sub(lifetime),
            renew_at,
            valid_until,
            is_reported: false,
        };
        Some(cached).filter(|cached| self.now < cached.valid_until)
    }
}

/// Returns the kind of that name, of those that are stored.
fn kind_of(name: &str) -> ErrorKind {
    use ErrorKind::{Locked, MfaRequired, RateLimited, Rejected};
    [Rejected, Locked, MfaRequired, RateLimited]
        .into_iter()
        .find(|kind| format!("{kind:?}") == name)
        .unwrap_or(ErrorKind::Protocol)
}

#[cfg(test)]
mod tests;
