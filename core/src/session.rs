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
use crate::credential::{Credential, Current, SendAs};
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
use crate::state::{Held, Refresh, State};
use crate::status::Status;
use crate::store::{Locked, Store};

/// How often a caller without a token tries, within its timeout, what may pass by itself.
const MOST_ATTEMPTS: u32 = 3;

/// A refresh needs a TLS handshake and some JSON.
const REFRESH_STACK: usize = 256 * 1024;

/// What is left of a caller's time when it stops waiting for another process.
const RESERVE: Duration = Duration::from_millis(100);

/// A process that has kept the others waiting for so long was stopped, and is passed over.
const LONGEST_HOLD: Duration = Duration::from_secs(120);

/// From when on an application token's expiry is worth a warning.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * SECONDS_A_DAY);
const SECONDS_A_DAY: u64 = 86_400;

/// Added to the steady clock, so that no instant before a boot is out of its reach.
const ORIGIN: Duration = Duration::from_secs(100 * 366 * SECONDS_A_DAY);

/// What a session is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) http: Arc<Http>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) credential: Credential,
    pub(crate) store: Store,
    pub(crate) events: Events,
    /// For a refresh that nobody waits for.
    pub(crate) timeout: Duration,
}

/// A machine that is signed in, or about to be.
#[derive(Debug)]
pub(crate) struct Session {
    parts: Parts,
    /// Replaced as a whole and read without a lock: a child of a fork finds it whole, whatever the
    /// parent was doing.
    state: ArcSwap<State>,
    flight: PerProcess<Arc<SingleFlight<Result<AuthToken>>>>,
    calls_made: AtomicU64,
    calls_saved: AtomicU64,
    /// Since when another process has kept us waiting, in seconds; zero if none does.
    kept_waiting_since: AtomicU64,
    /// The day, by the server's clock, of the last warning that the application token expires.
    warned_on: AtomicU64,
}

impl Session {
    pub(crate) fn new(parts: Parts) -> Self {
        Session {
            parts,
            state: ArcSwap::default(),
            flight: PerProcess::new(),
            calls_made: AtomicU64::new(0),
            calls_saved: AtomicU64::new(0),
            kept_waiting_since: AtomicU64::new(0),
            warned_on: AtomicU64::new(0),
        }
    }

    /// The cached auth token, where one can be handed out at once: without a lock, and with no
    /// system call but the clock's.
    pub(crate) fn cached(self: &Arc<Self>) -> Option<AuthToken> {
        let state = self.state.load();
        let now = self.now();
        let auth_token = match state.decide(now, || self.parts.credential.changed()) {
            Decision::HandOut => state.valid(now)?.clone(),
            Decision::HandOutAndRenew => {
                self.renew_in_background(&state);
                state.valid(now)?.clone()
            }
            _ => return None,
        };
        self.calls_saved.fetch_add(1, Ordering::Relaxed);
        self.parts.events.deliver();
        Some(auth_token)
    }

    /// An auth token that is valid now.
    pub(crate) fn authenticate(
        self: &Arc<Self>,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<AuthToken> {
        if let Some(auth_token) = self.cached() {
            return Ok(auth_token);
        }
        let outcome = self.wait_for_one(deadline()).or_else(|error| {
            // In its last minute, what is still good goes before an error.
            self.state.load().valid(self.now()).cloned().ok_or(error)
        });
        self.parts.events.deliver();
        outcome
    }

    /// Forgets the token if it is still the cached one: a caller may come late with an old one.
    pub(crate) fn invalidate(&self, auth_token: &AuthToken) {
        let now = self.now();
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

    /// What another session of the same person is made of, in another workspace.
    pub(crate) fn in_workspace(&self, id: u64, send: SendAs) -> Result<Session> {
        let parts = &self.parts;
        Ok(Session::new(Parts {
            http: Arc::clone(&parts.http),
            clock: Arc::clone(&parts.clock),
            credential: parts.credential.in_workspace(id, send)?,
            store: parts.store.clone(),
            events: parts.events.for_another(),
            timeout: parts.timeout,
        }))
    }

    /// How the session stands.
    pub(crate) fn status(&self) -> Status {
        self.parts.events.deliver();
        let (now, wall) = (self.now(), self.parts.clock.wall());
        let state = self.state.load();
        let held = state.held.as_ref().filter(|held| now < held.valid_until);
        let held_back = state.trouble.held_back(now, || self.parts.credential.changed());
        let ahead = |at: Duration| at.saturating_sub(now);
        Status {
            signed_in: held.is_some(),
            valid_until: held.and_then(|held| wall.checked_add(ahead(held.valid_until))),
            next_attempt: held_back.map(ahead),
            last_error: state.trouble.last_error.clone(),
            calls_made: self.calls_made.load(Ordering::Relaxed),
            calls_saved: self.calls_saved.load(Ordering::Relaxed),
            last_change: state.changed_at().and_then(|at| wall.checked_sub(now.saturating_sub(at))),
        }
    }

    fn now(&self) -> Duration {
        self.parts.clock.steady() + ORIGIN
    }

    fn flight(&self) -> &Arc<SingleFlight<Result<AuthToken>>> {
        self.flight.get_or_init(SingleFlight::new)
    }

    /// Signs in, or waits for who does. What another one's attempt came to is only taken over if
    /// it helps: its time may have been shorter than ours, and its token dropped since.
    fn wait_for_one(&self, deadline: Deadline) -> Result<AuthToken> {
        loop {
            let patience = deadline.remaining(SIGN_IN)?;
            match self.flight().join(patience, || self.fetch(deadline, Presence::Caller)) {
                Flight::Made(outcome) => return outcome,
                Flight::Awaited(Ok(auth_token)) => {
                    let state = self.state.load();
                    if state.valid(self.now()).is_some_and(|held| held.is(&auth_token)) {
                        return Ok(auth_token);
                    }
                }
                Flight::Awaited(Err(error)) if !error.is_retryable() => return Err(error),
                Flight::Awaited(Err(_)) | Flight::Lost => {}
                Flight::TimedOut => return Err(deadline.error(SIGN_IN)),
            }
        }
    }

    fn renew_in_background(self: &Arc<Self>, state: &State) {
        if !self.parts.credential.needs_nobody() && state.refresh.token.is_none() {
            // In the last minute there will be a caller, who can be asked for a code.
            return;
        }
        let Some(attempt) = self.flight().begin() else { return };
        let session = Arc::clone(self);
        let renew = move || {
            let deadline = Deadline::after(session.parts.timeout);
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
                self.parts.credential.current().inspect_err(|error| self.failed(error))?;
            if let Some(error) = trouble {
                self.report(EventKind::CredentialTrouble, error);
            }
            let seal = Seal::new(&credential.key_material(), self.parts.http.base_url())?;
            self.state.rcu(|state| match state.with_credential(seal.name()) {
                Some(fresh) => Arc::new(fresh),
                None => Arc::clone(state),
            });
            let lock = self.lock_store(&seal, deadline)?;
            self.adopt(&seal);

            let (state, now) = (self.state.load_full(), self.now());
            match (state.decide(now, || false), state.valid(now)) {
                (Decision::HandOut, Some(token)) => return Ok(token.clone()),
                // From the store, and due: whoever asks next renews it in the background.
                (Decision::HandOutAndRenew, Some(token)) if presence == Presence::Caller => {
                    return Ok(token.clone());
                }
                (Decision::HeldBack(until), _) => {
                    drop(lock);
                    let wait = until.saturating_sub(now);
                    let passes = state.trouble.last_error.as_ref().is_none_or(Error::is_retryable);
                    let in_time = deadline.remaining(SIGN_IN).is_ok_and(|left| wait < left);
                    let again = presence == Presence::Caller && attempts < MOST_ATTEMPTS;
                    if !(passes && in_time && again) {
                        return Err(held_back(&state, now, wait));
                    }
                    self.parts.clock.sleep(wait);
                    continue;
                }
                _ => {}
            }
            attempts += 1;
            match self.attempt(&credential, &seal, &lock, presence, deadline) {
                Ok(token) => return Ok(token),
                Err(_) if self.parts.credential.changed() && attempts < MOST_ATTEMPTS => {}
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
        lock: &Locked,
        presence: Presence,
        deadline: Deadline,
    ) -> Result<AuthToken> {
        let requested_at = self.now();
        let left = deadline.remaining(SIGN_IN)?;
        let outcome = match self.exchange(credential, seal, lock, presence, deadline) {
            Ok(Grant { auth_token, refresh_token }) => {
                let now = self.now();
                let held = Held::new(auth_token.clone(), seal.name(), requested_at, random::draw());
                let refresh = Refresh { token: refresh_token, changed_at: Some(now) };
                self.state.rcu(|state| state.succeeded(held.clone(), refresh.clone(), now));
                let event = Event::expiring(EventKind::Authenticated, auth_token.expires_at());
                self.parts.events.push(event);
                self.warn_of_expiry(credential, &auth_token);
                Ok(auth_token)
            }
            // That a caller had little time left says nothing about the server.
            Err(error) if error.kind() == ErrorKind::Timeout && left < self.parts.timeout / 2 => {
                return Err(error);
            }
            Err(error) => {
                self.failed(&error);
                let held_back = self.state.load().trouble.held_back(self.now(), || false);
                let wait = held_back.map(|until| until.saturating_sub(self.now()));
                Err(error.with_retry_after(wait))
            }
        };
        self.save(seal, lock);
        outcome
    }

    fn exchange(
        &self,
        credential: &Current<'_>,
        seal: &Seal,
        lock: &Locked,
        presence: Presence,
        deadline: Deadline,
    ) -> Result<Grant> {
        let (http, clock) = (&*self.parts.http, &*self.parts.clock);
        let login = Login { http, clock, action: SIGN_IN, deadline };
        let state = self.state.load_full();
        if let Some(refresh_token) = &state.refresh.token {
            // It works once: that it is spent is durable before it is.
            let now = self.now();
            self.state.rcu(|state| state.spending(now));
            self.save(seal, lock);
            self.calls_made.fetch_add(1, Ordering::Relaxed);
            match login.refresh_token(refresh_token) {
                // It counts: a third refusal in a row would lock the account.
                Err(error) if error.kind() == ErrorKind::Rejected => {
                    self.state.rcu(|state| state.failed(&error, now, 0.0));
                }
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
        let soon = expiry.saturating_sub(now) < EXPIRES_SOON.as_secs();
        if soon && self.warned_on.swap(today, Ordering::Relaxed) != today {
            let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(expiry);
            let event = Event::expiring(EventKind::ApplicationTokenExpires, expires_at);
            self.parts.events.push(event);
        }
    }

    fn failed(&self, error: &Error) {
        if error.kind() == ErrorKind::MfaRequired && !error.was_sent() {
            return; // Nobody was there to be asked: nothing happened.
        }
        let (now, draw) = (self.now(), random::draw());
        self.state.rcu(|state| state.failed(error, now, draw));
        let held_back = self.state.load().trouble.held_back(now, || false);
        let next_attempt = held_back.unwrap_or_default().saturating_sub(now);
        self.parts.events.push(Event::failed(error.clone(), next_attempt));
    }

    fn report(&self, kind: EventKind, error: Error) {
        self.parts.events.push(Event::trouble(kind, error));
    }

    /// Waits for other processes. A store that cannot be locked stops nobody.
    fn lock_store(&self, seal: &Seal, deadline: Deadline) -> Result<Locked> {
        let patience = deadline.remaining(SIGN_IN)?.saturating_sub(RESERVE);
        let now = self.now().as_secs();
        match self.parts.store.lock(seal, patience) {
            Ok(Locked::Busy) => {
                let since = match self.kept_waiting_since.load(Ordering::Relaxed) {
                    0 => now,
                    since => since,
                };
                self.kept_waiting_since.store(since, Ordering::Relaxed);
                if now.saturating_sub(since) < LONGEST_HOLD.as_secs() {
                    let message = format!(
                        "cannot {SIGN_IN}: another process that shares the store has been signing \
                         in for longer than the timeout"
                    );
                    return Err(Error::new(ErrorKind::Timeout, message).unsent());
                }
                Ok(Locked::Busy)
            }
            Ok(locked) => {
                self.kept_waiting_since.store(0, Ordering::Relaxed);
                Ok(locked)
            }
            Err(error) => {
                self.report(EventKind::StoreTrouble, error);
                Ok(Locked::Busy)
            }
        }
    }

    /// Takes over what another process, or an earlier one, left in the store, if that is newer.
    fn adopt(&self, seal: &Seal) {
        match self.parts.store.load(seal, self.now(), &*self.parts.clock) {
            Ok(None) => {}
            Ok(Some(stored)) => {
                let before = self.state.load_full();
                self.state.rcu(|state| state.merged(&stored));
                let after = self.state.load_full();
                if let Some(held) = after.held.as_ref().filter(|held| !held.is_in(&before)) {
                    let expires_at = held.auth_token.expires_at();
                    self.parts.events.push(Event::expiring(EventKind::Adopted, expires_at));
                }
            }
            Err(error) => self.report(EventKind::StoreTrouble, error),
        }
    }

    /// Only who holds the lock writes: another one's later state must not be overwritten.
    fn save(&self, seal: &Seal, lock: &Locked) {
        if matches!(lock, Locked::Busy) {
            return;
        }
        let (state, now) = (self.state.load(), self.now());
        if let Err(error) = self.parts.store.save(seal, &state, now, &*self.parts.clock) {
            self.report(EventKind::StoreTrouble, error);
        }
    }
}

/// What a caller hears while no attempt may be made.
fn held_back(state: &State, now: Duration, wait: Duration) -> Error {
    let budget = state.trouble.budget_spent_until(now) > now;
    let why = if budget { "too many attempts failed within an hour, " } else { "" };
    let advice = format!("{why}the next attempt is made in {} s", wait.as_secs().max(1));
    match &state.trouble.last_error {
        Some(error) => error.clone().with_advice(&advice),
        None => {
            let message = format!(
                "cannot {SIGN_IN}: auth tokens were refused soon after they were issued; {advice}"
            );
            Error::new(ErrorKind::RateLimited, message)
        }
    }
    .with_retry_after(Some(wait))
}
