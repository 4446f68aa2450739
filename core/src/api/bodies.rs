//! The paths and bodies of emnify's API that this library uses.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::api::json::{nonsense, read, whole};
use crate::types::error::Result;
use crate::types::secret::Secret;

/// The path that signs in, with any kind of credentials.
pub(crate) const AUTHENTICATE: &str = "/api/v1/authenticate";

/// The path that exchanges a user's auth token for one of another workspace.
pub(crate) const AUTHENTICATE_WORKSPACE: &str = "/api/v1/authenticate/workspace";

/// Whether the path is one that returns an auth token.
pub(crate) fn is_sign_in(path: &str) -> bool {
    matches!(path, AUTHENTICATE | AUTHENTICATE_WORKSPACE)
}

/// The path of the application tokens.
pub(crate) const APPLICATION_TOKEN: &str = "/api/v1/application_token";

/// The bodies that sign in, all sent to the same path.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Authenticate<'a> {
    /// A machine.
    ApplicationToken { application_token: &'a str },
    /// A person; the password as the hexadecimal digits of its SHA-1.
    User {
        username: &'a str,
        password: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        fingerprint: Option<&'a str>,
    },
    /// The one-time code that the response to `User` asked for.
    Code {
        mfa_token: &'a str,
        code: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        trusted_device: Option<Device<'a>>,
    },
    /// A refresh token, which works once.
    RefreshToken { refresh_token: &'a str },
}

impl Authenticate<'_> {
    /// Returns what a 401 to this body means, for the message.
    pub(crate) fn refused(&self) -> &'static str {
        match self {
            Authenticate::ApplicationToken { .. } => {
                "emnify refused the application token; check that it is neither expired nor \
                 revoked and may be used from this address"
            }
            Authenticate::User { .. } => "emnify refused the user name or password; check both",
            Authenticate::Code { .. } => {
                "emnify refused the one-time code; sign in again and enter the new code"
            }
            Authenticate::RefreshToken { .. } => {
                "emnify refused the refresh token; it works only once and expires"
            }
        }
    }
}

/// The body that switches to another workspace.
#[derive(Serialize)]
pub(crate) struct SwitchWorkspace {
    pub(crate) target_organisation: OrganisationId,
}

/// A workspace by its id.
#[derive(Serialize)]
pub(crate) struct OrganisationId {
    pub(crate) id: u64,
}

/// A device on which no one-time code is needed for 90 days.
#[derive(Serialize)]
pub(crate) struct Device<'a> {
    pub(crate) fingerprint: &'a str,
    pub(crate) operating_system: &'a str,
    pub(crate) browser: &'a str,
    pub(crate) name: &'a str,
}

/// The response to signing in.
pub(crate) enum Signed {
    /// Signed in. Only people get a refresh token.
    In { auth_token: Secret, refresh_token: Option<Secret> },
    /// A one-time code is required, and must be sent with this token.
    Mfa { mfa_token: Secret },
}

impl Signed {
    pub(crate) fn read(action: &str, body: &[u8]) -> Result<Self> {
        let Secrets { auth_token, refresh_token, mfa_token, .. } = Secrets::read(action, body)?;
        match (auth_token, mfa_token) {
            (Some(auth_token), _) => Ok(Signed::In { auth_token, refresh_token }),
            (None, Some(mfa_token)) => Ok(Signed::Mfa { mfa_token }),
            (None, None) => Err(nonsense(action, "the response has no auth_token")),
        }
    }
}

/// The secrets in responses.
struct Secrets {
    auth_token: Option<Secret>,
    refresh_token: Option<Secret>,
    mfa_token: Option<Secret>,
    application_token: Option<Secret>,
}

impl Secrets {
    /// Reads the secrets without leaving an unwiped copy. A secret that is empty, or cannot be sent
    /// in a header, counts as absent.
    fn read(action: &str, body: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Fields {
            auth_token: Option<Zeroizing<String>>,
            refresh_token: Option<Zeroizing<String>>,
            mfa_token: Option<Zeroizing<String>>,
            application_token: Option<Zeroizing<String>>,
        }
        let fields: Fields = read(action, body)?;
        let secret = |field: Option<Zeroizing<String>>| {
            field.filter(|text| is_header_safe(text)).map(|text| Secret::from(text.as_str()))
        };
        Ok(Secrets {
            auth_token: secret(fields.auth_token),
            refresh_token: secret(fields.refresh_token),
            mfa_token: secret(fields.mfa_token),
            application_token: secret(fields.application_token),
        })
    }
}

/// Returns the value of an application token that was just created, and its id if the response has
/// one.
pub(crate) fn created(action: &str, body: &[u8]) -> Result<(Secret, Option<u64>)> {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let value = Secrets::read(action, body)?
        .application_token
        .ok_or_else(|| nonsense(action, "the response has no application_token"))?;
    let row: Option<Row<'_>> = serde_json::from_slice(body).ok();
    Ok((value, row.and_then(|row| row.id).and_then(whole)))
}

/// The body that creates an application token.
#[derive(Serialize)]
pub(crate) struct CreateApplicationToken<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiry_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip: Option<&'a str>,
}

/// The body that changes an application token.
#[derive(Serialize)]
pub(crate) struct UpdateApplicationToken<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<StatusId>,
}

/// The number of the status Revoked.
const REVOKED: i64 = 1;

impl<'a> UpdateApplicationToken<'a> {
    /// Creates the body that changes the description.
    pub(crate) fn description(description: &'a str) -> Self {
        UpdateApplicationToken { description: Some(description), status: None }
    }

    /// Creates the body that revokes the token.
    pub(crate) fn revoke() -> Self {
        UpdateApplicationToken { description: None, status: Some(StatusId { id: REVOKED }) }
    }

    /// Returns what the body does, for a message.
    pub(crate) fn verb(&self) -> &'static str {
        if self.status.is_some() { "revoke" } else { "update" }
    }
}

/// A status by its number: 0 is Activated, 1 is Revoked.
#[derive(Serialize)]
pub(crate) struct StatusId {
    pub(crate) id: i64,
}

fn is_header_safe(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::error::ErrorKind;

    #[test]
    fn a_response_without_an_auth_token_is_an_error() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"auth_token":null}"#,
            r#"{"auth_token":7}"#,
            r#"{"auth_token":""}"#,
            r#"{"auth_token":"a\nb"}"#,
        ] {
            let Err(error) = Signed::read("sign in", body.as_bytes()) else { panic!("{body}") };
            assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        }
    }
}
