//! What a session does after a 401: it replaces the auth token that got one. `probe` decides
//! whether that takes a sign-in.

use std::sync::{Arc, Weak};

use crate::session::Session;
use crate::session::policy::Need;
use crate::session::probe::{After401, Probe};
use crate::session::state::State;
use crate::sign_in::exchange::SignInMode;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{ErrorKind, Result};

/// The auth token to replay a call with whose own token got a 401.
#[derive(Debug)]
pub struct Replacement {
    auth_token: AuthToken,
    /// Set if the session signed in for it, so that the result of the replay tells whether that
    /// helped.
    session: Option<Weak<Session>>,
}

impl Replacement {
    /// Returns the token for the replay.
    #[must_use]
    pub fn auth_token(&self) -> &AuthToken {
        &self.auth_token
    }

    /// Reports whether the replay got a 401, too. A replay that is never reported counts as a 401
    /// until the new token is 15 minutes old.
    pub fn replayed(&self, is_401: bool) {
        let Some(session) = self.session.as_ref().and_then(Weak::upgrade) else { return };
        let now = session.now();
        session
            .update_probe(|probe| if is_401 { probe.failed(now) } else { Probe::succeeded(now) });
    }
}

impl Session {
    /// Returns the token to replay a call with whose own token got a 401, or why there is none within
    /// the deadline. Other calls continue with the cached token meanwhile.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the caller cancelled the wait for the token.
    pub(crate) fn after_401(
        self: &Arc<Self>,
        mode: SignInMode,
        refused: &AuthToken,
        wait: &Wait,
    ) -> Result<std::result::Result<Replacement, String>> {
        let now = self.now();
        let (result, session) = match self.state.load().after_401(refused, now) {
            After401::Replay => (self.authenticate_as(mode, Need::Valid, || wait.clone()), None),
            After401::SignIn => {
                let result = self.sign_in_or_wait(mode, wait, Need::InsteadOf(refused));
                (result, Some(Arc::downgrade(self)))
            }
            After401::GiveUp(until) => {
                let wait = until.saturating_sub(now).as_secs().max(1);
                return Ok(Err(format!(
                    "not signing in again, because another 401 led to a sign-in recently; the next \
                     one after a 401 is possible in {wait} s"
                )));
            }
        };
        if mode == SignInMode::Interactive {
            self.parts.events.deliver();
        }
        match result {
            Ok(auth_token) => Ok(Ok(Replacement { auth_token, session })),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            Err(error) => Ok(Err(format!("signing in again failed: {error}"))),
        }
    }

    fn update_probe(&self, change: impl Fn(Probe) -> Probe) {
        self.state.rcu(|state| State { probe: change(state.probe), ..State::clone(state) });
    }

    /// Takes the program's report that the token got a 401. If it is still the cached one, and no
    /// other 401 led to a sign-in recently, callers wait for one attempt to replace it.
    pub(crate) fn invalidate(&self, auth_token: &AuthToken) {
        let now = self.now();
        self.state.rcu(|state| match state.reported(auth_token, now) {
            Some(changed) => Arc::new(changed),
            None => Arc::clone(state),
        });
        self.upkeep.wake();
    }

    /// Takes such a report from a caller that has only the token's text.
    pub(crate) fn invalidate_text(&self, auth_token: &str) {
        let state = self.state.load_full();
        if let Some(cached) = state.cached.as_ref().filter(|c| c.auth_token.reveal() == auth_token)
        {
            self.invalidate(&cached.auth_token);
        }
    }
}
