//! A value that was found in public is matched to its application token before anything is revoked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emnify_core::{ApplicationTokens, AuditedToken, ErrorKind, Finding, Result, Secret};
use emnify_sandbox::{Fault, FaultKind, NewToken, Sandbox, TokenShape};

use crate::common::{AUTHENTICATE, builder_without_token, client, sandbox};

fn identify(sandbox: &Sandbox, value: &str) -> Result<AuditedToken> {
    client(sandbox).application_tokens().identify(&Secret::from(value))
}

fn add(sandbox: &Sandbox, token: NewToken) -> (u64, String) {
    sandbox.add_application_token(token)
}

#[test]
fn a_value_is_identified_whatever_its_form() {
    for (shape, has_claims) in [(TokenShape::Jwt, true), (TokenShape::Opaque, false)] {
        let sandbox = sandbox();
        sandbox.settings(|settings| settings.application_token_shape = shape);
        let (id, value) = add(&sandbox, NewToken::default());
        let claims = ApplicationTokens::inspect(&Secret::from(value.as_str()));
        assert_eq!(claims.and_then(|claims| claims.id), has_claims.then_some(id));
        let found = identify(&sandbox, &value).unwrap();
        assert_eq!(found.token.id(), id);
        assert!(!found.findings.contains(&Finding::Own));
        let own = identify(&sandbox, &sandbox.application_token()).unwrap();
        assert!(own.findings.contains(&Finding::Own));
    }
}

#[test]
fn a_revoked_token_is_known_without_signing_in_with_it() {
    let sandbox = sandbox();
    let (id, value) = add(&sandbox, NewToken { status: 1, ..NewToken::default() });
    let found = identify(&sandbox, &value).unwrap();
    assert_eq!((found.token.id(), found.findings), (id, vec![Finding::Revoked]));
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
}

#[test]
fn claims_that_emnify_does_not_confirm_identify_nothing() {
    let sandbox = sandbox();
    // It names itself 4712, but no one knows this value.
    let (_, value) = add(&sandbox, NewToken::default());
    let forged = format!("{}forged", &value[..value.len() - 6]);
    let error = identify(&sandbox, &forged).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let message = error.to_string();
    assert!(message.contains("application token 4712"), "{message}");
    assert!(!message.contains(&forged), "{message}");

    let elsewhere = NewToken { ip: Some("192.0.2.7".to_owned()), ..NewToken::default() };
    let (_, value) = add(&sandbox, elsewhere);
    let message = identify(&sandbox, &value).unwrap_err().to_string();
    assert!(message.contains("application token 4713"), "{message}");
}

#[test]
fn an_id_that_the_list_does_not_contain_is_not_returned() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.esc_app_is_token_id = false);
    let (_, value) = add(&sandbox, NewToken::default());
    let error = identify(&sandbox, &value).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let message = error.to_string();
    assert!(message.contains("does not tell its id"), "{message}");
    assert!(message.ends_with("revoke it by its id"), "{message}");
    assert!(!message.contains("workspace"), "{message}");
}

/// Returns a JWT with these claims.
fn jwt(claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", encode(r#"{"alg":"HS384"}"#), encode(&format!("{{{claims}}}")))
}

/// Identifies a value, for which the server answers with an auth token of these claims.
fn answered(sandbox: &Sandbox, value: &str, claims: &str) -> Result<AuditedToken> {
    let client = client(sandbox);
    client.authenticate().unwrap();
    let body = format!(r#"{{"auth_token":"{}"}}"#, jwt(claims));
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(200, body)));
    client.application_tokens().identify(&Secret::from(value))
}

#[test]
fn an_id_that_the_server_names_must_be_confirmed() {
    let sandbox = sandbox();
    let (id, _) = add(&sandbox, NewToken::default());
    let (revoked, _) = add(&sandbox, NewToken { status: 1, ..NewToken::default() });
    let now = sandbox.now();
    let claims = |id: u64, iat: i64| format!(r#""esc.org":1234,"esc.app":{id},"iat":{iat}"#);
    let found = answered(&sandbox, "opaque", &claims(id, now)).unwrap();
    assert_eq!(found.token.id(), id);
    let refused = |value: &str, claims: &str| {
        let error = answered(&sandbox, value, claims).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{claims}");
        error.to_string()
    };
    // The row is newer than the value, or does not work.
    for claims in [claims(id, now - 3_600), claims(revoked, now), r#""esc.org":1234"#.to_owned()] {
        let message = refused("opaque", &claims);
        assert!(message.contains("does not tell its id"), "{message}");
    }
    // The value names another one.
    let message =
        refused(&jwt(&format!(r#""esc.app":{revoked},"esc.org":5678"#)), &claims(id, now));
    assert!(message.contains("does not tell its id"), "{message}");
    let message = refused("opaque", &format!(r#""esc.org":5678,"esc.app":{id},"iat":{now}"#));
    assert!(message.ends_with("it belongs to the workspace 5678"), "{message}");
    // For this server, the id in an auth token is not that of a row.
    sandbox.settings(|settings| settings.esc_app_is_token_id = false);
    let message = refused("opaque", &claims(id, now));
    assert!(message.contains("does not tell its id"), "{message}");
}

#[test]
fn a_value_of_another_workspace_is_not_taken_for_a_row_with_its_id() {
    let sandbox = sandbox();
    let (id, _) = add(&sandbox, NewToken { status: 1, ..NewToken::default() });
    for (workspace, is_found) in [(1234, true), (5678, false)] {
        let value = jwt(&format!(r#""esc.org":{workspace},"esc.app":{id}"#));
        let found = identify(&sandbox, &value);
        assert_eq!(found.is_ok(), is_found, "{workspace}: {found:?}");
        if let Err(error) = found {
            assert_eq!(error.kind(), ErrorKind::Rejected);
            assert!(!error.to_string().contains(&id.to_string()), "{error}");
        }
    }
}

#[test]
fn an_auth_token_is_not_sent() {
    let sandbox = sandbox();
    let auth_token = client(&sandbox).authenticate().unwrap();
    let value = Secret::from(auth_token.reveal());
    let claims = ApplicationTokens::inspect(&value).unwrap();
    assert!(claims.is_auth_token);
    assert_eq!((claims.id, claims.organisation_id), (Some(4711), Some(1234)));
    assert_eq!(claims.expires_at.unwrap(), auth_token.expires_at());
    sandbox.reset_counters();
    for value in [value.reveal(), "", "two words"] {
        let error = identify(&sandbox, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("value: "), "{error}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn a_user_can_identify_a_token_too() {
    let sandbox = sandbox();
    let (id, value) = add(&sandbox, NewToken::default());
    let client = builder_without_token(&sandbox).user("user@example.com", "password");
    let tokens = client.build().unwrap().application_tokens();
    assert_eq!(tokens.identify(&Secret::from(value)).unwrap().token.id(), id);
}
