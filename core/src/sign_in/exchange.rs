//! Exchanges credentials for an auth token: an application token, a user's password and one-time
//! code, or the refresh token from a user's last sign-in.

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

/// The action, as it follows "cannot" in messages.
pub(crate) const SIGN_IN: &str = "sign in";

/// The result of a sign-in.
pub(crate) struct Grant {
    pub(crate) auth_token: AuthToken,
    pub(crate) refresh_token: Option<Secret>,
}

/// Who waits for a sign-in, and whether functions of the program may be called: the one that asks
/// the user for a one-time code, and the observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInMode {
    /// A caller waits. The program's functions are called on its thread.
    Interactive,
    /// A call of this library waits, on a thread of this library. No function is called.
    Unattended,
    /// It renews the auth token, and nothing waits for it. No function is called.
    Background,
}

/// An exchange of credentials, within a deadline.
pub(crate) struct Exchange<'a> {
    pub(crate) http: &'a Http,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) action: &'a str,
    pub(crate) wait: &'a Wait,
    /// Called with a response that arrives after the caller cancelled.
    pub(crate) on_late: Option<OnLate>,
}

impl Exchange<'_> {
    /// Signs in with the credential.
    pub(crate) fn sign_in(&self, credential: &Current<'_>, mode: SignInMode) -> Result<Grant> {
        match credential {
            Current::ApplicationToken(token) => self.application_token(token),
            Current::User(user) => self.user(user, mode),
            Current::Workspace(workspace, _) => self.workspace(workspace, mode),
        }
    }

    /// Exchanges an application token.
    pub(crate) fn application_token(&self, token: &Secret) -> Result<Grant> {
        let token = token.reveal();
        let body = Authenticate::ApplicationToken { application_token: token };
        // An application token gets no refresh token; one in the response is the server's mistake.
        self.granted(&body, &[token]).map(|grant| Grant { refresh_token: None, ..grant })
    }

    /// Exchanges a refresh token, which this spends whatever the response is.
    pub(crate) fn refresh_token(&self, token: &Secret) -> Result<Grant> {
        let token = token.reveal();
        self.granted(&Authenticate::RefreshToken { refresh_token: token }, &[token])
    }

    fn user(&self, user: &User, mode: SignInMode) -> Result<Grant> {
        if mode != SignInMode::Interactive && user.mfa.is_some() {
            // A sign-in could send the user a code that they did not ask for.
            return Err(mfa_required("a call in the background cannot ask for it").unsent());
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
            None => return Err(mfa_required("no function that supplies it (mfa) is set")),
            Some(ask) => ask()
                .map_err(|error| Error::cancelled(SIGN_IN).caused_by(error).unsent())?
                .map(|code| Secret::from(code.reveal().trim()))
                .filter(|code| !code.reveal().is_empty())
                .ok_or_else(|| mfa_required("the mfa function returned none").unsent())?,
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

    /// Exchanges another session's auth token for an auth token in the workspace.
    fn workspace(&self, workspace: &Workspace, mode: SignInMode) -> Result<Grant> {
        let target_organisation = OrganisationId { id: workspace.id };
        let action = format!("switch to the workspace {}", workspace.id);
        let call = Call {
            body: Some(json::body(&SwitchWorkspace { target_organisation })?),
            on_late: self.on_late.clone(),
            ..Call::new(&action, Method::POST, AUTHENTICATE_WORKSPACE)
        };
        let requested_at = self.clock.wall();
        let response = (workspace.send)(&call, self.wait, mode)?;
        match Signed::read(&action, &response.body)? {
            Signed::In { auth_token, .. } => {
                let auth_token = AuthToken::new(auth_token, requested_at);
                Ok(Grant { auth_token, refresh_token: None })
            }
            Signed::Mfa { .. } => {
                Err(json::nonsense(&action, "the response asks for a one-time code"))
            }
        }
    }

    /// Exchanges credentials that never need a one-time code.
    fn granted(&self, body: &Authenticate<'_>, secrets: &[&str]) -> Result<Grant> {
        let requested_at = self.clock.wall();
        match self.post(body, secrets)? {
            Signed::In { auth_token, refresh_token } => {
                Ok(Grant { auth_token: AuthToken::new(auth_token, requested_at), refresh_token })
            }
            Signed::Mfa { .. } => {
                Err(json::nonsense(self.action, "the response asks for a one-time code"))
            }
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

/// Returns the error of an attempt that only a call of the program can make, since it needs a function
/// of the program. None was made.
pub(crate) fn needs_caller(function: &str) -> Error {
    let message = format!("cannot {SIGN_IN}: {function} is not called in the background");
    Error::new(ErrorKind::MfaRequired, message).unsent()
}

fn mfa_required(why: &str) -> Error {
    Error::new(
        ErrorKind::MfaRequired,
        format!("cannot {SIGN_IN}: a one-time code is required, and {why}"),
    )
}
