//! Auth tokens and application tokens: JSON Web Tokens with the headers that the live service was
//! seen to send, HS384 and HS512.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::settings::TokenShape;

/// The number of bytes of claims that results in a token of 490 characters.
const CLAIMS_LENGTH: usize = 286;

/// Why a token is invalid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It does not have three parts.
    Segments,
    /// It cannot be read, or this sandbox did not sign it.
    Signature,
}

/// Signs the claims of an auth token.
pub(crate) fn sign(key: &hmac::Key, claims: &Value) -> String {
    signed(key, r#"{"alg":"HS384"}"#, claims)
}

fn signed(key: &hmac::Key, header: &str, claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(header);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = hmac::sign(key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the claims of a token that this sandbox signed. It does not check whether it expired.
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

/// Creates a new signing key, which invalidates all tokens signed before.
pub(crate) fn new_key(random: &mut Random) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA384, &[random.block(), random.block()].concat())
}

/// Creates an application token's value; a JWT contains these claims.
pub(crate) fn application_token(
    random: &mut Random,
    shape: TokenShape,
    mut claims: Map<String, Value>,
) -> String {
    if shape == TokenShape::Opaque {
        return random.hex(80);
    }
    // Pads the claims to the length that was seen.
    claims.insert("api_key".to_owned(), Value::from(""));
    let rest = CLAIMS_LENGTH.saturating_sub(json!(claims).to_string().len());
    claims.insert("api_key".to_owned(), Value::from(random.hex(rest)));
    let key = hmac::Key::new(hmac::HMAC_SHA512, &random.block());
    signed(&key, r#"{"alg":"HS512"}"#, &json!(claims))
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
            let claims = Map::from_iter([("esc.app".to_owned(), Value::from(id))]);
            let token = application_token(&mut random, TokenShape::Jwt, claims);
            assert_eq!(token.len(), 490);
            assert!(token.starts_with("eyJhbGciOiJIUzUxMiJ9."));
        }
        let opaque = application_token(&mut random, TokenShape::Opaque, Map::new());
        assert_eq!(opaque.len(), 80);
    }
}
