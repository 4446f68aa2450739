//! The wire: the paths and bodies of emnify's API that this library uses. Nothing here sends; it
//! turns what we mean into JSON and what came back into types.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::types::error::{Error, ErrorKind, Result};
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

/// A JSON body on its way out. It may hold a secret, so it is wiped.
pub(crate) type Body = Zeroizing<Vec<u8>>;

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

/// Reads a whole number, however it is written: `8`, `8.0` or `"8"`.
pub(crate) fn whole<T: TryFrom<i128>>(json: &RawValue) -> Option<T> {
    /// Beyond it a float does not tell one whole number from the next.
    const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
    let text = json.get().trim_matches('"');
    let float = || {
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && number.abs() < MOST_EXACT).then_some(number as i128)
    };
    T::try_from(text.parse().ok().or_else(float)?).ok()
}

/// More than any body has: one that grew would leave an unwiped copy behind.
const BODY_CAPACITY: usize = 32 * 1024;

/// Serialises a body.
pub(crate) fn body(value: &impl Serialize) -> Result<Body> {
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_CAPACITY));
    serde_json::to_writer(&mut *body, value)
        .map_err(|_| Error::new(ErrorKind::Internal, "a request body could not be made"))?;
    Ok(body)
}

/// No answer of the API is nested so deeply. What reads JSON takes some stack for each level, of which
/// a caller's thread may have little.
const DEEPEST: usize = 32;

/// Whether a text, if it is JSON, is nested too deeply to be read.
pub(crate) fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    json.iter().any(|byte| {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return false;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// Reads a successful answer.
pub(crate) fn read<'a, T: Deserialize<'a>>(action: &str, body: &'a [u8]) -> Result<T> {
    if is_too_deep(body) {
        return Err(nonsense(action, "the answer is nested too deeply"));
    }
    // serde_json's own message may quote what it read: only the place is told.
    serde_json::from_slice(body).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        nonsense(
            action,
            &format!("the answer is not the JSON that it should be (line {line}, column {column})"),
        )
    })
}

/// An answer that makes no sense.
pub(crate) fn nonsense(action: &str, problem: &str) -> Error {
    let message = format!(
        "cannot {action}: {problem}; is this emnify's API, or does a proxy or login page answer?"
    );
    Error::new(ErrorKind::Protocol, message)
}

fn is_header_safe(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deeply_is_not_read() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(!is_too_deep(nested(DEEPEST).as_bytes()));
        assert!(is_too_deep(nested(DEEPEST + 1).as_bytes()));
        // Many beside each other, and in texts, which may have quotation marks.
        assert!(!is_too_deep(nested(1).repeat(100).as_bytes()));
        let text = format!(r#""\\\"{}" "#, "[{".repeat(50));
        assert!(!is_too_deep(text.as_bytes()));
        assert!(is_too_deep(format!(r#""\\\\"{}"#, nested(50)).as_bytes()));
        let error = read::<serde_json::Value>("list", nested(100).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }

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
