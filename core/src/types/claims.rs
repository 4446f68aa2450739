//! Reads the claims of an auth token. The client has no key to verify them, so they only decide
//! when to renew and what to display, never whom to trust.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The lifetime that emnify documents, for a token whose own claims do not give one.
const FALLBACK_LIFETIME: Duration = Duration::from_secs(240 * 60);

/// A longer lifetime is taken for a mistake, and the fallback is used.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// The `aud` of an auth token.
const AUTH_TOKEN: &str = "/api/v1/authentication";

/// The claims of an auth token that could be read. All may be absent, since a token need not be a
/// JWT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// `exp`, in seconds of Unix time, on the server's clock.
    pub(crate) expires_at: Option<u64>,
    /// `iat`, in seconds of Unix time, on the server's clock.
    pub(crate) issued_at: Option<u64>,
    /// `esc.org`.
    pub(crate) organisation_id: Option<u64>,
    /// `esc.app`, which seems to be the id of the application token. It is not documented, so it
    /// must be confirmed.
    pub(crate) application_token_id: Option<u64>,
    /// Whether `aud` names it an auth token, not an application token.
    pub(crate) is_auth_token: bool,
}

impl Claims {
    /// Reads the payload of a JWT in compact form (RFC 7519). Claims that are missing stay `None`.
    pub(crate) fn read(token: &str) -> Self {
        let Some(payload) = payload(token) else { return Claims::default() };
        Claims {
            expires_at: numeric_date(&payload, "exp"),
            issued_at: numeric_date(&payload, "iat"),
            organisation_id: payload.get("esc.org").and_then(Value::as_u64),
            application_token_id: payload.get("esc.app").and_then(Value::as_u64),
            is_auth_token: payload.get("aud").is_some_and(|aud| aud == AUTH_TOKEN),
        }
    }

    /// Returns how long the token is valid, counted from when the request for it was sent. This is
    /// the difference of two readings of the server's clock, so the local clock does not matter.
    pub(crate) fn lifetime(&self) -> Duration {
        match (self.issued_at, self.expires_at) {
            (Some(issued), Some(expires)) if expires > issued => {
                Some(Duration::from_secs(expires - issued)).filter(|life| *life <= LONGEST_LIFETIME)
            }
            _ => None,
        }
        .unwrap_or(FALLBACK_LIFETIME)
    }
}

/// What a token says about itself, returned by
/// [`ApplicationTokens::inspect`](crate::ApplicationTokens::inspect). Nothing of it is verified:
/// anyone can write such a text.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let found = emnify_core::Secret::from(sandbox.application_token());
/// use emnify_core::ApplicationTokens;
///
/// if let Some(claims) = ApplicationTokens::inspect(&found) {
///     println!("token {:?} of workspace {:?}", claims.id, claims.organisation_id);
///     println!("from {:?} until {:?}", claims.issued_at, claims.expires_at);
///     assert!(!claims.is_auth_token);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenClaims {
    /// The id of the application token, or of the one that an auth token was obtained with.
    pub id: Option<u64>,
    /// The id of the workspace.
    pub organisation_id: Option<u64>,
    /// When it was created.
    pub issued_at: Option<SystemTime>,
    /// When it expires. `None` if it does not expire.
    pub expires_at: Option<SystemTime>,
    /// Whether it is an auth token, which cannot be revoked and expires by itself.
    pub is_auth_token: bool,
}

impl TokenClaims {
    /// Reads what a JWT says. Returns `None` if it says nothing: it may be opaque.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let claims = Claims::read(token);
        let instant = |seconds: Option<u64>| UNIX_EPOCH.checked_add(Duration::from_secs(seconds?));
        (claims != Claims::default()).then(|| TokenClaims {
            id: claims.application_token_id,
            organisation_id: claims.organisation_id,
            issued_at: instant(claims.issued_at),
            expires_at: instant(claims.expires_at),
            is_auth_token: claims.is_auth_token,
        })
    }
}

fn payload(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// A later date (after the year 5138) is taken for a mistake; it could also overflow.
const LATEST: f64 = 1e11;

/// Reads a NumericDate, which may have a fraction (RFC 7519, section 2).
fn numeric_date(payload: &Value, claim: &str) -> Option<u64> {
    let seconds = payload.get(claim)?.as_f64().filter(|seconds| (0.0..LATEST).contains(seconds))?;
    Some(seconds as u64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn jwt(payload: &str) -> String {
        format!(
            "{}.{}.c2ln",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS384"}"#),
            URL_SAFE_NO_PAD.encode(payload)
        )
    }

    #[test]
    fn the_claims_of_an_application_tokens_auth_token_are_read() {
        let claims = Claims::read(&jwt(
            r#"{"aud":"/api/v1/authentication","esc.app":7,"esc.org":1234,"esc.orgName":"x","iat":1000,"exp":605800}"#,
        ));
        assert_eq!(claims.organisation_id, Some(1234));
        assert_eq!(claims.application_token_id, Some(7));
        assert_eq!(claims.lifetime(), Duration::from_secs(604_800));
    }

    #[test]
    fn the_lifetime_is_defined_for_every_token() {
        let fallback = FALLBACK_LIFETIME.as_secs();
        for (payload, seconds) in [
            (r#"{"iat":100,"exp":160}"#, 60),
            (r#"{"iat":100.5,"exp":160.9}"#, 60),
            (r#"{"exp":160}"#, fallback),
            (r#"{"iat":100}"#, fallback),
            (r#"{"iat":160,"exp":160}"#, fallback),
            (r#"{"iat":160,"exp":100}"#, fallback),
            (r#"{"iat":0,"exp":18446744073709551615}"#, fallback),
            (r#"{"iat":-5,"exp":1e300}"#, fallback),
            (r#"{"iat":"100","exp":"160"}"#, fallback),
            (r#"[]"#, fallback),
            ("not json", fallback),
        ] {
            assert_eq!(Claims::read(&jwt(payload)).lifetime().as_secs(), seconds, "{payload}");
        }
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        for token in ["", "opaque", "a.b", "a.b.c", "..", "a.%%%.c"] {
            assert_eq!(Claims::read(token), Claims::default(), "{token}");
        }
    }
}
