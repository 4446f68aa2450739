//! Each form of `authenticate` over a real connection, and the limits.

#[cfg(test)]
#[allow(dead_code, unreachable_pub, reason = "each test program uses a part")]
mod common;

use std::time::Duration;

use common::{AUTHENTICATE, PASSWORD, Rig, header, status_and_body, text};
use emnify_sandbox::RetryAfter;
use serde_json::{Value, json};

const LOGIN: &str = "user@example.com";
const MFA: &str = "mfa@example.com";

#[test]
fn application_token() {
    let rig = Rig::new();
    let token = rig.sign_in();
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(rig.get(&token, "/api/v1/endpoint").status(), 200);
    assert_eq!(rig.sandbox.application_token().len(), 490);
    assert_eq!(rig.sandbox.calls("POST", AUTHENTICATE), 1);
    assert_eq!(rig.sandbox.connections(), 1);
    let requests = rig.sandbox.requests();
    assert_eq!(requests[0].body.as_deref(), Some(r#"{"application_token":"***"}"#));
    assert_eq!(requests[1].status, Some(200));
}

#[test]
fn user_and_refresh_token() {
    let rig = Rig::new();
    assert_eq!(rig.log_in(LOGIN, "password").0, 401);
    let (status, body) = rig.log_in(LOGIN, PASSWORD);
    assert_eq!(status, 200);
    let refresh = json!({ "refresh_token": text(&body, "refresh_token") });
    let (status, renewed) = rig.authenticate(&refresh);
    assert_eq!(status, 200);
    assert_eq!(rig.get(&text(&renewed, "auth_token"), "/api/v1/sim").status(), 200);
    // A refresh token is valid once.
    assert_eq!(rig.authenticate(&refresh), (401, Value::Null));
    // It is no longer valid after another login.
    rig.log_in(LOGIN, PASSWORD);
    let refresh = json!({ "refresh_token": text(&renewed, "refresh_token") });
    assert_eq!(rig.authenticate(&refresh).0, 401);
    // It expires.
    let (_, body) = rig.log_in(LOGIN, PASSWORD);
    rig.sandbox.move_clock(Duration::from_secs(350 * 60));
    let refresh = json!({ "refresh_token": text(&body, "refresh_token") });
    assert_eq!(rig.authenticate(&refresh).0, 401);
}

#[test]
fn one_time_code_and_trusted_device() {
    let rig = Rig::new();
    let (status, body) = rig.log_in(MFA, PASSWORD);
    assert_eq!((status, body.as_object().unwrap().len()), (200, 1));
    let mfa_token = text(&body, "mfa_token");
    let wrong = json!({ "mfa_token": mfa_token, "code": "no code" });
    assert_eq!(rig.authenticate(&wrong), (401, Value::Null));
    let code = rig.sandbox.one_time_code(MFA).unwrap();
    let device = json!({ "fingerprint": "f1", "operating_system": "Linux", "browser": "none",
                         "name": "gateway" });
    let right = json!({ "mfa_token": mfa_token, "code": code, "trusted_device": device });
    let (status, body) = rig.authenticate(&right);
    assert_eq!(status, 200);
    text(&body, "refresh_token");
    assert_eq!(rig.authenticate(&right).0, 401);

    let login = |fingerprint: &str| {
        let body = json!({ "username": MFA, "password": PASSWORD, "fingerprint": fingerprint });
        rig.authenticate(&body).1
    };
    assert!(login("f1").get("auth_token").is_some());
    assert!(login("f2").get("auth_token").is_none());
    rig.sandbox.move_clock(Duration::from_secs(90 * 86_400));
    assert!(login("f1").get("mfa_token").is_some());
}

#[test]
fn workspace() {
    let rig = Rig::new();
    let switch = |token: &str, id: u64| {
        let body = json!({ "target_organisation": { "id": id } });
        let url = rig.url("/api/v1/authenticate/workspace");
        status_and_body(rig.client.post(url).bearer_auth(token).json(&body).send().unwrap())
    };
    assert_eq!(switch(&rig.sign_in(), 5678).0, 401);
    let here = text(&rig.log_in(LOGIN, PASSWORD).1, "auth_token");
    let (status, body) = switch(&here, 5678);
    assert_eq!(status, 200);
    let there = text(&body, "auth_token");
    let endpoints = |token: &str| header(&rig.get(token, "/api/v1/endpoint"), "x-total-count");
    assert_eq!((endpoints(&here), endpoints(&there)), ("250".to_owned(), "12".to_owned()));
    assert_eq!(switch(&here, 7).0, 403);
    assert_eq!(switch(&here, 7777).0, 404);
}

#[test]
fn the_third_failure_locks_the_account() {
    let rig = Rig::new();
    for _ in 0..3 {
        assert_eq!(rig.log_in(LOGIN, "wrong"), (401, Value::Null));
    }
    let (status, body) = rig.log_in(LOGIN, PASSWORD);
    assert_eq!((status, text(&body, "error_token")), (401, "TooManyRequests".to_owned()));
    assert_eq!(rig.log_in(MFA, PASSWORD).0, 200);
    rig.sandbox.move_clock(Duration::from_secs(300));
    assert_eq!(rig.log_in(LOGIN, PASSWORD).0, 200);

    for _ in 0..3 {
        assert_eq!(rig.exchange("unknown"), (401, Value::Null));
    }
    assert_eq!(rig.exchange("unknown").1["error_code"], 1105);
    assert_eq!(rig.exchange(&rig.sandbox.application_token()).0, 200);
}

#[test]
fn a_hundred_sign_ins_are_allowed_in_five_minutes() {
    let rig = Rig::new();
    let body = json!({ "application_token": "unknown" });
    for _ in 0..100 {
        assert_eq!(rig.authenticate(&body).0, 401);
    }
    let response = rig.post(AUTHENTICATE, &body);
    assert_eq!(response.status(), 429);
    let wait: u64 = header(&response, "retry-after").parse().unwrap();
    assert!((290..=300).contains(&wait), "{wait}");
    rig.sandbox.settings(|settings| settings.retry_after = RetryAfter::HttpDate);
    let date = header(&rig.post(AUTHENTICATE, &body), "retry-after");
    assert!(date.ends_with("GMT"), "{date}");
    rig.sandbox.settings(|settings| settings.retry_after = RetryAfter::None);
    assert_eq!(header(&rig.post(AUTHENTICATE, &body), "retry-after"), "");
    rig.sandbox.move_clock(Duration::from_secs(wait));
    assert_eq!(rig.exchange(&rig.sandbox.application_token()).0, 200);
}

#[test]
fn refused_calls_need_not_count() {
    let rig = Rig::new();
    rig.sandbox.settings(|settings| {
        settings.count_refused = false;
        settings.authenticate_limit = 1;
    });
    assert_eq!(rig.exchange("unknown").0, 401);
    rig.sign_in();
    assert_eq!(rig.exchange("unknown").0, 429);
    rig.sandbox.settings(|settings| settings.limits = false);
    rig.sign_in();
}

#[test]
fn limited_calls_may_count_so_that_the_limit_stays_in_force() {
    for (count_limited, status) in [(false, 200), (true, 429)] {
        let rig = Rig::new();
        rig.sandbox.settings(|settings| {
            settings.count_limited = count_limited;
            settings.authenticate_limit = 1;
        });
        rig.sign_in();
        rig.sandbox.move_clock(Duration::from_secs(200));
        assert_eq!(rig.exchange(&rig.sandbox.application_token()).0, 429);
        rig.sandbox.move_clock(Duration::from_secs(200));
        assert_eq!(rig.exchange(&rig.sandbox.application_token()).0, status);
    }
}

#[test]
fn auth_tokens_expire_and_are_revoked() {
    let rig = Rig::new();
    rig.sandbox.settings(|settings| settings.auth_token_lifetime = 10);
    let token = rig.sign_in();
    rig.sandbox.move_clock(Duration::from_secs(11));
    let (status, body) = status_and_body(rig.get(&token, "/api/v1/endpoint"));
    assert_eq!((status, text(&body, "error_token")), (401, "TokenExpired".to_owned()));

    let token = rig.sign_in();
    rig.sandbox.revoke_auth_tokens();
    let response = rig.get(&token, "/api/v1/endpoint");
    assert_eq!(header(&response, "x-amzn-errortype"), "UnauthorizedException");
    assert_eq!(status_and_body(response), (401, json!({ "message": "Unauthorized" })));
    let (_, body) = status_and_body(rig.get("nonsense", "/api/v1/endpoint"));
    assert_eq!(text(&body, "message"), "token contains an invalid number of segments");
}
