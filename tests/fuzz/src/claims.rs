//! The claims of a JWT, and other texts in its place.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emnify_core::{ApplicationTokens, Secret, parsers};
use serde_json::Value;

use crate::text::check_secrets;

/// The longest lifetime that is believed.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Checks the token `data`; or, if it contains no dot, the token with this payload.
pub fn check(data: &[u8]) {
    let token = match data.contains(&b'.') {
        true => String::from_utf8_lossy(data).into_owned(),
        false => format!("canary.{}.canary", URL_SAFE_NO_PAD.encode(data)),
    };
    let lifetime = parsers::lifetime(&token);
    assert!(!lifetime.is_zero() && lifetime <= LONGEST, "{lifetime:?}");
    if let Some(expected) = plain_lifetime(data) {
        assert_eq!(lifetime, expected);
    }
    let secret = Secret::from(token);
    check_secrets(&format!("{secret:?}"), &["canary"]);
    if let Some(claims) = ApplicationTokens::inspect(&secret) {
        for instant in [claims.issued_at, claims.expires_at].into_iter().flatten() {
            assert!(parsers::wire(instant).is_some(), "{instant:?}");
        }
    }
}

/// Returns the lifetime if the payload is an ordinary one, with whole numbers.
fn plain_lifetime(payload: &[u8]) -> Option<Duration> {
    let payload: Value =
        serde_json::from_slice(payload).ok().filter(|_| !payload.contains(&b'.'))?;
    let claim = |name| payload.get(name)?.as_u64().filter(|seconds| *seconds < 100_000_000_000);
    let lifetime = Duration::from_secs(claim("exp")?.checked_sub(claim("iat")?)?);
    Some(lifetime).filter(|lifetime| !lifetime.is_zero() && *lifetime <= LONGEST)
}
