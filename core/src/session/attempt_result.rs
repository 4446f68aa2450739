//! Takes over the result of an attempt to sign in: into the state, the events and, if it came late,
//! the store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api::bodies::Signed;
use crate::http::Response;
use crate::session::Session;
use crate::session::backoff::Failure;
use crate::session::refresh::Attempt;
use crate::session::state::{CachedToken, Refresh, State};
use crate::sign_in::credential::Credential;
use crate::sign_in::exchange::{Grant, SIGN_IN};
use crate::store::Locked;
use crate::store::encryption::EntryKey;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::{Event, EventKind};
use crate::types::secret::Secret;

/// What an exchange was made with, and when.
#[derive(Clone)]
pub(super) struct Requested {
    pub(super) at: Duration,
    pub(super) wall: SystemTime,
    pub(super) key: Arc<EntryKey>,
    /// `None` if the credential is something else.
    pub(super) application_token: Option<Secret>,
    pub(super) is_after_401: bool,
}

impl Session {
    /// Continues with an auth token that was just obtained.
    pub(super) fn accept(&self, requested: &Requested, grant: Grant) -> AuthToken {
        let Grant { auth_token, refresh_token } = grant;
        let (now, name, draw) = (self.now(), requested.key.name(), self.parts.clock.jitter());
        let cached = CachedToken::new(auth_token.clone(), name, requested.at, draw);
        let refresh = Refresh { token: refresh_token, changed_at: Some(now) };
        self.state.rcu(|state| {
            let state = state.succeeded(cached.clone(), refresh.clone(), now);
            // In the same step, so that a call that gets a 401 for the new token does not sign in
            // again.
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
        self.background_failure.store(None);
        self.upkeep.wake();
        auth_token
    }

    /// Continues with a response that arrived after its caller had cancelled. Callers that wait get
    /// the result. An auth token is ignored if a newer one is there by now, since the store was not
    /// locked meanwhile. A refusal delays later attempts only if it concerns the credential itself
    /// and not, for example, a refresh token.
    pub(super) fn take_late(
        &self,
        requested: &Requested,
        response: Result<Response>,
        concerns_credential: bool,
        attempt: &Attempt,
    ) {
        let signed = response.and_then(|response| Signed::read(SIGN_IN, &response.body));
        let tokens = match signed {
            Ok(Signed::In { auth_token, refresh_token }) => Ok((auth_token, refresh_token)),
            // The caller that could be asked for the code has left.
            Ok(Signed::Mfa { .. }) => return,
            Err(error) => Err(error),
        };
        let wait = Wait::new(self.parts.timeout);
        let lock = self.lock_store(&requested.key, &wait).unwrap_or(Locked::Busy);
        if self.credential_in_use() != requested.key.name() {
            return; // Rotated meanwhile.
        }
        self.adopt(&requested.key, &wait);
        if let Some(newer) = self.newer_than(requested) {
            return attempt.finish(Ok(newer));
        }
        let is_user = matches!(self.parts.credential, Credential::User(_));
        match tokens {
            Ok((auth_token, refresh_token)) => {
                let auth_token = AuthToken::new(auth_token, requested.wall);
                let refresh_token = refresh_token.filter(|_| is_user);
                let auth_token = self.accept(requested, Grant { auth_token, refresh_token });
                attempt.finish(Ok(auth_token));
            }
            Err(error) if error.kind() == ErrorKind::Rejected && !concerns_credential => {
                if is_user {
                    self.state.rcu(|state| state.counting_refusal(self.now()));
                }
            }
            Err(error) => {
                self.state.rcu(|state| state.starting(Some(requested.at)));
                self.failed(&error);
                self.hand_out_again();
                let application_token = requested.application_token.as_ref();
                // If it is outdated, a waiting caller takes over with the new credential.
                if !self.is_outdated(application_token, &error) {
                    attempt.finish(Err(self.with_next_attempt(error)));
                }
            }
        }
        self.save(&requested.key, &lock, &wait);
    }

    /// Returns the cached token if it is valid and was requested later.
    fn newer_than(&self, requested: &Requested) -> Option<AuthToken> {
        let state = self.state.load();
        let is_newer = state.cached.as_ref()?.requested_at > requested.at;
        state.valid(self.now()).filter(|_| is_newer).cloned()
    }

    /// Takes a failed attempt into the state and reports it as an event.
    pub(super) fn failed(&self, error: &Error) {
        if error.kind() == ErrorKind::MfaRequired && !error.was_sent() {
            return; // No attempt was made, since no caller could be asked for a code.
        }
        let now = self.now();
        self.note(error, now);
        self.measurements.failed(error.kind());
        let until = self.state.load().backoff.backing_off(now, || false);
        let next_attempt = until.unwrap_or_default().saturating_sub(now);
        self.parts.events.push(Event::failed(error.clone(), next_attempt));
    }

    /// Returns the error with the time until the next attempt.
    pub(super) fn with_next_attempt(&self, error: Error) -> Error {
        let until = self.state.load().backoff.backing_off(self.now(), || false);
        error.with_retry_after(until.map(|until| until.saturating_sub(self.now())))
    }

    /// Takes a failed attempt into the state.
    pub(super) fn note(&self, error: &Error, now: Duration) {
        let failure = Failure {
            error,
            now,
            is_user: matches!(self.parts.credential, Credential::User(_)),
            fleet_size: self.parts.fleet_size,
            draw: self.parts.clock.jitter(),
        };
        self.state.rcu(|state| state.failed(&failure));
    }
}
