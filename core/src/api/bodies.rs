//! The wire: the paths and bodies of emnify's API that this library uses. Nothing here sends; it
//! turns what we mean into JSON and what came back into types.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::api::json::{nonsense, read, whole};
use crate::types::error::Result;
use crate::types::secret::Secret;

/// Signing in, with any kind of credentials.
pub(crate) const AUTHENTICATE: &str = "/api/v1/authenticate";

/// Exchanging a user's auth token for one of another workspace.
pub(crate) const AUTHENTICATE_WORKSPACE: &str = "/api/v1/authenticate/workspace";

/// Whether a response of that path holds an auth token and nothing else.
pub(crate) fn is_sign_in(path: &str) -> bool {
    matches!(path, AUTHENTICATE | AUTHENTICATE_WORKSPACE)
}

/// The collection of application tokens.
pub(crate) const APPLICATION_TOKEN: &str = "/api/v1/application_token";

/// The bodies that sign in, all to one path.
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
    /// The one-time code that the answer to `User` asked for.
    Code {
        mfa_token: &'a str,
        code: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        trusted_device: Option<Device<'a>>,
    },
    /// A refresh token, which works once.
    RefreshToken { refresh_token: &'a str },
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

/// A device that skips the one-time code for 90 days.
#[derive(Serialize)]
pub(crate) struct Device<'a> {
    pub(crate) fingerprint: &'a str,
    pub(crate) operating_system: &'a str,
    pub(crate) browser: &'a str,
    pub(crate) name: &'a str,
}

/// The answer to signing in.
pub(crate) enum Signed {
    /// Done. Only people get a refresh token.
    In { auth_token: Secret, refresh_token: Option<Secret> },
    /// A one-time code is due; it goes with this token.
    Mfa { mfa_token: Secret },
}

impl Signed {
    pub(crate) fn read(action: &str, body: &[u8]) -> Result<Self> {
        let Secrets { auth_token, refresh_token, mfa_token, .. } = Secrets::read(action, body)?;
        match (auth_token, mfa_token) {
            (Some(auth_token), _) => Ok(Signed::In { auth_token, refresh_token }),
            (None, Some(mfa_token)) => Ok(Signed::Mfa { mfa_token }),
            (None, None) => Err(nonsense(action, "the answer has no auth_token")),
        }
    }
}

/// The secrets that answers carry.
struct Secrets {
    auth_token: Option<Secret>,
    refresh_token: Option<Secret>,
    mfa_token: Option<Secret>,
    application_token: Option<Secret>,
}

impl Secrets {
    /// Reads them with no copy that is not wiped. An empty one, or one that fits into no header,
    /// counts as absent.
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

/// The value of an application token that was just created, and its id where the response has one.
pub(crate) fn created(action: &str, body: &[u8]) -> Result<(Secret, Option<u64>)> {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let value = Secrets::read(action, body)?
        .application_token
        .ok_or_else(|| nonsense(action, "the answer has no application_token"))?;
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
    /// Another label.
    pub(crate) fn description(description: &'a str) -> Self {
        UpdateApplicationToken { description: Some(description), status: None }
    }

    /// The end of its life.
    pub(crate) fn revoke() -> Self {
        UpdateApplicationToken { description: None, status: Some(StatusId { id: REVOKED }) }
    }

    /// What it does, for a message.
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
    fn an_answer_without_the_field_makes_no_sense() {
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
