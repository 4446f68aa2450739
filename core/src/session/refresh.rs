//! How a session signs in: with what, after whom, what comes of it, and what of that the next
//! process is to know.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use reqwest::Method;

use super::Session;
use crate::api::application_token::{self, LIST};
use crate::api::bodies::{APPLICATION_TOKEN, Signed};
use crate::http::{Call, OnLate, Response};
use crate::session::policy::{Decision, Failure, MAX_ATTEMPTS};
use crate::session::single_flight;
use crate::session::snapshot;
use crate::session::state::{CachedToken, Refresh, State};
use crate::sign_in::credential::{Credential, Current};
use crate::sign_in::exchange::{Exchange, Grant, SIGN_IN, SignInMode};
use crate::store::encryption::EntryKey;
use crate::store::{Locked, Store};
use crate::sys::random;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::{Event, EventKind};
use crate::types::secret::Secret;

/// What is left of a caller's time when it stops waiting for another process.
const RESERVE: Duration = Duration::from_millis(100);

/// How long a waiting caller sleeps before it looks again.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// A process that has kept the others waiting for so long was stopped, and is passed over.
const LONGEST_HOLD: Duration = Duration::from_secs(120);

/// To follow what went wrong with a store.
const IN_MEMORY: &str = "the session goes on in memory";

/// The right to sign in for all who wait.
pub(super) type Attempt = single_flight::Attempt<Result<AuthToken>>;

/// What an exchange was made with, and when.
#[derive(Clone)]
struct Requested {
    at: Duration,
    wall: SystemTime,
    key: Arc<EntryKey>,
    /// Unless it was another credential.
    application_token: Option<Secret>,
    is_after_401: bool,
}

/// A sign-in that is to be made: for whom, instead of what, and for how long.
#[derive(Clone, Copy)]
pub(super) struct SignIn<'a> {
    pub(super) mode: SignInMode,
    /// The auth token that got a 401, if one did.
    pub(super) instead_of: Option<&'a AuthToken>,
    pub(super) wait: &'a Wait,
    pub(super) attempt: &'a Arc<Attempt>,
}

impl Session {
    /// Signs in, or takes what another process got, to have a token other than `instead_of`. Where
    /// there is no valid token, temporary failures are retried within the deadline.
    pub(super) fn fetch(self: &Arc<Self>, sign_in: SignIn<'_>) -> Result<AuthToken> {
        self.fetch_another(sign_in).inspect_err(|error| {
            if error.kind() == ErrorKind::Cancelled {
                return; // No attempt came to its end.
            }
            // One attempt was made for a 401: callers get the cached token again.
            self.state.rcu(|state| match state.unreported() {
                Some(changed) => Arc::new(changed),
                None => Arc::clone(state),
            });
        })
    }

    fn fetch_another(self: &Arc<Self>, sign_in: SignIn<'_>) -> Result<AuthToken> {
        let SignIn { mode, instead_of, wait, .. } = sign_in;
        let mut attempts = 0;
        loop {
            let (credential, problem) =
                self.parts.credential.current().inspect_err(|error| self.failed(error))?;
            if let Some(error) = problem {
                self.report(EventKind::CredentialTrouble, error);
            }
            let credential = self.newest_of(credential)?;
            let key = Arc::new(self.entry_key(&credential.key_material())?);
            self.use_credential(key.name());
            let lock = self.lock_store(&key, wait)?;
            self.adopt(&key, wait);

            let (state, now) = (self.state.load_full(), self.now());
            let decision = match instead_of {
                Some(refused) => state.decide_instead_of(refused, now),
                None => state.decide(now, || false),
            };
            match (decision, state.valid(now)) {
                (Decision::HandOut, Some(token)) => return Ok(token.clone()),
                // From the store, and due: whoever asks next renews it in the background.
                (Decision::HandOutAndRenew, Some(token)) if mode == SignInMode::Interactive => {
                    return Ok(token.clone());
                }
                (Decision::BackingOff(until), valid) => {
                    drop(lock);
                    let pause = until.saturating_sub(now);
                    let passes = state.backoff.last_error.as_ref().is_none_or(Error::is_retryable);
                    let in_time = wait.has_time_after(pause) && valid.is_none();
                    let again = mode == SignInMode::Interactive && attempts < MAX_ATTEMPTS;
                    if !(passes && in_time && again) {
                        return Err(backing_off(&state, pause));
                    }
                    // Not all at once: `retry_now` may end it, or another process sign in.
                    wait.pause(&*self.parts.clock, pause.min(LONGEST_SLEEP), SIGN_IN)?;
                    continue;
                }
                _ => {}
            }
            attempts += 1;
            match self.attempt(&credential, &key, &lock, sign_in) {
                Ok(token) => return Ok(token),
                Err(error) if attempts < MAX_ATTEMPTS && self.is_outdated(&credential, &error) => {}
                Err(error) if !error.is_retryable() || state.valid(now).is_some() => {
                    return Err(error);
                }
                // Without time for another attempt, this error says more than a timeout.
                Err(error) if attempts >= MAX_ATTEMPTS || wait.left().is_zero() => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    /// One exchange, and what comes of it in state, store and events.
    fn attempt(
        self: &Arc<Self>,
        credential: &Current<'_>,
        key: &Arc<EntryKey>,
        lock: &Locked,
        sign_in: SignIn<'_>,
    ) -> Result<AuthToken> {
        let SignIn { mode, instead_of, wait, attempt } = sign_in;
        let requested = Requested {
            at: self.now(),
            wall: self.parts.clock.wall(),
            key: Arc::clone(key),
            application_token: match credential {
                Current::ApplicationToken(token) => Some(token.clone()),
                _ => None,
            },
            is_after_401: instead_of.is_some(),
        };
        let left = wait.remaining(SIGN_IN)?;
        let before = self.state.load_full();
        self.state.rcu(|state| state.starting(Some(requested.at)));
        let on_late: OnLate = {
            let (session, requested) = (Arc::clone(self), requested.clone());
            let attempt = Arc::clone(attempt);
            Arc::new(move |response| session.accept_late(&requested, &response, &attempt))
        };
        let result = self.exchange(credential, key, lock, mode, wait, on_late);
        if self.credential_in_use() != key.name() {
            // Rotated meanwhile: what comes of the old one is not the new one's.
            return result.map(|grant| grant.auth_token);
        }
        let result = match result {
            Ok(grant) => Ok(self.accept(&requested, grant)),
            Err(error) if error.kind() == ErrorKind::Cancelled => {
                // Whoever takes over need not wait because of it.
                self.state.rcu(|state| state.starting(before.backoff.started_at));
                return Err(error);
            }
            // That a caller had little time left says nothing about the server.
            Err(error) if error.kind() == ErrorKind::Timeout && left < self.parts.timeout / 2 => {
                return Err(error);
            }
            Err(error) => {
                self.failed(&error);
                let until = self.state.load().backoff.backing_off(self.now(), || false);
                let retry_after = until.map(|until| until.saturating_sub(self.now()));
                Err(error.with_retry_after(retry_after))
            }
        };
        if self.state.load().revision() != before.revision() {
            self.save(key, lock, wait);
        }
        result
    }

    /// Goes on with an auth token that was just obtained.
    fn accept(&self, requested: &Requested, grant: Grant) -> AuthToken {
        let Grant { auth_token, refresh_token } = grant;
        let (now, name, draw) = (self.now(), requested.key.name(), random::draw());
        let cached = CachedToken::new(auth_token.clone(), name, requested.at, draw);
        let refresh = Refresh { token: refresh_token, changed_at: Some(now) };
        self.state.rcu(|state| {
            let state = state.succeeded(cached.clone(), refresh.clone(), now);
            // In one step: a call that gets a 401 for the new token must not sign in again.
            let probe = match requested.is_after_401 {
                true => state.probe.unconfirmed(now),
                false => state.probe,
            };
            State { probe, ..state }
        });
        let event = Event::expiring(EventKind::Authenticated, auth_token.expires_at());
        self.parts.events.push(event);
        if let Some(token) = &requested.application_token {
            let expiring = self.expiry.signed_in(token, &auth_token);
            expiring.into_iter().for_each(|event| self.parts.events.push(event));
        }
        auth_token
    }

    /// Goes on with an auth token that came after its caller had left. Those who wait for it get it.
    fn accept_late(&self, requested: &Requested, response: &Response, attempt: &Attempt) {
        let Ok(Signed::In { auth_token, refresh_token }) = Signed::read(SIGN_IN, &response.body)
        else {
            return;
        };
        if self.credential_in_use() != requested.key.name() {
            return;
        }
        let auth_token = AuthToken::new(auth_token, requested.wall);
        let refresh_token = refresh_token.filter(|_| requested.application_token.is_none());
        let auth_token = self.accept(requested, Grant { auth_token, refresh_token });
        attempt.land(Ok(auth_token));
        let wait = Wait::new(self.parts.timeout);
        if let Ok(lock) = self.lock_store(&requested.key, &wait) {
            self.save(&requested.key, &lock, &wait);
        }
    }

    fn exchange(
        &self,
        credential: &Current<'_>,
        key: &EntryKey,
        lock: &Locked,
        mode: SignInMode,
        wait: &Wait,
        on_late: OnLate,
    ) -> Result<Grant> {
        let (http, clock) = (&*self.parts.http, &*self.parts.clock);
        let exchange = Exchange { http, clock, action: SIGN_IN, wait, on_late: Some(on_late) };
        let state = self.state.load_full();
        if let Some(refresh_token) = &state.refresh.token {
            // It works once: that it is spent is durable before it is.
            let now = self.now();
            self.state.rcu(|state| state.spending(now));
            self.save(key, lock, wait);
            self.calls_made.fetch_add(1, Ordering::Relaxed);
            match exchange.refresh_token(refresh_token) {
                // It counts: a third refusal in a row would lock the account.
                Err(error) if error.kind() == ErrorKind::Rejected => {
                    self.note(&error, now);
                }
                result => return result,
            }
        }
        self.calls_made.fetch_add(1, Ordering::Relaxed);
        exchange.sign_in(credential, mode)
    }

    /// An application token that was rotated is left for its successor.
    fn newest_of<'a>(&self, credential: Current<'a>) -> Result<Current<'a>> {
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

    /// Whether another credential is there by now than the one that failed.
    fn is_outdated(&self, credential: &Current<'_>, error: &Error) -> bool {
        let rotated = || match credential {
            Current::ApplicationToken(token) => {
                self.newest(token).is_ok_and(|newest| newest != *token)
            }
            _ => false,
        };
        self.parts.credential.changed() || (error.kind() == ErrorKind::Rejected && rotated())
    }

    /// Looks at the list once a day, if somebody wants to be told what only the list says.
    pub(super) fn watch_expiry(&self, auth_token: &AuthToken, wait: &Wait) {
        if !self.parts.events.wants_expiry() {
            return;
        }
        let Ok(Some(token)) = self.given_application_token() else { return };
        let Ok(token) = self.newest(&token) else { return };
        let Some(id) = self.expiry.row_to_look_at(&token, auth_token) else { return };
        let wall = self.parts.clock.wall();
        // It is for information: what goes wrong here goes wrong again where it matters.
        let rows = application_token::list(|query| {
            let call = Call { query, ..Call::new(LIST, Method::GET, APPLICATION_TOKEN) };
            let sent = self.parts.http.send(&call, Some(auth_token.secret()), wait, wall);
            Ok(sent?.into_page())
        });
        let row = rows.ok().and_then(|rows| rows.into_iter().find(|row| row.id() == id));
        if let Some(expires_at) = row.and_then(|row| row.expires_at()) {
            let expiring = self.expiry.tell(expires_at, auth_token);
            expiring.into_iter().for_each(|event| self.parts.events.push(event));
        }
    }

    pub(super) fn failed(&self, error: &Error) {
        if error.kind() == ErrorKind::MfaRequired && !error.was_sent() {
            return; // Nobody was there to be asked: nothing happened.
        }
        let now = self.now();
        self.note(error, now);
        let until = self.state.load().backoff.backing_off(now, || false);
        let next_attempt = until.unwrap_or_default().saturating_sub(now);
        self.parts.events.push(Event::failed(error.clone(), next_attempt));
    }

    /// Puts the outcome of an attempt that failed into the state.
    fn note(&self, error: &Error, now: Duration) {
        let failure = Failure {
            error,
            now,
            wall: self.parts.clock.wall(),
            is_user: matches!(self.parts.credential, Credential::User(_)),
            draw: random::draw(),
        };
        self.state.rcu(|state| state.failed(&failure));
    }

    pub(crate) fn report(&self, kind: EventKind, error: Error) {
        self.parts.events.push(Event::warning(kind, error));
    }

    fn report_store_error(&self, error: Error) {
        if error.kind() == ErrorKind::Cancelled {
            return; // The caller has left.
        }
        self.report(EventKind::StoreTrouble, error.with_advice(IN_MEMORY));
    }

    /// The store for a caller with that deadline.
    fn store_within(&self, wait: &Wait) -> Store {
        self.parts.store.within(wait)
    }

    /// Waits for other processes. A store that cannot be locked stops nobody.
    fn lock_store(&self, key: &EntryKey, wait: &Wait) -> Result<Locked> {
        let now = self.now().as_secs();
        let since = self.kept_waiting_since.load(Ordering::Relaxed);
        let is_stopped = since != 0 && now.saturating_sub(since) >= LONGEST_HOLD.as_secs();
        let left = wait.remaining(SIGN_IN)?;
        // A sign-in without the lock needs time, too.
        let patience = if is_stopped { left / 2 } else { left.saturating_sub(RESERVE) };
        match self.store_within(wait).lock(key.name(), wait, patience) {
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
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            Err(error) => {
                self.report_store_error(error);
                Ok(Locked::Busy)
            }
        }
    }

    /// Takes over what another process, or an earlier one, left in the store, if that is newer.
    pub(super) fn adopt(&self, key: &EntryKey, wait: &Wait) {
        match snapshot::load(&self.store_within(wait), key, self.now(), &*self.parts.clock) {
            Ok(None) => {}
            Ok(Some(stored)) => {
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

    /// Only who holds the lock writes: another one's later state must not be overwritten.
    pub(super) fn save(&self, key: &EntryKey, lock: &Locked, wait: &Wait) {
        if matches!(lock, Locked::Busy) {
            return;
        }
        let (state, now) = (self.state.load(), self.now());
        if let Err(error) =
            snapshot::save(&self.store_within(wait), key, &state, now, &*self.parts.clock)
        {
            self.report_store_error(error);
        }
    }
}

/// The error for a caller while no attempt may start.
pub(super) fn backing_off(state: &State, wait: Duration) -> Error {
    let advice = format!("the next attempt is made in {} s", wait.as_secs().max(1));
    match &state.backoff.last_error {
        Some(error) => error.clone().with_advice(&advice),
        None => {
            let message =
                format!("cannot {SIGN_IN}: the last attempt started less than 5 s ago; {advice}");
            Error::new(ErrorKind::RateLimited, message).unsent()
        }
    }
    .with_retry_after(Some(wait))
}
