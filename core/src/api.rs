//! The wire: the paths, bodies and error bodies of emnify's API that this library uses. Nothing
//! here sends; it turns what we mean into JSON and what came back into types and errors.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use zeroize::Zeroizing;

use crate::error::{ApiError, Error, ErrorKind, Result};
use crate::secret::{Secret, redact};

/// Signing in, with any kind of credentials.
pub(crate) const AUTHENTICATE: &str = "/api/v1/authenticate";

/// Exchanging a user's auth token for one of another workspace.
pub(crate) const AUTHENTICATE_WORKSPACE: &str = "/api/v1/authenticate/workspace";

/// The collection of application tokens.
pub(crate) const APPLICATION_TOKEN: &str = "/api/v1/application_token";

/// How long an account stays locked after three refused attempts, as documented.
const LOCKED_FOR: Duration = Duration::from_secs(5 * 60);

/// The error code of an account that is locked.
const TOO_MANY_REQUESTS: i64 = 1105;

/// What we keep of a sentence that a server wrote.
const LONGEST_MESSAGE: usize = 500;

/// How deep error objects may nest, and how many one may hold: a lying server has no bounds.
const MOST_NESTED: usize = 50;

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

/// The value of an application token that was just created.
pub(crate) fn created(action: &str, body: &[u8]) -> Result<Secret> {
    Secrets::read(action, body)?
        .application_token
        .ok_or_else(|| nonsense(action, "the answer has no application_token"))
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

/// A status by its number: 0 is Activated, 1 is Revoked.
#[derive(Serialize, Deserialize)]
pub(crate) struct StatusId {
    pub(crate) id: i64,
}

/// A row of the collection. Every field but `id` may be absent or null.
#[derive(Deserialize)]
pub(crate) struct ApplicationTokenRow {
    pub(crate) id: u64,
    pub(crate) description: Option<String>,
    pub(crate) created: Option<String>,
    pub(crate) status: Option<StatusId>,
    pub(crate) expiry_date: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) creator: Option<Value>,
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

/// Reads a successful answer.
pub(crate) fn read<'a, T: Deserialize<'a>>(action: &str, body: &'a [u8]) -> Result<T> {
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

/// What an answer that is no success means.
pub(crate) struct Refusal<'a> {
    /// What was attempted, to follow "cannot".
    pub(crate) action: &'a str,
    /// Whether credentials were being exchanged, rather than an auth token used.
    pub(crate) authenticating: bool,
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    /// From the header of that name.
    pub(crate) retry_after: Option<Duration>,
    /// What the request carried, and the server might quote.
    pub(crate) secrets: &'a [&'a str],
}

impl Refusal<'_> {
    /// The error for it. An answer with no readable error object is classified by its status.
    pub(crate) fn into_error(self) -> Error {
        let Refusal { action, status, .. } = self;
        let api_error = api_error(self.body, self.secrets);
        let (kind, happened) = self.classify(api_error.as_ref());
        let mut message = format!("cannot {action}: {happened} (HTTP {status})");
        if let Some(said) = api_error.as_ref().map(ToString::to_string).filter(|s| !s.is_empty()) {
            message.push_str(": ");
            message.push_str(&said);
        }
        let retry_after =
            self.retry_after.or_else(|| (kind == ErrorKind::Locked).then_some(LOCKED_FOR));
        Error::new(kind, message)
            .with_http_status(status)
            .with_api_error(api_error)
            .with_retry_after(retry_after)
    }

    fn classify(&self, api_error: Option<&ApiError>) -> (ErrorKind, &'static str) {
        let locked = api_error.is_some_and(|error| {
            error.error_token.as_deref() == Some("TooManyRequests")
                || error.error_code == Some(TOO_MANY_REQUESTS)
        });
        match self.status {
            401 if self.authenticating && locked => (
                ErrorKind::Locked,
                "the account is locked after several refused attempts; wait before the next one",
            ),
            401 if self.authenticating => (
                ErrorKind::Rejected,
                "emnify refused the credentials; check that they are neither expired nor revoked \
                 and may be used from this address",
            ),
            401 => (ErrorKind::Rejected, "emnify refused the auth token"),
            403 => (ErrorKind::Forbidden, "these credentials do not permit it"),
            404 if self.authenticating => {
                (ErrorKind::NotFound, "there is nothing to sign in to; check base_url")
            }
            404 => (ErrorKind::NotFound, "there is no such thing"),
            409 => (ErrorKind::Conflict, "it clashes with what is there"),
            429 => (ErrorKind::RateLimited, "too many calls from this address; wait"),
            408 => (ErrorKind::Server, "the server gave up waiting for the request"),
            400..=499 => (ErrorKind::Validation, "emnify found fault with the request"),
            500..=599 => (ErrorKind::Server, "the server failed; try again later"),
            300..=399 => (
                ErrorKind::Protocol,
                "the answer is a redirect, which is never followed; check base_url",
            ),
            _ => (ErrorKind::Protocol, "an answer with an unexpected status"),
        }
    }
}

/// The error object of an answer: emnify's, or the `{"message"}` of the gateway before it. HTML,
/// text and nothing at all have none.
fn api_error(body: &[u8], secrets: &[&str]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let mut left = MOST_NESTED;
    api_error_of(&value, secrets, &mut left).filter(|e| *e != ApiError::default())
}

fn api_error_of(value: &Value, secrets: &[&str], left: &mut usize) -> Option<ApiError> {
    let object = value.as_object()?;
    *left = left.checked_sub(1)?;
    let text = |name| object.get(name).and_then(Value::as_str).map(|text| clean(text, secrets));
    let (error_token, message) = (text("error_token"), text("message"));
    let nested = object.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[]);
    let errors = nested.iter().map_while(|value| api_error_of(value, secrets, left)).collect();
    let error_code = object.get("error_code").and_then(Value::as_i64);
    Some(ApiError { error_code, error_token, message, errors })
}

/// A server's sentence, made fit for a log: no secret of ours, one line, bounded.
fn clean(text: &str, secrets: &[&str]) -> String {
    let text = redact(text, secrets);
    let mut clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_MESSAGE).collect();
    if clean.len() < text.len() {
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(authenticating: bool, status: u16, body: &str) -> Error {
        Refusal {
            action: "try",
            authenticating,
            status,
            body: body.as_bytes(),
            retry_after: None,
            secrets: &["canary"],
        }
        .into_error()
    }

    #[test]
    fn every_status_has_its_kind() {
        use ErrorKind::*;
        for (status, kind) in [
            (302, Protocol),
            (400, Validation),
            (401, Rejected),
            (403, Forbidden),
            (404, NotFound),
            (405, Validation),
            (408, Server),
            (409, Conflict),
            (422, Validation),
            (429, RateLimited),
            (500, Server),
            (503, Server),
            (600, Protocol),
        ] {
            for body in ["", "<html>", r#"{"message":"Unauthorized"}"#, "[1", "null"] {
                let error = refuse(false, status, body);
                assert_eq!((error.kind(), error.http_status()), (kind, Some(status)), "{body}");
            }
        }
    }

    #[test]
    fn the_401_of_a_locked_account_says_for_how_long() {
        let error = refuse(true, 401, r#"{"error_code":1105,"error_token":"TooManyRequests"}"#);
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
    }

    #[test]
    fn nested_messages_are_kept_and_shown() {
        let error = refuse(
            false,
            422,
            r#"{"error_code":1400,"error_token":"InputValidationFailed","message":"Bad",
                "errors":[{"error_code":1402,"error_token":"Required","message":"name"}]}"#,
        );
        assert_eq!(error.api_error().unwrap().errors[0].message.as_deref(), Some("name"));
        assert!(error.to_string().contains("name (Required, 1402)"), "{error}");
    }

    #[test]
    fn a_server_that_quotes_a_secret_is_not_repeated() {
        let error =
            refuse(true, 401, r#"{"message":"bad canary","errors":[{"message":"canary\n"}]}"#);
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn a_server_without_bounds_is_cut_short() {
        let message = "x".repeat(100_000);
        let nested = format!(r#"{{"message":"{message}"}},"#).repeat(100);
        let body =
            format!(r#"{{"message":"{message}","errors":[{}]}}"#, nested.trim_end_matches(','));
        let error = refuse(false, 422, &body);
        assert!(error.to_string().len() < MOST_NESTED * 600);
        let deep = format!("{}1{}", r#"{"errors":["#.repeat(5000), "]}".repeat(5000));
        assert_eq!(refuse(false, 422, &deep).kind(), ErrorKind::Validation);
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
