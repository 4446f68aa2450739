//! A value that was found in public is matched to its application token before anything is revoked.

use emnify_core::{ApplicationTokens, AuditedToken, ErrorKind, Finding, Result, Secret};
use emnify_sandbox::{NewToken, Sandbox, TokenShape};

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
    assert!(error.to_string().ends_with("it belongs to the workspace 1234"), "{error}");
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
