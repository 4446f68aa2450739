//! Signs in without a caller that waits: renews a token that is due, and starts a sign-in for a caller
//! that must not block.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::http::transport_error::exhausted;
use crate::session::Session;
use crate::session::backoff::error_while_backing_off;
use crate::session::policy::{Decision, Need};
use crate::session::refresh::{Attempt, SignIn};
use crate::session::state::State;
use crate::sign_in::exchange::{SIGN_IN, SignInMode};
use crate::sys::signal_mask;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};

/// The stack of a thread, in bytes: enough for a TLS handshake and some JSON.
pub(super) const STACK: usize = 256 * 1024;

/// For how long a failure that sets no wait is returned to further calls. Otherwise a program that
/// tries twice when it is woken would start an attempt each time, and be woken by its failure.
const AGAIN: Duration = Duration::from_secs(1);

/// The failure of a sign-in in the background.
#[derive(Debug)]
pub(crate) struct BackgroundFailure {
    error: Error,
    at: Duration,
    is_told: AtomicBool,
}

impl Session {
    /// Renews the token in the background. `state` is the session's.
    pub(super) fn renew_in_background(self: &Arc<Self>, state: &State) {
        // Otherwise a caller signs in during the last minute, and can be asked for a code.
        if !self.needs_person(state) {
            // If no thread can be created, the next call tries again.
            let _ = self.start_sign_in();
        }
    }

    /// Returns a token without waiting, and starts a sign-in if there is none.
    ///
    /// # Errors
    ///
    /// `Pending` while a sign-in is under way. Otherwise the error of the last attempt, until the
    /// next one may start; an error after which it may start at once is returned for a second, and to
    /// one call at least.
    pub(crate) fn try_authenticate(self: &Arc<Self>) -> Result<AuthToken> {
        let (state, is_under_way) = loop {
            let (_, ended) = self.flight().progress();
            if let Some(auth_token) = self.cached_silently(Need::Valid) {
                return Ok(auth_token);
            }
            let state = self.state.load_full();
            match self.flight().progress() {
                (is_under_way, still) if still == ended => break (state, is_under_way),
                // An attempt has ended meanwhile, and this state may be older.
                _ => {}
            }
        };
        let now = self.now();
        let decision = state.decide(Need::Valid, now, || self.parts.credential.changed());
        let valid = state.cached.as_ref().filter(|cached| now < cached.valid_until);
        let error = match decision {
            // Even if no attempt may start now: this one has.
            _ if is_under_way => pending(),
            Decision::BackingOff(until) => {
                self.background_failure.store(None);
                error_while_backing_off(&state, until.saturating_sub(now))
            }
            _ if self.needs_person(&state) => Error::new(
                ErrorKind::MfaRequired,
                format!("cannot {SIGN_IN} without waiting: a person may have to enter a code"),
            ),
            _ => match self.untold(now).filter(|_| valid.is_none()) {
                Some(error) => error,
                None => match self.start_sign_in() {
                    Ok(()) => pending(),
                    Err(error) => no_thread(&error),
                },
            },
        };
        // In its last minute a token is better than an error; after a 401 only if nothing replaces
        // it.
        match valid {
            Some(cached) if !cached.is_reported || error.kind() != ErrorKind::Pending => {
                Ok(cached.auth_token.clone())
            }
            _ => Err(error),
        }
    }

    /// Starts a sign-in on a thread, unless one is under way or the client was cancelled.
    fn start_sign_in(self: &Arc<Self>) -> io::Result<()> {
        if self.upkeep.interrupt().is_triggered() {
            return Ok(());
        }
        let Some(attempt) = self.flight().begin() else { return Ok(()) };
        let (session, started) = (Arc::clone(self), Arc::clone(&attempt));
        let work = move || drop(session.sign_in_unattended(&started));
        let result = signal_mask::start("emnify-refresh", STACK, Box::new(work));
        result.inspect_err(|_| attempt.withdraw())
    }

    /// Makes an attempt on this thread. A failure is kept in the state and reported as an event.
    pub(super) fn sign_in_unattended(
        self: &Arc<Self>,
        attempt: &Arc<Attempt>,
    ) -> Result<AuthToken> {
        let cancelled = Some(self.upkeep.interrupt().clone());
        let wait = Wait::new(self.parts.timeout).interrupted_by(cancelled);
        let mode = SignInMode::Background;
        let result = self.fetch(SignIn { mode, need: Need::Valid, wait: &wait, attempt });
        let at = self.now();
        let error = result.as_ref().err().filter(|_| self.state.load().valid(at).is_none());
        let failure = error.map(|error| {
            Arc::new(BackgroundFailure {
                error: error.clone(),
                at,
                is_told: AtomicBool::new(false),
            })
        });
        self.background_failure.store(failure);
        match &result {
            // A caller that waits takes over: it can be asked for the code, or was not cancelled.
            Err(error)
                if error.kind() == ErrorKind::Cancelled
                    || error.kind() == ErrorKind::MfaRequired && !error.was_sent() =>
            {
                attempt.abandon();
            }
            _ => attempt.finish(result.clone()),
        }
        if let Ok(auth_token) = &result {
            self.look_up_expiry(auth_token, &wait);
        }
        result
    }

    /// Returns the failure of the last sign-in in the background, if no call has returned it or it
    /// is too recent for another attempt.
    fn untold(&self, now: Duration) -> Option<Error> {
        let failure = self.background_failure.load_full()?;
        let is_told = failure.is_told.swap(true, Ordering::Relaxed);
        let is_over = now >= failure.at + AGAIN || self.parts.credential.changed();
        (!is_told || !is_over).then(|| failure.error.clone())
    }

    /// Whether a person must be asked for a code to sign in.
    pub(super) fn needs_person(&self, state: &State) -> bool {
        !self.parts.credential.works_unattended() && state.refresh.token.is_none()
    }
}

fn pending() -> Error {
    let message = format!("cannot {SIGN_IN} yet: a sign-in is in progress");
    Error::new(ErrorKind::Pending, message).unsent()
}

pub(super) fn no_thread(error: &io::Error) -> Error {
    exhausted(&format!("cannot {SIGN_IN}: no thread can be created"), error)
}
