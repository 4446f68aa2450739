//! Signs in: reads the credential, locks the store, and makes the exchange unless the store already
//! holds a newer auth token.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::http::OnLate;
use crate::session::Session;
use crate::session::attempt_result::Requested;
use crate::session::backoff::error_while_backing_off;
use crate::session::expiry_notice;
use crate::session::policy::{Decision, MAX_ATTEMPTS, Need};
use crate::session::single_flight;
use crate::sign_in::credential::Current;
use crate::sign_in::exchange::{Exchange, Grant, SIGN_IN, SignInMode};
use crate::store::Locked;
use crate::store::encryption::EntryKey;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::EventKind;
use crate::types::secret::Secret;

/// How long a waiting caller sleeps before it checks again whether an attempt may start.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The right to sign in for all callers that wait.
pub(super) type Attempt = single_flight::Attempt<Result<AuthToken>>;

/// How to sign in.
#[derive(Clone, Copy)]
pub(super) struct SignIn<'a> {
    pub(super) mode: SignInMode,
    pub(super) need: Need<'a>,
    pub(super) wait: &'a Wait,
    pub(super) attempt: &'a Arc<Attempt>,
}

impl Session {
    /// Signs in, or takes over another process's token, to get the token that the caller needs. If
    /// there is no usable token, temporary failures are retried within the deadline.
    pub(super) fn fetch(self: &Arc<Self>, sign_in: SignIn<'_>) -> Result<AuthToken> {
        self.fetch_another(sign_in).inspect_err(|error| {
            // After a cancellation the attempt has not ended.
            if error.kind() != ErrorKind::Cancelled {
                self.hand_out_again();
            }
        })
    }

    /// Hands out a token again that got a 401, after the attempt to replace it failed.
    pub(super) fn hand_out_again(&self) {
        self.state.rcu(|state| match state.unreported() {
            Some(changed) => Arc::new(changed),
            None => Arc::clone(state),
        });
    }

    fn fetch_another(self: &Arc<Self>, sign_in: SignIn<'_>) -> Result<AuthToken> {
        let SignIn { mode, need, wait, .. } = sign_in;
        let mut attempts = 0;
        loop {
            let (credential, key, lock) = self.use_current_credential(wait)?;
            let (state, now) = (self.state.load_full(), self.now());
            let usable = state.usable(need, now);
            match (state.decide(need, now, || false), usable) {
                (Decision::HandOut, Some(token)) => return Ok(token.clone()),
                // From the store, and due: the next call renews it in the background.
                (Decision::HandOutAndRenew, Some(token)) if mode != SignInMode::Background => {
                    return Ok(token.clone());
                }
                (Decision::TooShort(lifetime), _) => return Err(too_short(lifetime)),
                (Decision::BackingOff(until), _) => {
                    drop(lock);
                    let pause = until.saturating_sub(now);
                    let passes = state.backoff.last_error.as_ref().is_none_or(Error::is_retryable);
                    let in_time = wait.has_time_after(pause) && usable.is_none();
                    let again = mode != SignInMode::Background && attempts < MAX_ATTEMPTS;
                    if !(passes && in_time && again) {
                        return Err(error_while_backing_off(&state, pause));
                    }
                    // In short pieces: `retry_now` or another process's sign-in may end the wait.
                    wait.pause(&*self.parts.clock, pause.min(LONGEST_SLEEP), SIGN_IN)?;
                    continue;
                }
                _ => {}
            }
            attempts += 1;
            match self.attempt(&credential, &key, &lock, sign_in) {
                Ok(token) => return Ok(token),
                Err(error)
                    if attempts < MAX_ATTEMPTS
                        && self.is_outdated(credential.application_token(), &error) => {}
                Err(error) if !error.is_retryable() || usable.is_some() => {
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

    /// Takes over what other processes left in the store about the current credential, before an
    /// exchange that is not the session's own.
    pub(crate) fn catch_up(&self, wait: &Wait) -> Result<()> {
        self.use_current_credential(wait).map(drop)
    }

    /// Reads the credential and changes to it, locks the store for it, and takes over what other
    /// processes left there.
    fn use_current_credential(&self, wait: &Wait) -> Result<(Current<'_>, Arc<EntryKey>, Locked)> {
        let (credential, problem) = match self.parts.credential.current() {
            // A function of the program fails if the cancellation of its call ends it.
            Err(_) | Ok((_, Some(_))) if wait.is_interrupted() => {
                return Err(Error::cancelled(SIGN_IN));
            }
            current => current.inspect_err(|error| self.failed(error))?,
        };
        if let Some(error) = problem {
            self.report(EventKind::CredentialError, error);
        }
        let credential = self.successor_of(credential)?;
        let key = Arc::new(self.entry_key(&credential.key_material())?);
        self.use_credential(key.name());
        if let Some(token) = credential.application_token() {
            self.learn_expiry(key.name(), expiry_notice::of(token));
        }
        let lock = self.lock_store(&key, wait)?;
        self.adopt(&key, wait);
        Ok((credential, key, lock))
    }

    /// Makes one exchange, and takes its result into the state, the store and the events.
    fn attempt(
        self: &Arc<Self>,
        credential: &Current<'_>,
        key: &Arc<EntryKey>,
        lock: &Locked,
        sign_in: SignIn<'_>,
    ) -> Result<AuthToken> {
        let SignIn { mode, need, wait, attempt } = sign_in;
        let requested = Requested {
            at: self.now(),
            wall: self.parts.clock.wall(),
            key: Arc::clone(key),
            application_token: credential.application_token().cloned(),
            is_after_401: matches!(need, Need::InsteadOf(_)),
        };
        let left = wait.remaining(SIGN_IN)?;
        let before = self.state.load_full();
        self.state.rcu(|state| state.starting(Some(requested.at)));
        let on_late = |concerns_credential: bool| -> OnLate {
            let (session, requested) = (Arc::clone(self), requested.clone());
            let attempt = Arc::clone(attempt);
            Arc::new(move |response| {
                session.take_late(&requested, response, concerns_credential, &attempt);
            })
        };
        let result = self.exchange(credential, key, lock, mode, wait, on_late);
        if self.credential_in_use() != key.name() {
            // Rotated meanwhile: this result says nothing about the new token.
            return result.map(|grant| grant.auth_token);
        }
        let result = match result {
            Ok(grant) => Ok(self.accept(&requested, grant)),
            Err(error) if error.kind() == ErrorKind::Cancelled => {
                // The caller that takes over need not wait because of this attempt.
                self.state.rcu(|state| state.starting(before.backoff.started_at));
                Err(error)
            }
            // A timeout of a caller that had little time left says nothing about the server.
            Err(error) if error.kind() == ErrorKind::Timeout && left < self.parts.timeout / 2 => {
                Err(error)
            }
            Err(error) => {
                self.failed(&error);
                Err(self.with_next_attempt(error))
            }
        };
        if self.state.load().revision() != before.revision() {
            self.save(key, lock, wait);
        }
        result
    }

    /// Makes the exchange, with the refresh token if there is one. `on_late` returns the handler of
    /// a late response; its argument is whether a refusal would concern the credential itself.
    fn exchange(
        &self,
        credential: &Current<'_>,
        key: &EntryKey,
        lock: &Locked,
        mode: SignInMode,
        wait: &Wait,
        on_late: impl Fn(bool) -> OnLate,
    ) -> Result<Grant> {
        let (http, clock) = (&*self.parts.http, &*self.parts.clock);
        let exchange = |concerns_credential| {
            let on_late = Some(on_late(concerns_credential));
            Exchange { http, clock, action: SIGN_IN, wait, on_late }
        };
        let state = self.state.load_full();
        if let Some(refresh_token) = &state.refresh.token {
            // It works only once, so the store must know that it is spent before it is sent.
            let now = self.now();
            self.state.rcu(|state| state.spending(now));
            self.save(key, lock, wait);
            self.calls_made.fetch_add(1, Ordering::Relaxed);
            match exchange(false).refresh_token(refresh_token) {
                // It counts as a refusal: the third in a row would lock the account. It delays no
                // login, for which a caller that waits may be asked for a code.
                Err(error) if error.kind() == ErrorKind::Rejected => {
                    self.state.rcu(|state| state.counting_refusal(now));
                }
                result => {
                    if result.as_ref().is_err_and(|error| !error.was_sent()) {
                        self.state.rcu(|state| state.unspent(refresh_token, self.now()));
                    }
                    return result;
                }
            }
        }
        self.calls_made.fetch_add(1, Ordering::Relaxed);
        exchange(!matches!(credential, Current::Workspace(..))).sign_in(credential, mode)
    }

    /// Whether the credential that failed has been replaced since.
    pub(super) fn is_outdated(&self, application_token: Option<&Secret>, error: &Error) -> bool {
        let rotated = || {
            application_token
                .is_some_and(|token| self.newest(token).is_ok_and(|newest| newest != *token))
        };
        self.parts.credential.changed() || (error.kind() == ErrorKind::Rejected && rotated())
    }
}

/// Returns the error for a caller that needs a token for longer than emnify's are valid.
pub(super) fn too_short(lifetime: Duration) -> Error {
    let problem = format!(
        "must be less than {} s, because emnify's auth tokens are valid for that long",
        lifetime.as_secs()
    );
    Error::invalid_input("valid_for", problem)
}
