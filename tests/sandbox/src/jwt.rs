//! Auth tokens: JSON web tokens, signed with HS384, with the claims that the live service was seen
//! to send. Also what an application token looks like from outside.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::settings::TokenShape;

/// Bytes of claims that make a token of 490 characters.
const CLAIMS_LENGTH: usize = 303;

/// What is wrong with a token that was presented.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Not three parts.
    Segments,
    /// Unreadable, or not signed by us.
    Signature,
}

/// Signs claims.
pub(crate) fn sign(key: &hmac::Key, claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS384"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = hmac::sign(key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The claims of a token that bears our signature. When it expires is for the caller to judge.
pub(crate) fn verify(key: &hmac::Key, token: &str) -> Result<Map<String, Value>, Flaw> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Flaw::Segments);
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Flaw::Signature)?;
    let signed = format!("{header}.{claims}");
    hmac::verify(key, signed.as_bytes(), &signature).map_err(|_| Flaw::Signature)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Flaw::Signature)?;
    serde_json::from_slice(&claims).map_err(|_| Flaw::Signature)
}

/// A new signing key. Whatever was signed with another one is void.
pub(crate) fn new_key(random: &mut Random) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA384, &[random.block(), random.block()].concat())
}

/// A new application token's value.
pub(crate) fn application_token(random: &mut Random, shape: TokenShape, id: u64) -> String {
    match shape {
        TokenShape::Opaque => random.hex(80),
        TokenShape::Jwt => {
            let claims = |api_key: String| json!({ "api_key": api_key, "esc.apptoken": id, "iss": "emnify-sandbox" });
            // Filled up to the length that was seen, whatever the id's.
            let rest = CLAIMS_LENGTH.saturating_sub(claims(String::new()).to_string().len());
            let claims = claims(random.hex(rest));
            sign(&new_key(random), &claims)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_what_it_signed() {
        let mut random = Random::new().unwrap();
        let key = new_key(&mut random);
        let token = sign(&key, &json!({"esc.app": 7}));
        assert!(token.starts_with("eyJhbGciOiJIUzM4NCJ9."));
        assert_eq!(verify(&key, &token).unwrap().get("esc.app"), Some(&json!(7)));
        assert_eq!(verify(&new_key(&mut random), &token), Err(Flaw::Signature));
        assert_eq!(verify(&key, "opaque"), Err(Flaw::Segments));
        assert_eq!(verify(&key, "a.b.c"), Err(Flaw::Signature));
    }

    #[test]
    fn application_tokens_have_the_length_that_was_seen() {
        let mut random = Random::new().unwrap();
        for id in [1, 4711, 123_456_789] {
            let token = application_token(&mut random, TokenShape::Jwt, id);
            assert_eq!(token.len(), 490);
        }
        assert_eq!(application_token(&mut random, TokenShape::Opaque, 1).len(), 80);
    }
}
