//! Carries out what `decision` decides: hands out the cached auth token, renews it in the
//! background, or signs in while callers wait, once for all threads and for all processes that
//! share a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;

use crate::auth_token::AuthToken;
use crate::claims::Claims;
use crate::clock::Clock;
use crate::credential::{Credential, Current};
use crate::deadline::Deadline;
use crate::decision::Decision;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, Events};
use crate::http::Http;
use crate::login::{Grant, Login, Presence, SIGN_IN};
use crate::per_process::PerProcess;
use crate::random;
use crate::seal::Seal;
use crate::signals;
use crate::single_flight::{Flight, SingleFlight};
use crate::state::{Held, State};
use crate::status::Status;
use crate::store::{Lock, Store};

/// How often a caller without a token tries, within its timeout, what may pass by itself.
const MOST_ATTEMPTS: u32 = 3;

/// A refresh needs a TLS handshake and some JSON.
const REFRESH_STACK: usize = 256 * 1024;

/// From when on an application token's expiry is worth a warning.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * SECONDS_A_DAY);
const SECONDS_A_DAY: u64 = 86_400;

/// A machine that is signed in, or about to be.
#[derive(Debug)]
pub(crate) struct Session {
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    credential: Credential,
    store: Store,
    events: Events,
    /// For a refresh that nobody waits for.
    timeout: Duration,
    /// Replaced as a whole and read without a lock: a child of a fork finds it whole, whatever the
    /// parent was doing.
    state: ArcSwap<State>,
    flight: PerProcess<Arc<SingleFlight<Result<AuthToken>>>>,
    calls_made: AtomicU64,
    calls_saved: AtomicU64,
    /// The day, by the server's clock, of the last warning that the application token expires.
    warned_on: AtomicU64,
}

impl Session {
    pub(crate) fn new(
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
        credential: Credential,
        store: Store,
        events: Events,
        timeout: Duration,
    ) -> Self {
        Session {
            http,
            clock,
            credential,
            store,
            events,
            timeout,
            state: ArcSwap::default(),
            flight: PerProcess::new(),
            calls_made: AtomicU64::new(0),
            calls_saved: AtomicU64::new(0),
            warned_on: AtomicU64::new(0),
        }
    }

    /// The cached auth token, where one can be handed out at once: without a lock, and with no
    /// system call but the clock's.
    pub(crate) fn cached(self: &Arc<Self>) -> Option<AuthToken> {
        let state = self.state.load();
        let now = self.clock.steady();
        let auth_token = match self.decide(&state, now) {
            Decision::HandOut => state.valid(now)?.clone(),
            Decision::HandOutAndRenew => {
                self.renew_in_background();
                state.valid(now)?.clone()
            }
            _ => return None,
        };
        self.calls_saved.fetch_add(1, Ordering::Relaxed);
        self.events.deliver();
        Some(auth_token)
    }

    /// An auth token that is valid now.
    pub(crate) fn authenticate(self: &Arc<Self>, deadline: Deadline) -> Result<AuthToken> {
        if let Some(auth_token) = self.cached() {
            return Ok(auth_token);
        }
        let outcome = self.wait_for_one(deadline).or_else(|error| {
            // In its last minute, what is still good goes before an error.
            let now = self.clock.steady();
            self.state.load().valid(now).cloned().ok_or(error)
        });
        self.events.deliver();
        outcome
    }

    /// Forgets the token if it is still the cached one: a caller may come late with an old one.
    pub(crate) fn invalidate(&self, auth_token: &AuthToken) {
        let now = self.clock.steady();
        self.state.rcu(|state| match state.invalidated(auth_token, now) {
            Some(changed) => Arc::new(changed),
            None => Arc::clone(state),
        });
    }

    /// The same for who has only the text.
    pub(crate) fn invalidate_text(&self, auth_token: &str) {
        let state = self.state.load_full();
        if let Some(held) = state.held.as_ref().filter(|h| h.auth_token.reveal() == auth_token) {
            self.invalidate(&held.auth_token);
        }
    }

    /// How the session stands.
    pub(crate) fn status(&self) -> Status {
        self.events.deliver();
        let (now, wall) = (self.clock.steady(), self.clock.wall());
        let state = self.state.load();
        let held = state.held.as_ref().filter(|held| now < held.valid_until);
        let held_back = state.trouble.held_back(now, || self.credential.changed());
        let changed_at = state.trouble.changed_at;
        Status {
            signed_in: held.is_some(),
            valid_until: held.and_then(|held| wall.checked_add(held.valid_until - now)),
            next_attempt: held_back.map(|until| until - now),
            last_error: state.trouble.last_error.clone(),
            calls_made: self.calls_made.load(Ordering::Relaxed),
            calls_saved: self.calls_saved.load(Ordering::Relaxed),
            last_change: changed_at.and_then(|at| wall.checked_sub(now.saturating_sub(at))),
        }
    }

    fn decide(&self, state: &State, now: Duration) -> Decision {
        state.decide(now, || self.credential.changed())
    }

    fn flight(&self) -> &Arc<SingleFlight<Result<AuthToken>>> {
        self.flight.get_or_init(SingleFlight::new)
    }

    fn wait_for_one(&self, deadline: Deadline) -> Result<AuthToken> {
        let patience = deadline.remaining(SIGN_IN)?;
        match self.flight().join(patience, || self.fetch(deadline, Presence::Caller)) {
            Flight::Landed(outcome) => outcome,
            Flight::Lost => Err(Error::new(ErrorKind::Internal, "the attempt to sign in panicked")),
            Flight::TimedOut => Err(deadline.error(SIGN_IN)),
        }
    }

    fn renew_in_background(self: &Arc<Self>) {
        let Some(attempt) = self.flight().begin() else { return };
        let session = Arc::clone(self);
        let renew = move || {
            let deadline = Deadline::after(session.timeout);
            // A failure is in the state and among the events; whoever calls last waits for another.
            let _ = attempt.make(|| session.fetch(deadline, Presence::Nobody));
        };
        let thread = thread::Builder::new().name("emnify-refresh".into()).stack_size(REFRESH_STACK);
        // No thread to be had: the next caller tries again, and in the last minute itself.
        let _ = signals::while_blocked(|| thread.spawn(renew));
    }

    /// Signs in, or takes what another process got. Where the caller has no token, what may pass
    /// by itself is tried again within the deadline.
    fn fetch(&self, deadline: Deadline, presence: Presence) -> Result<AuthToken> {
        let mut attempts = 0;
        loop {
            let (credential, trouble) =
                self.credential.current().inspect_err(|error| self.failed(error, ""))?;
            if let Some(error) = trouble {
                self.events.push(Event::trouble(EventKind::CredentialTrouble, error));
            }
            let seal = Seal::new(&credential.key_material(), self.http.base_url())?;
            let lock = self.lock_store(&seal, deadline);
            self.adopt(&seal);

            let (state, now) = (self.state.load_full(), self.clock.steady());
            let another = || state.trouble.refused.as_deref() != Some(seal.name());
            match (state.decide(now, another), state.valid(now)) {
                (Decision::HandOut, Some(token)) => return Ok(token.clone()),
                (Decision::HeldBack(until), _) => {
                    drop(lock);
                    let (wait, error) = (until - now, held_back(&state, until - now));
                    let again = presence == Presence::Caller && attempts < MOST_ATTEMPTS;
                    if !again || wait >= deadline.remaining(SIGN_IN)? {
                        return Err(error);
                    }
                    self.clock.sleep(wait);
                    continue;
                }
                _ => {}
            }
            attempts += 1;
            match self.attempt(&credential, &seal, presence, deadline) {
                Ok(token) => return Ok(token),
                Err(_) if self.credential.changed() && attempts < MOST_ATTEMPTS => {}
                Err(error) if !error.is_retryable() || state.valid(now).is_some() => {
                    return Err(error);
                }
                Err(error) if attempts >= MOST_ATTEMPTS => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// One exchange, and what comes of it in state, store and events.
    fn attempt(
        &self,
        credential: &Current<'_>,
        seal: &Seal,
        presence: Presence,
        deadline: Deadline,
    ) -> Result<AuthToken> {
        let requested_at = self.clock.steady();
        let outcome = self.exchange(credential, seal, presence, deadline);
        let outcome = match outcome {
            Ok(grant) => {
                let held = Held::new(grant.auth_token.clone(), requested_at, random::draw());
                let expires_at = grant.auth_token.expires_at();
                let now = self.clock.steady();
                self.state.rcu(|state| {
                    let refresh_token = grant.refresh_token.clone();
                    State { refresh_token, ..state.succeeded(held.clone(), now) }
                });
                self.events.push(Event::expiring(EventKind::Authenticated, expires_at));
                self.warn_of_expiry(credential, &grant.auth_token);
                Ok(grant.auth_token)
            }
            Err(error) => {
                self.failed(&error, seal.name());
                Err(error)
            }
        };
        self.save(seal);
        outcome
    }

    fn exchange(
        &self,
        credential: &Current<'_>,
        seal: &Seal,
        presence: Presence,
        deadline: Deadline,
    ) -> Result<Grant> {
        let (http, clock) = (&*self.http, &*self.clock);
        let login = Login { http, clock, action: SIGN_IN, deadline };
        let state = self.state.load_full();
        if let Some(refresh_token) = &state.refresh_token {
            // It works once: that it is spent is durable before it is.
            self.state.rcu(|state| State { refresh_token: None, ..State::clone(state) });
            self.save(seal);
            self.calls_made.fetch_add(1, Ordering::Relaxed);
            match login.refresh_token(refresh_token) {
                Err(error) if error.kind() == ErrorKind::Rejected => {}
                outcome => return outcome,
            }
        }
        self.calls_made.fetch_add(1, Ordering::Relaxed);
        login.sign_in(credential, presence)
    }

    /// An application token that is a JWT tells when it expires; by the server's clock, which the
    /// auth token tells.
    fn warn_of_expiry(&self, credential: &Current<'_>, auth_token: &AuthToken) {
        let Current::ApplicationToken(token) = credential else { return };
        let (expiry, now) =
            (Claims::read(token.reveal()).expires_at, auth_token.claims().issued_at);
        let (Some(expiry), Some(now)) = (expiry, now) else { return };
        let today = now / SECONDS_A_DAY;
        let soon = expiry < now + EXPIRES_SOON.as_secs();
        if soon && self.warned_on.swap(today, Ordering::Relaxed) != today {
            let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(expiry);
            self.events.push(Event::expiring(EventKind::ApplicationTokenExpires, expires_at));
        }
    }

    fn failed(&self, error: &Error, credential: &str) {
        let (now, draw) = (self.clock.steady(), random::draw());
        self.state.rcu(|state| state.failed(error, credential, now, draw));
        let trouble = &self.state.load().trouble;
        let next_attempt = trouble.held_back(now, || false).map_or(Duration::ZERO, |at| at - now);
        self.events.push(Event::failed(error.clone(), next_attempt));
    }

    /// Half of the time is for waiting: a process that holds the lock and stands still must not
    /// keep all the others from signing in.
    fn lock_store(&self, seal: &Seal, deadline: Deadline) -> Option<Lock> {
        let patience = deadline.remaining(SIGN_IN).unwrap_or_default() / 2;
        self.store.lock(seal, patience).unwrap_or_else(|error| {
            self.events.push(Event::trouble(EventKind::StoreTrouble, error));
            None
        })
    }

    /// Takes over what another process, or an earlier one, left in the store, if that is newer.
    fn adopt(&self, seal: &Seal) {
        match self.store.load(seal, &*self.clock) {
            Ok(None) => {}
            Ok(Some(stored)) => {
                let before = self.state.load_full();
                self.state.rcu(|state| state.merged(&stored));
                let after = self.state.load_full();
                if let Some(held) = after.held.as_ref().filter(|held| !held.is_in(&before)) {
                    let expires_at = held.auth_token.expires_at();
                    self.events.push(Event::expiring(EventKind::Adopted, expires_at));
                }
            }
            Err(error) => self.events.push(Event::trouble(EventKind::StoreTrouble, error)),
        }
    }

    fn save(&self, seal: &Seal) {
        if let Err(error) = self.store.save(seal, &self.state.load(), &*self.clock) {
            self.events.push(Event::trouble(EventKind::StoreTrouble, error));
        }
    }
}

/// What a caller hears while no attempt may be made.
fn held_back(state: &State, wait: Duration) -> Error {
    let advice = format!("held back, the next attempt is made in {} s", wait.as_secs().max(1));
    match &state.trouble.last_error {
        Some(error) => error.clone().with_advice(&advice),
        None => Error::new(ErrorKind::RateLimited, format!("cannot {SIGN_IN}: {advice}")),
    }
    .with_retry_after(Some(wait))
}
