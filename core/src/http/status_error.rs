//! Answers that are no success: emnify's error object in its shapes, and what a status means. What a
//! server wrote is bounded here, and what we sent it is cut out of it.

use std::time::Duration;

use serde_json::Value;

use crate::api::json;
use crate::types::error::{ApiError, Error, ErrorKind};
use crate::types::secret::redact;

/// How long an account stays locked after three refused attempts, as documented.
const LOCKED_FOR: Duration = Duration::from_secs(5 * 60);

/// The error code of an account that is locked.
const TOO_MANY_REQUESTS: i64 = 1105;

/// What we keep of a sentence that a server wrote.
const LONGEST_MESSAGE: usize = 500;

/// How deep error objects may nest, and how many one may hold: a lying server has no bounds.
const MOST_NESTED: usize = 50;

/// What an answer that is no success means.
pub(crate) struct StatusError<'a> {
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

impl StatusError<'_> {
    /// The error for it. An answer with no readable error object is classified by its status.
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
    let (error_token, message) = (text("error_token"), text("message"));
    let nested = object.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[]);
    let errors = nested.iter().map_while(|value| api_error_of(value, secrets, left)).collect();
    let error_code = object.get("error_code").and_then(Value::as_i64);
    Some(ApiError { error_code, error_token, message, errors })
}

/// A server's sentence, made fit for a log: no secret of ours, one line, bounded.
pub(crate) fn clean(text: &str, secrets: &[&str]) -> String {
    let text = redact(text, secrets);
    let mut clean: String =
        text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).take(LONGEST_MESSAGE).collect();
    if clean.len() < text.len() {
        clean.push('…');
    }
    clean
}

/// Whether a character leaves the lines of a log as they are: it neither breaks nor reorders them,
/// nor hides.
fn is_harmless(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of direction
            | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' // zero width
            | '\u{2028}' | '\u{2029}' // separators of lines and paragraphs
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // embeddings, overrides, isolates
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{e0000}'..='\u{e007f}' // tags
    );
    !c.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(authenticating: bool, status: u16, body: &str) -> Error {
        StatusError {
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
                for authenticating in [false, true] {
                    let error = refuse(authenticating, status, body);
                    assert_eq!((error.kind(), error.http_status()), (kind, Some(status)), "{body}");
                    assert!(error.to_string().contains(&format!("HTTP {status}")), "{error}");
                }
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
    fn what_breaks_reorders_or_hides_text_is_taken_out_of_what_a_server_says() {
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
}
