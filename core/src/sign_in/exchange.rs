//! The exchange of credentials for an auth token, whichever they are: an application token, a
//! person's password and one-time code, or the refresh token that a person got last time.

use std::time::Instant;

use reqwest::Method;

use crate::api::bodies::{
    AUTHENTICATE, AUTHENTICATE_WORKSPACE, Authenticate, Device, OrganisationId, Signed,
    SwitchWorkspace,
};
use crate::api::json;
use crate::http::{Call, Http, OnLate};
use crate::sign_in::credential::{Current, Workspace};
use crate::sign_in::user::User;
use crate::sys::clock::Clock;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// To follow "cannot" in a message.
pub(crate) const SIGN_IN: &str = "sign in";

/// What came of signing in.
pub(crate) struct Grant {
    pub(crate) auth_token: AuthToken,
    pub(crate) refresh_token: Option<Secret>,
}

/// Whether a person can be asked for a one-time code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInMode {
    /// A caller waits, and can be asked.
    Interactive,
    /// No caller waits.
    Background,
}

/// An exchange of credentials, with the time that it may take.
pub(crate) struct Exchange<'a> {
    pub(crate) http: &'a Http,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) action: &'a str,
    pub(crate) wait: &'a Wait,
    /// Takes an auth token that comes after the caller has left.
    pub(crate) on_late: Option<OnLate>,
}

impl Exchange<'_> {
    /// Signs in with the credential.
    pub(crate) fn sign_in(&self, credential: &Current<'_>, mode: SignInMode) -> Result<Grant> {
        match credential {
            Current::ApplicationToken(token) => self.application_token(token),
            Current::User(user) => self.user(user, mode),
            Current::Workspace(workspace, _) => self.workspace(workspace),
        }
    }

    /// Exchanges an application token.
    pub(crate) fn application_token(&self, token: &Secret) -> Result<Grant> {
        let token = token.reveal();
        let body = Authenticate::ApplicationToken { application_token: token };
        // A refresh token in the answer is a mistake of its sender's: machines get none.
        self.granted(&body, &[token]).map(|grant| Grant { refresh_token: None, ..grant })
    }

    /// Exchanges a refresh token, which is spent by it whatever comes back.
    pub(crate) fn refresh_token(&self, token: &Secret) -> Result<Grant> {
        let token = token.reveal();
        self.granted(&Authenticate::RefreshToken { refresh_token: token }, &[token])
    }

    fn user(&self, user: &User, mode: SignInMode) -> Result<Grant> {
        if mode == SignInMode::Background && user.mfa.is_some() {
            // It could send the person a code that nobody asks for.
            return Err(mfa_required("nobody can be asked in the background").unsent());
        }
        let device = user.trusted_device.as_ref();
        let fingerprint = device.map(|device| device.fingerprint.reveal());
        let password = user.password.reveal();
        let body = Authenticate::User { username: &user.username, password, fingerprint };
        let secrets = [password, fingerprint.unwrap_or_default()];
        let requested_at = self.clock.wall();
        let mfa_token = match self.post(&body, &secrets)? {
            Signed::In { auth_token, refresh_token } => {
                let auth_token = AuthToken::new(auth_token, requested_at);
                return Ok(Grant { auth_token, refresh_token });
            }
            Signed::Mfa { mfa_token } => mfa_token,
        };
        let asked = Instant::now();
        let code = match &user.mfa {
            None => return Err(mfa_required("there is no mfa function to ask for it")),
            Some(ask) => ask()
                .map_err(|error| Error::cancelled(SIGN_IN).caused_by(error).unsent())?
                .map(|code| Secret::from(code.reveal().trim()))
                .filter(|code| !code.reveal().is_empty())
                .ok_or_else(|| mfa_required("the mfa function had none").unsent())?,
        };
        let wait = &self.wait.extended_by(asked.elapsed());
        let trusted_device = device.map(|device| Device {
            fingerprint: device.fingerprint.reveal(),
            operating_system: &device.operating_system,
            browser: &device.browser,
            name: &device.name,
        });
        let (mfa_token, code) = (mfa_token.reveal(), code.reveal());
        let body = Authenticate::Code { mfa_token, code, trusted_device };
        Exchange { wait, on_late: self.on_late.clone(), ..*self }
            .granted(&body, &[mfa_token, code, fingerprint.unwrap_or_default()])
    }

    /// Exchanges another session's auth token for one of another workspace.
    fn workspace(&self, workspace: &Workspace) -> Result<Grant> {
        let target_organisation = OrganisationId { id: workspace.id };
        let action = format!("switch to the workspace {}", workspace.id);
        let call = Call {
            body: Some(json::body(&SwitchWorkspace { target_organisation })?),
            on_late: self.on_late.clone(),
            ..Call::new(&action, Method::POST, AUTHENTICATE_WORKSPACE)
        };
        let requested_at = self.clock.wall();
        let response = (workspace.send)(&call, self.wait)?;
        match Signed::read(&action, &response.body)? {
            Signed::In { auth_token, .. } => {
                let auth_token = AuthToken::new(auth_token, requested_at);
                Ok(Grant { auth_token, refresh_token: None })
            }
            Signed::Mfa { .. } => Err(json::nonsense(&action, "the answer asks for a code")),
        }
    }

    /// The same where a one-time code cannot be asked for.
    fn granted(&self, body: &Authenticate<'_>, secrets: &[&str]) -> Result<Grant> {
        let requested_at = self.clock.wall();
        match self.post(body, secrets)? {
            Signed::In { auth_token, refresh_token } => {
                Ok(Grant { auth_token: AuthToken::new(auth_token, requested_at), refresh_token })
            }
            Signed::Mfa { .. } => Err(json::nonsense(self.action, "the answer asks for a code")),
        }
    }

    fn post(&self, body: &Authenticate<'_>, secrets: &[&str]) -> Result<Signed> {
        let call = Call {
            body: Some(json::body(body)?),
            secrets,
            refused: body.refused(),
            on_late: self.on_late.clone(),
            ..Call::new(self.action, Method::POST, AUTHENTICATE)
        };
        let response = self.http.send(&call, None, self.wait, self.clock.wall())?;
        Signed::read(self.action, &response.body)
    }
}

fn mfa_required(why: &str) -> Error {
    Error::new(
        ErrorKind::MfaRequired,
        format!("cannot {SIGN_IN}: a one-time code is due, and {why}"),
    )
}
