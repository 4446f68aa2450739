//! Turns responses with an error status into errors: reads emnify's error object and gives the
//! status a meaning. A server's text is limited in length, and secrets that it quotes are removed.

use std::time::Duration;

use serde_json::Value;

use crate::api::json;
use crate::types::error::{ApiError, Error, ErrorKind};
use crate::types::secret::redact;
use crate::types::text::is_harmless;

/// How long an account stays locked after three refused attempts, as documented.
const LOCKED_FOR: Duration = Duration::from_secs(5 * 60);

/// The error code for a locked account.
const TOO_MANY_REQUESTS: i64 = 1105;

/// How many characters of a server's message are kept.
const LONGEST_MESSAGE: usize = 500;

/// How many error objects one response may contain, since a hostile server sends any number.
const MOST_NESTED: usize = 50;

/// A response with an error status.
pub(crate) struct StatusError<'a> {
    /// What was attempted, to follow "cannot".
    pub(crate) action: &'a str,
    /// Whether the request exchanged credentials, rather than using an auth token.
    pub(crate) authenticating: bool,
    /// What a 401 means, for the message.
    pub(crate) refused: &'static str,
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    /// The value of the header `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// The secrets in the request, which the server might quote.
    pub(crate) secrets: &'a [&'a str],
}

impl StatusError<'_> {
    /// Creates the error. A response without a readable error object is classified by its status.
    pub(crate) fn into_error(self) -> Error {
        let StatusError { action, status, .. } = self;
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
            error.error_name.as_deref() == Some("TooManyRequests")
                || error.error_code == Some(TOO_MANY_REQUESTS)
        });
        match self.status {
            401 if self.authenticating && locked => (
                ErrorKind::Locked,
                "the account is locked after several refused attempts; wait before the next one",
            ),
            401 => (ErrorKind::Rejected, self.refused),
            403 => (ErrorKind::Forbidden, "the credentials are not allowed to do this"),
            404 if self.authenticating => {
                (ErrorKind::NotFound, "the sign-in path was not found; check base_url")
            }
            404 => (ErrorKind::NotFound, "not found"),
            409 => (ErrorKind::Conflict, "the request conflicts with existing data"),
            429 => (
                ErrorKind::RateLimited,
                "too many calls from this address; wait before the next one",
            ),
            408 => (ErrorKind::Server, "the server timed out waiting for the request"),
            400..=499 => (ErrorKind::Validation, "emnify found the request invalid"),
            500..=599 => (ErrorKind::Server, "the server failed; try again later"),
            300..=399 => (
                ErrorKind::Protocol,
                "the response is a redirect, which is never followed; check base_url",
            ),
            _ => (ErrorKind::Protocol, "the response has an unexpected status"),
        }
    }
}

/// Returns the error object of a response: emnify's, or the `{"message"}` of the gateway in front
/// of it. `None` for HTML, text and an empty body.
fn api_error(body: &[u8], secrets: &[&str]) -> Option<ApiError> {
    if json::is_too_deep(body) {
        return None;
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    let mut left = MOST_NESTED;
    api_error_of(&value, secrets, &mut left).filter(|e| *e != ApiError::default())
}

fn api_error_of(value: &Value, secrets: &[&str], left: &mut usize) -> Option<ApiError> {
    let object = value.as_object()?;
    *left = left.checked_sub(1)?;
    let text = |name| object.get(name).and_then(Value::as_str).map(|text| clean(text, secrets));
    let (error_name, message) = (text("error_token"), text("message"));
    let nested = object.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[]);
    let errors = nested.iter().map_while(|value| api_error_of(value, secrets, left)).collect();
    let error_code = object.get("error_code").and_then(Value::as_i64);
    Some(ApiError { error_code, error_name, message, errors })
}

/// Returns a server's message made safe for a log: one line, limited in length, without secrets.
pub(crate) fn clean(text: &str, secrets: &[&str]) -> String {
    let text = redact(text, secrets);
    let mut clean: String =
        text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).take(LONGEST_MESSAGE).collect();
    if clean.len() < text.len() {
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(authenticating: bool, status: u16, body: &str) -> Error {
        StatusError {
            action: "try",
            authenticating,
            refused: "emnify refused it",
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
                for authenticating in [false, true] {
                    let error = refuse(authenticating, status, body);
                    assert_eq!((error.kind(), error.http_status()), (kind, Some(status)), "{body}");
                    assert!(error.to_string().contains(&format!("HTTP {status}")), "{error}");
                }
            }
        }
    }

    #[test]
    fn the_401_of_a_locked_account_has_a_wait() {
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
    fn a_secret_that_a_server_quotes_is_not_repeated() {
        let error =
            refuse(true, 401, r#"{"message":"bad canary","errors":[{"message":"canary\n"}]}"#);
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn characters_that_break_reorder_or_hide_text_are_removed_from_a_servers_message() {
        for c in "\0\r\n\t\u{7f}\u{85}\u{9b}\u{ad}\u{61c}\u{200b}\u{200d}\u{200e}\u{200f}\u{2028}\
                  \u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}"
            .chars()
        {
            let said = serde_json::json!({
                "error_token": format!("a{c}b"), "message": format!("a{c}b"),
                "errors": [{"message": format!("a{c}b")}],
            });
            let error = refuse(false, 422, &said.to_string());
            assert!(!error.to_string().contains(c), "{c:?}: {error}");
            assert_eq!(error.to_string().matches("a b").count(), 3, "{c:?}: {error}");
        }
        let error = refuse(false, 422, r#"{"message":"Übermaß 日本 🙂"}"#);
        assert!(error.to_string().contains("Übermaß 日本 🙂"), "{error}");
    }

    #[test]
    fn long_and_deeply_nested_messages_are_cut_short() {
        let message = "x".repeat(100_000);
        let nested = format!(r#"{{"message":"{message}"}},"#).repeat(100);
        let body =
            format!(r#"{{"message":"{message}","errors":[{}]}}"#, nested.trim_end_matches(','));
        let error = refuse(false, 422, &body);
        assert!(error.to_string().len() < MOST_NESTED * 600);
        let deep = format!("{}1{}", r#"{"errors":["#.repeat(5000), "]}".repeat(5000));
        assert_eq!(refuse(false, 422, &deep).kind(), ErrorKind::Validation);
    }
}
