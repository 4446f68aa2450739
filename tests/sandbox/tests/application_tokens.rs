//! The application tokens over a real connection: create, list, page, update, revoke, expire.

#[cfg(test)]
#[allow(dead_code, unreachable_pub, reason = "each test program uses a part")]
mod common;

use std::time::Duration;

use common::{PASSWORD, Rig, TOKENS, header, status_and_body, text};
use emnify_sandbox::{NewToken, TokenShape};
use serde_json::{Value, json};

#[test]
fn create_use_and_revoke() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let (status, body) = rig.create(&token, &json!({ "description": "new" }));
    assert_eq!((status, body.as_object().unwrap().len()), (200, 1));
    let value = text(&body, "application_token");
    let auth_token = text(&rig.exchange(&value).1, "auth_token");

    let row = rig.rows(&auth_token, "").pop().unwrap();
    assert_eq!(row["description"], "new");
    assert_eq!(row["status"], json!({ "id": 0, "description": "Activated" }));
    assert!(row["expiry_date"].is_null() && row["ip"].is_null());
    let path = format!("{TOKENS}/{}", row["id"]);
    assert_eq!(rig.patch(&token, &path, &json!({ "description": "renamed" })).0, 204);
    assert_eq!(rig.patch(&token, &path, &json!({ "status": { "id": 1 } })).0, 204);
    assert_eq!(rig.exchange(&value), (401, Value::Null));
    // Auth tokens that were obtained before stay valid.
    let row = rig.rows(&auth_token, "").pop().unwrap();
    assert_eq!(row["description"], "renamed");
    assert_eq!(row["status"]["description"], "Revoked");

    rig.sandbox.settings(|settings| settings.revocation_reaches_auth_tokens = true);
    assert_eq!(rig.get(&auth_token, TOKENS).status(), 401);
    assert_eq!(rig.get(&token, TOKENS).status(), 200);
}

#[test]
fn settings_change_what_is_unknown_about_the_live_service() {
    let rig = Rig::new();
    rig.sandbox.settings(|settings| {
        settings.create_status = 201;
        settings.application_token_shape = TokenShape::Opaque;
        settings.omit_nulls = true;
        settings.application_tokens_paged = false;
    });
    let token = rig.sign_in();
    let (status, body) = rig.create(&token, &json!({}));
    assert_eq!((status, text(&body, "application_token").len()), (201, 80));
    let response = rig.get(&token, TOKENS);
    assert_eq!(header(&response, "x-total-pages"), "");
    assert!(status_and_body(response).1[1].get("description").is_none());
}

#[test]
fn a_token_expires() {
    let rig = Rig::new();
    let token = rig.sign_in();
    rig.sandbox.set_clock(1_800_000_000);
    // A date alone is valid until the end of that day in Central Europe.
    for (date, shown) in [
        ("2027-01-16", "2027-01-16T22:59:59.000Z"),
        ("2027-01-17T00:00:00.000Z", "2027-01-17T00:00:00.000Z"),
    ] {
        let token = rig.sign_in();
        let (status, body) = rig.create(&token, &json!({ "expiry_date": date }));
        assert_eq!(status, 200, "{body}");
        let value = text(&body, "application_token");
        assert_eq!(rig.rows(&token, "").pop().unwrap()["expiry_date"], shown);
        assert_eq!(rig.exchange(&value).0, 200);
        rig.sandbox.move_clock(Duration::from_secs(2 * 86_400));
        assert_eq!(rig.exchange(&value).0, 401);
        rig.sandbox.set_clock(1_800_000_000);
    }
    assert_eq!(rig.get(&token, TOKENS).status(), 401);
}

#[test]
fn a_token_works_only_from_its_addresses() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let (_, body) = rig.create(&token, &json!({ "ip": "10.0.0.0/8" }));
    let elsewhere = text(&body, "application_token");
    let (_, body) = rig.create(&token, &json!({ "ip": "127.0.0.1" }));
    assert_eq!(rig.exchange(&text(&body, "application_token")).0, 200);
    assert_eq!(rig.exchange(&elsewhere), (401, Value::Null));
    rig.sandbox.settings(|settings| settings.peer_address = "10.1.2.3".parse().ok());
    assert_eq!(rig.exchange(&elsewhere).0, 200);
}

#[test]
fn invalid_input_is_refused() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let wrong = json!({ "description": 1, "expiry_date": "tomorrow", "ip": "10.0.0.0/33" });
    let (status, body) = rig.create(&token, &wrong);
    assert_eq!((status, text(&body, "error_token")), (422, "InputValidationFailed".to_owned()));
    assert_eq!(body["errors"].as_array().unwrap().len(), 3);
    assert_eq!(rig.create(&token, &json!({ "expiry_date": "2001-01-01" })).0, 422);
    assert_eq!(rig.create(&token, &json!([])).0, 400);
    assert_eq!(rig.patch(&token, &format!("{TOKENS}/1"), &json!({})).0, 404);
    assert_eq!(rig.patch(&token, &format!("{TOKENS}/4711"), &json!({ "status": {} })).0, 422);
    assert_eq!(rig.patch(&token, &format!("{TOKENS}/4711"), &json!({ "ip": "::1" })).0, 422);
    let status = json!({ "status": { "id": 7 } });
    assert_eq!(rig.patch(&token, &format!("{TOKENS}/4711"), &status).0, 422);
    assert_eq!(rig.sandbox.application_tokens().len(), 1);
}

#[test]
fn the_list_is_paged() {
    let rig = Rig::new();
    for number in 0..104 {
        let description = Some(format!("row {number}"));
        rig.sandbox.add_application_token(NewToken { description, ..NewToken::default() });
    }
    let token = rig.sign_in();
    let response = rig.get(&token, &format!("{TOKENS}?page=2"));
    assert_eq!(header(&response, "x-total-pages"), "2");
    assert_eq!(header(&response, "x-total-count"), "105");
    assert_eq!(header(&response, "x-count-per-page"), "100");
    assert_eq!(header(&response, "x-current-page"), "2");
    assert_eq!(header(&response, "x-count"), "5");
    assert_eq!(rig.rows(&token, "?page=2").len(), 5);
    assert_eq!(rig.rows(&token, "?per_page=50&page=3").len(), 5);
    assert_eq!(rig.rows(&token, "?page=9").len(), 5);
    assert_eq!(rig.rows(&token, "?page=0").len(), 100);
}

#[test]
fn rows_can_be_added_unchecked() {
    let rig = Rig::new();
    let row = NewToken {
        value: Some("mine".to_owned()),
        expiry_date: Some("never".to_owned()),
        without_creator: true,
        without_created: true,
        ..NewToken::default()
    };
    let (id, value) = rig.sandbox.add_application_token(row);
    assert_eq!(value, "mine");
    let token = text(&rig.exchange("mine").1, "auth_token");
    let shown = rig.rows(&token, "").pop().unwrap();
    assert_eq!(shown["id"], id);
    assert_eq!(shown["expiry_date"], "never");
    assert!(shown["creator"].is_null() && shown["created"].is_null());
}

#[test]
fn each_workspace_has_its_own_tokens() {
    let rig = Rig::new();
    let user = text(&rig.log_in("user@example.com", PASSWORD).1, "auth_token");
    assert_eq!(rig.rows(&user, "")[0]["creator"]["username"], "user@example.com");
    let body = json!({ "target_organisation": { "id": 5678 } });
    let url = rig.url("/api/v1/authenticate/workspace");
    let switched = rig.client.post(url).bearer_auth(&user).json(&body).send().unwrap();
    let there = text(&status_and_body(switched).1, "auth_token");
    assert!(rig.rows(&there, "").is_empty());
    let (_, body) = rig.create(&there, &json!({}));
    let token = text(&rig.exchange(&text(&body, "application_token")).1, "auth_token");
    assert_eq!(rig.rows(&token, "").len(), 1);
}

#[test]
fn the_response_to_create_may_contain_the_id() {
    let rig = Rig::new();
    rig.sandbox.settings(|settings| settings.create_with_id = true);
    let (_, body) = rig.create(&rig.sign_in(), &json!({}));
    assert_eq!(body["id"], 4712);
}

#[test]
fn an_update_without_the_right_is_forbidden() {
    let rig = Rig::new();
    rig.sandbox.settings(|settings| settings.update_forbidden = true);
    let token = rig.sign_in();
    let revoke = json!({ "status": { "id": 1 } });
    let (status, body) = rig.patch(&token, &format!("{TOKENS}/4711"), &revoke);
    assert_eq!((status, text(&body, "error_token")), (403, "Forbidden".to_owned()));
    assert_eq!(rig.create(&token, &json!({})).0, 200);
}

#[test]
fn refused_tokens_are_recorded_as_events() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let events = || status_and_body(rig.get(&token, "/api/v1/event?q=type:7&sort=-id")).1;
    assert_eq!(events(), json!([]));
    for (name, status, expiry_date) in [("old", 1, None), ("late", 0, Some("2020-01-01"))] {
        let row = NewToken {
            description: Some(name.to_owned()),
            status,
            expiry_date: expiry_date.map(str::to_owned),
            ..NewToken::default()
        };
        let (_, value) = rig.sandbox.add_application_token(row);
        assert_eq!(rig.exchange(&value).0, 401);
    }
    let events = events();
    let descriptions = events.as_array().unwrap().iter();
    let descriptions: Vec<String> = descriptions.map(|event| text(event, "description")).collect();
    let expected = [("late", "Expired"), ("old", "Revoked")].map(|(name, status)| {
        format!(
            "Failed authentication request from '{name}', Reason: TokenStatus {status} from IP 127.0.0.1"
        )
    });
    assert_eq!(descriptions, expected);
}

#[test]
fn each_refusal_is_recorded_also_while_the_account_is_locked() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let (_, value) =
        rig.sandbox.add_application_token(NewToken { status: 1, ..NewToken::default() });
    for _ in 0..5 {
        assert_eq!(rig.exchange(&value).0, 401);
    }
    let (_, events) = status_and_body(rig.get(&token, "/api/v1/event?q=type:7"));
    assert_eq!(events.as_array().unwrap().len(), 5);
}
