//! Application tokens can be created, listed, updated and revoked. The value of a new one is never
//! lost.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use emnify_core::{
    ApplicationTokenStatus, ApplicationTokenUpdate, ErrorKind, ExpiryDate, ManualClock,
    NewApplicationToken,
};
use emnify_sandbox::{Fault, FaultKind, TokenShape};

use crate::common::{AUTHENTICATE, TOKENS, builder, client, sandbox};

#[test]
fn a_token_lives_from_creation_to_revocation() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let tokens = client.application_tokens();

    let in_a_month = SystemTime::now() + Duration::from_secs(30 * 86_400);
    let new = NewApplicationToken::new().description("gateway 7").expiry_date(in_a_month);
    let created = tokens.create(&new).unwrap();
    let id = created.id().unwrap();

    let find = || tokens.list().unwrap().into_iter().find(|row| row.id() == id).unwrap();
    let row = find();
    assert_eq!(row.description(), Some("gateway 7"));
    assert_eq!(row.status(), Some(ApplicationTokenStatus::Activated));
    assert!(row.created_at().is_some());
    let expiry =
        row.expires_at().unwrap().duration_since(in_a_month).unwrap_or_else(|e| e.duration());
    assert!(expiry < Duration::from_secs(1), "{expiry:?}");

    tokens.update(id, &ApplicationTokenUpdate::new().description("gateway 8")).unwrap();
    assert_eq!(find().description(), Some("gateway 8"));

    let other = builder(&sandbox).application_token(created.reveal()).build().unwrap();
    other.authenticate().unwrap();

    tokens.revoke(id).unwrap();
    assert_eq!(find().status(), Some(ApplicationTokenStatus::Revoked));
    let refused = builder(&sandbox).application_token(created.reveal()).build().unwrap();
    assert_eq!(refused.authenticate().unwrap_err().kind(), ErrorKind::Rejected);
}

#[test]
fn creation_works_with_every_form_of_response() {
    for (status, shape, hint, nulls) in [
        (200, TokenShape::Jwt, true, true),
        (201, TokenShape::Opaque, true, false),
        (201, TokenShape::Opaque, false, true),
    ] {
        let sandbox = sandbox();
        sandbox.settings(|settings| {
            settings.create_status = status;
            settings.application_token_shape = shape;
            settings.esc_app_is_token_id = hint;
            settings.omit_nulls = !nulls;
        });
        let client = client(&sandbox);
        let new = NewApplicationToken::new().description("unique");
        let created = client.application_tokens().create(&new).unwrap();
        assert!(created.id().is_some());
        assert!(created.reveal().len() >= 80);
    }
}

#[test]
fn a_token_for_other_addresses_is_found_without_signing_in_with_it() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let new = NewApplicationToken::new().description("elsewhere").ip("192.0.2.0/24");
    let created = client.application_tokens().create(&new).unwrap();
    assert!(created.id().is_some());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1, "the new value must not be tried here");
}

#[test]
fn two_tokens_with_the_same_description_get_different_ids() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let new = NewApplicationToken::new().description("twin");
    let first = client.application_tokens().create(&new).unwrap();
    let second = client.application_tokens().create(&new).unwrap();
    assert!(first.id().is_some() && second.id().is_some() && first.id() != second.id());
}

#[test]
fn the_value_is_returned_even_if_everything_after_its_creation_fails() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET"));
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::ResetAfter));
    let created = client.application_tokens().create(&NewApplicationToken::new()).unwrap();
    assert_eq!(created.id(), None);
    sandbox.clear_faults();
    let other = builder(&sandbox).application_token(created.reveal()).build().unwrap();
    other.authenticate().unwrap();
}

#[test]
fn the_error_for_a_lost_response_says_that_a_token_may_have_been_created() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    sandbox.fault(Fault::once(TOKENS, FaultKind::ResetAfter).method("POST"));
    let error = client.application_tokens().create(&NewApplicationToken::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("may have taken effect"), "{error}");
    assert_eq!(sandbox.calls("POST", TOKENS), 1, "it must not be sent again");
}

#[test]
fn a_list_of_many_pages_is_read_whole() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.default_per_page = 10);
    for number in 0..41 {
        sandbox.add_application_token(emnify_sandbox::NewToken {
            description: Some(format!("token {number}")),
            ..Default::default()
        });
    }
    let mut rows = client(&sandbox).application_tokens().list().unwrap();
    assert_eq!(rows.len(), 42);
    rows.dedup_by_key(|row| row.id());
    assert_eq!(rows.len(), 42);
}

#[test]
fn a_list_without_pages_is_one_call() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.application_tokens_paged = false);
    assert_eq!(client(&sandbox).application_tokens().list().unwrap().len(), 1);
    assert_eq!(sandbox.calls("GET", TOKENS), 1);
}

#[test]
fn a_list_is_read_even_if_fields_are_missing_or_invalid() {
    let sandbox = sandbox();
    let rows = r#"[
        {"id":1,"status":{}},
        {"id":2,"status":{"id":null}},
        {"id":3.0,"status":{"id":1.0},"description":7,"created":{},"ip":[],"creator":"x"},
        {"id":"4","status":"Revoked"},
        {"id":null,"description":"no id"},
        {"description":"no id"},
        {"id":5.5}, {"id":-1}, {"id":{}}, {"id":1,"id":2},
        null, 7, "text", []
    ]"#;
    sandbox.fault(Fault::once(TOKENS, FaultKind::status(200, rows)));
    let rows = client(&sandbox).application_tokens().list().unwrap();
    let ids: Vec<u64> = rows.iter().map(|row| row.id()).collect();
    assert_eq!(ids, [1, 2, 3, 4], "a row without an id cannot be addressed");
    let status: Vec<_> = rows.iter().map(|row| row.status()).collect();
    assert_eq!(status, [None, None, Some(ApplicationTokenStatus::Revoked), None]);
    assert_eq!(rows[2].description(), None);
}

#[test]
fn reading_a_list_stops_after_64_mib() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    for id in 1..=6 {
        let padding = "x".repeat(15 * 1024 * 1024);
        let body = format!(r#"[{{"id":{id},"more":"{padding}"}}]"#);
        let headers = [("X-Total-Pages".to_owned(), "1000".to_owned())].into();
        let content_type = "application/json".to_owned();
        let page = FaultKind::Status { status: 200, body, content_type, headers };
        sandbox.fault(Fault::once(TOKENS, page));
    }
    let error = client.application_tokens().list().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("64 MiB"), "{error}");
    assert_eq!(sandbox.calls("GET", TOKENS), 5);
}

#[test]
fn an_id_in_the_response_to_create_is_used() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let create = |response: &str| {
        sandbox.reset_counters();
        sandbox.fault(Fault::once(TOKENS, FaultKind::status(201, response)).method("POST"));
        let created = client.application_tokens().create(&NewApplicationToken::new()).unwrap();
        assert_eq!(created.reveal(), "value");
        (created.id(), sandbox.calls("GET", TOKENS))
    };
    // The list is read before the creation, but not after it.
    assert_eq!(create(r#"{"application_token":"value","id":8}"#), (Some(8), 1));
    assert_eq!(create(r#"{"application_token":"value","id":"9"}"#), (Some(9), 1));
    assert_eq!(create(r#"{"id":10.0,"application_token":"value"}"#), (Some(10), 1));
    // An invalid id counts as missing, and the value is still returned.
    for id in ["null", "{}", "-1", r#""""#, r#""x""#, "1.5", "1e300", "[8]"] {
        let response = format!(r#"{{"application_token":"value","id":{id}}}"#);
        assert_eq!(create(&response), (None, 2), "{id}");
    }
}

#[test]
fn an_unknown_id_is_not_found() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let error = client.application_tokens().revoke(999_999).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::NotFound, Some(404)));
    assert!(error.to_string().contains("999999"), "{error}");
}

#[test]
fn an_expiry_may_be_a_date() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let new = NewApplicationToken::new().expiry_date(ExpiryDate::from("2099-05-29"));
    let id = client.application_tokens().create(&new).unwrap().id().unwrap();
    let rows = client.application_tokens().list().unwrap();
    let row = rows.iter().find(|row| row.id() == id).unwrap();
    assert!(row.expiry_date().unwrap().starts_with("2099-05-29"));
}

#[test]
fn a_lifetime_is_counted_on_emnifys_clock() {
    let sandbox = sandbox();
    // This machine's clock is a year late.
    let year = Duration::from_secs(365 * 86_400);
    let clock = Arc::new(ManualClock::new(SystemTime::now() - year));
    let client = builder(&sandbox).clock(clock).build().unwrap();
    let day = Duration::from_secs(86_400);
    let new = NewApplicationToken::new().expires_in(90 * day);
    let id = client.application_tokens().create(&new).unwrap().id().unwrap();
    let rows = client.application_tokens().list().unwrap();
    let row = rows.iter().find(|row| row.id() == id).unwrap();
    let left = row.expires_at().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(left.abs_diff(90 * day) < Duration::from_secs(60), "{left:?}");

    let error = client.application_tokens().create(&new.expires_in(Duration::ZERO)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("expires_in: "), "{error}");
}

#[test]
fn an_outdated_list_leads_to_no_id_rather_than_a_wrong_one() {
    let sandbox = sandbox();
    let (client, new) = (client(&sandbox), NewApplicationToken::new().description("twin"));
    let _older = client.application_tokens().create(&new).unwrap();
    // The list as it was before the creation, without the new row.
    let rows = r#"[{"id":4711,"description":"Sandbox"},{"id":4712,"description":"twin"}]"#;
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(200, rows)).method("GET"));
    assert_eq!(client.application_tokens().create(&new).unwrap().id(), None);
}

#[test]
fn an_audit_covers_every_token_and_recognises_the_clients_own() {
    use emnify_core::{AuditOptions, Finding};
    let sandbox = sandbox();
    let (revoked, _) =
        sandbox.add_application_token(emnify_sandbox::NewToken { status: 1, ..Default::default() });
    let (fine, _) = sandbox.add_application_token(emnify_sandbox::NewToken {
        expiry_date: Some("2099-01-01".into()),
        ip: Some("192.0.2.7".into()),
        ..Default::default()
    });
    let client = client(&sandbox);
    let audit = client.application_tokens().audit(&AuditOptions::new()).unwrap();
    let findings = |id| &audit.iter().find(|audited| audited.token.id() == id).unwrap().findings;
    assert_eq!(findings(revoked), &[Finding::Revoked]);
    assert_eq!(findings(fine), &[]);
    let own = audit.iter().filter(|audited| audited.findings.contains(&Finding::Own)).count();
    assert_eq!(own, 1);
}
