//! The bodies of successful responses.

use emnify_core::parsers;
use serde_json::Value;

use crate::text::{check_shown, check_text};

/// Checks the body `data`, as each kind of response.
pub fn check(data: &[u8]) {
    match parsers::signed_in(data) {
        Ok(secrets) => {
            for secret in secrets {
                check_secret(secret.reveal());
            }
        }
        Err(error) => check_shown(&error, &["canary"]),
    }
    match parsers::created(data) {
        Ok((secret, _)) => check_secret(secret.reveal()),
        Err(error) => check_shown(&error, &["canary"]),
    }
    if let Ok(text) = std::str::from_utf8(data) {
        check_row(text);
        check_compact(text);
    }
}

/// A secret from a response is sent in a header or a body.
fn check_secret(secret: &str) {
    assert!(!secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic()));
}

/// Checks a row of the lists that this library reads.
pub(crate) fn check_row(row: &str) {
    if let Some(token) = parsers::application_token(row) {
        let id = serde_json::from_str::<Value>(row).unwrap()["id"].as_u64();
        assert!(id.is_none_or(|id| id == token.id()));
        let _ = (token.status(), token.created_at(), token.expires_at(), format!("{token:?}"));
    }
    if let Some(failure) = parsers::sign_in_failure(row) {
        let Some(name) = &failure.token_name else { return };
        for text in [&failure.description, name, failure.reason.as_ref().unwrap()] {
            assert!(text.chars().count() <= 501);
            check_text(text);
        }
    }
}

/// Checks that the compact form of a JSON text is on one line and means the same.
pub(crate) fn check_compact(json: &str) {
    let Ok(value) = serde_json::from_str::<Value>(json) else { return };
    let compact = parsers::compact(json);
    assert!(!compact.contains(['\n', '\r']), "{compact}");
    assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), value);
}
