//! Carries out what `policy` decides: hands out the cached auth token, renews it in the background,
//! or lets one caller sign in while the others wait for its result. Only one thread signs in at a
//! time, and only one process of those that share a store.

mod attempt_result;
mod background;
pub(crate) mod backoff;
pub(crate) mod event_queue;
pub(crate) mod expiry_notice;
pub(crate) mod measurements;
pub(crate) mod policy;
pub(crate) mod probe;
mod refresh;
pub(crate) mod replacement;
mod rotation_support;
mod server_time;
mod shared_sign_in;
pub(crate) mod single_flight;
pub(crate) mod snapshot;
pub(crate) mod state;
mod store_access;
mod upkeep;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::http::Http;
use crate::session::background::BackgroundFailure;
use crate::session::event_queue::Events;
use crate::session::expiry_notice::ExpiryNotice;
use crate::session::measurements::Measurements;
use crate::session::policy::{Decision, Need};
use crate::session::single_flight::SingleFlight;
use crate::session::state::{CachedToken, State};
use crate::session::upkeep::Upkeep;
use crate::sign_in::credential::{Credential, Current, SendAs, Workspace};
use crate::sign_in::exchange::SignInMode;
use crate::store::Store;
use crate::sys::clock::Clock;
use crate::sys::per_process::PerProcess;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, Result};
use crate::types::event::{Event, EventKind};
use crate::types::secret::Secret;
use crate::types::status::Status;

/// A hundred years, added to the steady clock, so that instants before the last boot do not become
/// negative.
const ORIGIN: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What a session is created from.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) http: Arc<Http>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) credential: Credential,
    pub(crate) store: Store,
    pub(crate) events: Arc<Events>,
    /// The time limit of a renewal in the background.
    pub(crate) timeout: Duration,
    /// Whether a thread renews the token on time, without calls.
    pub(crate) auto_renew: bool,
    /// How many clients share an address, if that is known.
    pub(crate) fleet_size: Option<u32>,
}

/// Signs in with one credential, and keeps its auth token.
#[derive(Debug)]
pub(crate) struct Session {
    parts: Parts,
    /// Read without a lock and only ever replaced as a whole, so that a forked child finds it
    /// complete whatever the parent was doing.
    state: ArcSwap<State>,
    flight: PerProcess<Arc<SingleFlight<Result<AuthToken>>>>,
    calls_made: AtomicU32,
    /// Since when another process has held the store's lock while this one waited, in seconds; 0 if
    /// the lock was free at the last attempt.
    lock_busy_since: AtomicU32,
    expiry: ExpiryNotice,
    measurements: Measurements,
    upkeep: Upkeep,
    /// The failure of the last sign-in in the background, if it left no valid token.
    background_failure: ArcSwapOption<BackgroundFailure>,
}

impl Session {
    pub(crate) fn new(parts: Parts) -> Self {
        Session {
            parts,
            state: ArcSwap::default(),
            flight: PerProcess::new(),
            calls_made: AtomicU32::new(0),
            lock_busy_since: AtomicU32::new(0),
            expiry: ExpiryNotice::default(),
            measurements: Measurements::default(),
            upkeep: Upkeep::new(),
            background_failure: ArcSwapOption::empty(),
        }
    }

    /// Returns the cached auth token if it can be handed out at once. Takes no lock and makes no
    /// system call except to read the clock.
    pub(crate) fn cached(self: &Arc<Self>) -> Option<AuthToken> {
        let auth_token = self.cached_silently(Need::Valid)?;
        self.parts.events.deliver();
        Some(auth_token)
    }

    /// Like [`Session::cached`], but delivers no events.
    fn cached_silently(self: &Arc<Self>, need: Need<'_>) -> Option<AuthToken> {
        if self.parts.auto_renew {
            // Without a thread, the next call tries again.
            let _ = self.keep_signed_in();
        }
        let state = self.state.load();
        let now = self.now();
        match state.decide(need, now, || self.parts.credential.changed()) {
            Decision::HandOut => {}
            Decision::HandOutAndRenew => self.renew_in_background(&state),
            _ => return None,
        }
        state.valid(now).cloned()
    }

    /// Returns how long the token is still valid: on the steady clock if it is the cached one.
    pub(crate) fn valid_for(&self, auth_token: &AuthToken) -> Duration {
        let state = self.state.load();
        match state.cached.as_ref().filter(|cached| cached.auth_token.is(auth_token)) {
            Some(cached) => cached.valid_until.saturating_sub(self.now()),
            None => {
                let left = auth_token.expires_at().duration_since(self.parts.clock.wall());
                left.unwrap_or_default()
            }
        }
    }

    /// Returns the auth token that the caller needs.
    pub(crate) fn authenticate(
        self: &Arc<Self>,
        need: Need<'_>,
        wait: impl FnOnce() -> Wait,
    ) -> Result<AuthToken> {
        let result = self.authenticate_as(SignInMode::Interactive, need, wait);
        self.parts.events.deliver();
        result
    }

    /// Like [`Session::authenticate`], but in any mode, and delivers no events.
    pub(crate) fn authenticate_as(
        self: &Arc<Self>,
        mode: SignInMode,
        need: Need<'_>,
        wait: impl FnOnce() -> Wait,
    ) -> Result<AuthToken> {
        if let Some(auth_token) = self.cached_silently(need) {
            return Ok(auth_token);
        }
        let auth_token = self.or_usable(self.sign_in_or_wait(mode, &wait(), need), need)?;
        if need.is_met_by_new(&auth_token) {
            Ok(auth_token)
        } else {
            Err(refresh::too_short(auth_token.claims().lifetime()))
        }
    }

    /// Ends all waits before the next attempt, except those that emnify asked for.
    pub(crate) fn retry_now(&self) {
        self.state.rcu(|state| state.retrying_now());
        self.background_failure.store(None);
        self.upkeep.wake();
    }

    /// Creates a session in another workspace, which this session's user or machine switches to.
    pub(crate) fn in_workspace(self: &Arc<Self>, id: u64, send: SendAs) -> Session {
        let (parts, first) = (&self.parts, Arc::clone(self));
        let key_material = Arc::new(move || first.key_material());
        Session::new(Parts {
            http: Arc::clone(&parts.http),
            clock: Arc::clone(&parts.clock),
            credential: Credential::Workspace(Workspace { id, send, key_material }),
            store: parts.store.clone(),
            events: Arc::new(parts.events.for_another()),
            timeout: parts.timeout,
            auto_renew: parts.auto_renew,
            fleet_size: parts.fleet_size,
        })
    }

    /// Returns what the store's key is derived from. For an application token that was rotated this
    /// is its newest successor.
    pub(crate) fn key_material(&self) -> Result<Secret> {
        match self.parts.credential.current()? {
            (Current::ApplicationToken(token), _) => Ok(self.newest(&token).unwrap_or(token)),
            (credential, _) => Ok(credential.key_material()),
        }
    }

    /// Adds an event about a problem that the session copes with.
    pub(crate) fn report(&self, kind: EventKind, error: Error) {
        self.parts.events.push(Event::warning(kind, error));
    }

    /// Adds an event of a call.
    pub(crate) fn add_event(&self, event: Event) {
        self.parts.events.push(event);
    }

    /// Passes the events to `receive`, on this thread, until it returns false.
    #[cfg(feature = "__faces")]
    pub(crate) fn deliver_events_to(&self, receive: impl FnMut(&Event) -> bool) {
        self.parts.events.deliver_to(receive);
    }

    /// Takes the oldest event; `None` if there is none, or if an observer receives the events.
    pub(crate) fn take_event(&self) -> Option<Event> {
        self.parts.events.take()
    }

    /// Passes the events to the observer, on this thread.
    pub(crate) fn deliver_events(&self) {
        self.parts.events.deliver();
    }

    /// Returns the session's status. Delivers no events.
    pub(crate) fn status(&self) -> Status {
        let now = self.now();
        let state = self.state.load();
        let in_use = |cached: &&CachedToken| now < cached.valid_until && !cached.is_reported;
        let cached = state.cached.as_ref().filter(in_use);
        let backing_off = state.backoff.backing_off(now, || self.parts.credential.changed());
        let ahead = |at: Duration| at.saturating_sub(now);
        Status {
            signed_in: cached.is_some(),
            valid_until: cached.and_then(|cached| self.wall_time_of(cached.valid_until)),
            next_attempt: backing_off.map(ahead),
            last_error: state.backoff.last_error.clone(),
            calls_made: self.calls_made.load(Ordering::Relaxed).into(),
            last_change: state.backoff.changed_at.and_then(|at| self.wall_time_of(at)),
        }
    }

    /// Returns the time of the steady clock.
    pub(crate) fn now(&self) -> Duration {
        self.parts.clock.steady() + ORIGIN
    }

    /// Converts a time of the steady clock to this machine's clock.
    fn wall_time_of(&self, at: Duration) -> Option<SystemTime> {
        let (now, wall) = (self.now(), self.parts.clock.wall());
        match at.checked_sub(now) {
            Some(ahead) => wall.checked_add(ahead),
            None => wall.checked_sub(now.saturating_sub(at)),
        }
    }

    /// Whether a thread of this process makes an attempt.
    #[cfg(feature = "__faces")]
    pub(crate) fn is_signing_in(&self) -> bool {
        self.flight().progress().0
    }

    fn flight(&self) -> &Arc<SingleFlight<Result<AuthToken>>> {
        self.flight.get_or_init(|| SingleFlight::new(Waker::from(Arc::clone(&self.parts.events))))
    }
}
