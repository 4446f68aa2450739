//! Calls that carry the session's auth token. One whose token is refused is made once more with a
//! new one: an auth token may be revoked before it expires.

use std::sync::Arc;
use std::time::Duration;

use crate::auth_token::AuthToken;
use crate::clock::Clock;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::http::{Answer, Call, Http};
use crate::login::Login;
use crate::secret::Secret;
use crate::session::Session;

/// What every call of a client needs.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) http: Arc<Http>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) session: Arc<Session>,
    /// For one call with all its attempts and waits.
    pub(crate) timeout: Duration,
}

impl Caller {
    /// The moment at which a call that starts now must have ended.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// Makes the call with the session's auth token.
    pub(crate) fn send(&self, call: &Call<'_>, deadline: Deadline) -> Result<Answer> {
        let auth_token = self.session.authenticate(|| deadline)?;
        match self.send_with(call, &auth_token, deadline) {
            Err(error) if error.http_status() == Some(401) => {
                self.session.invalidate(&auth_token);
                let auth_token = self.session.authenticate(|| deadline)?;
                self.send_with(call, &auth_token, deadline)
            }
            outcome => outcome,
        }
    }

    /// Exchanges an application token that need not be the session's own.
    pub(crate) fn exchange(
        &self,
        application_token: &Secret,
        action: &str,
        deadline: Deadline,
    ) -> Result<AuthToken> {
        let login = Login { http: &self.http, clock: &*self.clock, action, deadline };
        login.application_token(application_token).map(|grant| grant.auth_token)
    }

    fn send_with(&self, call: &Call<'_>, token: &AuthToken, deadline: Deadline) -> Result<Answer> {
        self.http.send(call, Some(token.secret()), deadline, self.clock.wall())
    }
}
