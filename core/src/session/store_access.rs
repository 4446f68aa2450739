//! What a session does with its store: it locks it, takes over a newer state, and saves its own. A
//! store that fails is reported and does not stop a sign-in.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::session::Session;
use crate::session::snapshot;
use crate::sign_in::credential::Current;
use crate::sign_in::exchange::SIGN_IN;
use crate::store::encryption::EntryKey;
use crate::store::{Locked, Store};
use crate::sys::wait::Wait;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::{Event, EventKind};

/// The part of a caller's time that is not spent on waiting for another process.
const RESERVE: Duration = Duration::from_millis(100);

/// A process that has held the lock for this long while others waited is assumed to be suspended.
/// The others then sign in without the lock.
const LONGEST_HOLD: Duration = Duration::from_secs(120);

/// Appended to an error of the store.
const IN_MEMORY: &str = "the session continues in memory";

impl Session {
    /// Waits until no other process signs in. Returns `Locked::Busy` if the caller is to sign in
    /// without the lock: because its holder seems to be suspended, or the store cannot be locked.
    pub(super) fn lock_store(&self, key: &EntryKey, wait: &Wait) -> Result<Locked> {
        let now = self.parts.clock.steady().as_secs();
        let now = u32::try_from(now).unwrap_or(u32::MAX).max(1);
        let since = self.lock_busy_since.load(Ordering::Relaxed);
        let is_too_long =
            |since: u32| Duration::from_secs(now.saturating_sub(since).into()) >= LONGEST_HOLD;
        let is_suspended = since != 0 && is_too_long(since);
        let left = wait.remaining(SIGN_IN)?;
        // A sign-in without the lock needs time, too.
        let patience = if is_suspended { left / 2 } else { left.saturating_sub(RESERVE) };
        match self.store_within(wait).lock(key.name(), wait, patience) {
            Ok(Locked::Busy) => {
                let since = match self.lock_busy_since.load(Ordering::Relaxed) {
                    0 => now,
                    since => since,
                };
                self.lock_busy_since.store(since, Ordering::Relaxed);
                if !is_too_long(since) {
                    let message = format!(
                        "cannot {SIGN_IN}: another process that shares the store is signing in and \
                         did not finish within the timeout"
                    );
                    return Err(Error::new(ErrorKind::Timeout, message).unsent());
                }
                Ok(Locked::Busy)
            }
            Ok(locked) => {
                self.lock_busy_since.store(0, Ordering::Relaxed);
                Ok(locked)
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            Err(error) => {
                self.report_store_error(error);
                Ok(Locked::Busy)
            }
        }
    }

    /// Takes over what another or an earlier process left in the store, if that is newer.
    pub(super) fn adopt(&self, key: &EntryKey, wait: &Wait) {
        match snapshot::load(&self.store_within(wait), key, self.now(), &*self.parts.clock) {
            Ok(None) => {}
            Ok(Some(stored)) => {
                self.measurements.stored(stored.backoff.verdict.at.unwrap_or_default());
                let (before, now) = (self.state.load_full(), self.now());
                self.state.rcu(|state| state.merged(&stored, now));
                let after = self.state.load_full();
                if let Some(cached) = after.cached.as_ref().filter(|c| !c.is_in(&before)) {
                    let expires_at = cached.auth_token.expires_at();
                    self.parts.events.push(Event::expiring(EventKind::Adopted, expires_at));
                }
            }
            Err(error) => self.report_store_error(error),
        }
    }

    /// Saves the state. Does nothing without the lock, since it could overwrite the later state of
    /// another process.
    pub(super) fn save(&self, key: &EntryKey, lock: &Locked, wait: &Wait) {
        if matches!(lock, Locked::Busy) {
            return;
        }
        let (state, now) = (self.state.load(), self.now());
        match snapshot::save(&self.store_within(wait), key, &state, now, &*self.parts.clock) {
            Ok(()) if self.parts.store.is_memory() => {}
            Ok(()) => self.measurements.stored(now),
            Err(error) => self.report_store_error(error),
        }
    }

    /// Returns the newest successor of an application token that was rotated; any other credential
    /// as it is.
    pub(super) fn successor_of<'a>(&self, credential: Current<'a>) -> Result<Current<'a>> {
        let Current::ApplicationToken(token) = &credential else { return Ok(credential) };
        match self.newest(token) {
            Ok(newest) if newest == *token => Ok(credential),
            Ok(newest) => {
                if self.state.load().backoff.credential != self.entry_key(&newest)?.name() {
                    self.parts.events.push(Event::plain(EventKind::SuccessorFound));
                }
                Ok(Current::ApplicationToken(newest))
            }
            Err(error) => {
                self.report_store_error(error);
                Ok(credential)
            }
        }
    }

    /// Returns the store for operations that end with this wait.
    fn store_within(&self, wait: &Wait) -> Store {
        self.parts.store.within(wait)
    }

    fn report_store_error(&self, error: Error) {
        if error.kind() == ErrorKind::Cancelled {
            return; // The caller cancelled; the store is fine.
        }
        self.report(EventKind::StoreError, error.with_advice(IN_MEMORY));
    }
}
