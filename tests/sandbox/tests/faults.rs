//! Every kind of fault, as a client sees it.

#[cfg(test)]
#[allow(dead_code, unreachable_pub, reason = "each test program uses a part")]
mod common;

use std::error::Error;
use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use common::{AUTHENTICATE, Rig, TOKENS, client, header, status_and_body, text};
use emnify_sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

fn once(rig: &Rig, kind: FaultKind) {
    rig.sandbox.fault(Fault::once(AUTHENTICATE, kind).method("POST"));
}

/// Whether an I/O error of this kind is among the causes of the error.
fn caused_by(error: &reqwest::Error, kind: io::ErrorKind) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == kind) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn create(rig: &Rig, token: &str) -> Result<reqwest::blocking::Response, reqwest::Error> {
    rig.client.post(rig.url(TOKENS)).bearer_auth(token).json(&json!({})).send()
}

#[test]
fn status() {
    let rig = Rig::new();
    let FaultKind::Status { status, body, content_type, mut headers } =
        FaultKind::status(503, r#"{"message":"busy"}"#)
    else {
        unreachable!()
    };
    headers.insert("Retry-After".to_owned(), "7".to_owned());
    let kind = FaultKind::Status { status, body, content_type, headers };
    rig.sandbox.fault(Fault::new("/api/*", kind).times(2).skip(1));
    rig.sign_in();
    let response = rig.post(AUTHENTICATE, &json!({}));
    assert_eq!(header(&response, "retry-after"), "7");
    assert_eq!(status_and_body(response), (503, json!({ "message": "busy" })));
    assert_eq!(rig.get("", "/api/v1/sim").status(), 503);
    rig.sign_in();
    assert_eq!(rig.sandbox.calls_with_status("POST", AUTHENTICATE, 503), 1);
    assert_eq!(rig.sandbox.calls_with_status("", "/api/*", 503), 2);
}

#[test]
fn delay() {
    let rig = Rig::new();
    let token = rig.sign_in();
    rig.sandbox.fault(Fault::once(TOKENS, FaultKind::Delay { milliseconds: 200 }));
    let started = Instant::now();
    assert_eq!(create(&rig, &token).unwrap().status(), 200);
    assert!(started.elapsed() >= Duration::from_millis(200));

    // If the client gives up, the request has or has not taken effect, depending on `side_effect`.
    let hasty = client(&rig.sandbox).timeout(Duration::from_millis(300)).build().unwrap();
    // On a warm connection, the timeout does not include a handshake.
    assert_eq!(hasty.get(rig.url("/")).send().unwrap().status(), 401);
    let give_up = |rig: &Rig| {
        let request = hasty.post(rig.url(TOKENS)).bearer_auth(&token).json(&json!({}));
        assert!(request.send().unwrap_err().is_timeout());
        thread::sleep(Duration::from_millis(700));
        rig.sandbox.application_tokens().len()
    };
    let late = Fault::once(TOKENS, FaultKind::Delay { milliseconds: 700 });
    rig.sandbox.fault(late.clone());
    assert_eq!(give_up(&rig), 2);
    rig.sandbox.fault(late.with_side_effect());
    assert_eq!(give_up(&rig), 3);
    assert_eq!(rig.sandbox.requests().last().unwrap().status, None);
}

#[test]
fn refuse() {
    let rig = Rig::new();
    rig.sign_in();
    rig.sandbox.fault(Fault::new("", FaultKind::Refuse { milliseconds: None }));
    let body = json!({ "application_token": rig.sandbox.application_token() });
    let call = || rig.client.post(rig.url(AUTHENTICATE)).json(&body).send();
    // The first request may still be sent on the connection that is about to be closed.
    call().unwrap_err();
    for _ in 0..3 {
        let error = call().unwrap_err();
        assert!(caused_by(&error, io::ErrorKind::ConnectionRefused), "{error:?}");
    }
    let control = format!("{}/_sandbox/state", rig.sandbox.control_url());
    let state: Value = rig.client.get(control).send().unwrap().json().unwrap();
    assert_eq!(state["listening"], false);
    rig.sandbox.clear_faults();
    rig.sign_in();

    rig.sandbox.fault(Fault::new("", FaultKind::Refuse { milliseconds: Some(500) }));
    assert!(call().is_err());
    thread::sleep(Duration::from_millis(800));
    rig.sign_in();
}

#[test]
fn reset_before_and_after() {
    let rig = Rig::new();
    let token = rig.sign_in();
    rig.sandbox.fault(Fault::once(TOKENS, FaultKind::ResetBefore));
    let error = create(&rig, &token).unwrap_err();
    assert!(caused_by(&error, io::ErrorKind::ConnectionReset), "{error:?}");
    assert_eq!(rig.sandbox.application_tokens().len(), 1);

    rig.sandbox.fault(Fault::once(TOKENS, FaultKind::ResetAfter));
    let error = create(&rig, &token).unwrap_err();
    assert!(caused_by(&error, io::ErrorKind::ConnectionReset), "{error:?}");
    assert_eq!(rig.sandbox.application_tokens().len(), 2);

    let requests = rig.sandbox.requests();
    assert_eq!((requests[1].body.as_deref(), requests[1].status), (None, None));
    assert_eq!((requests[2].body.as_deref(), requests[2].status), (Some("{}"), None));
    assert_eq!(rig.sandbox.calls("POST", TOKENS), 2);
    assert_eq!(create(&rig, &token).unwrap().status(), 200);
}

#[test]
fn cut_body() {
    let rig = Rig::new();
    let token = rig.sign_in();
    rig.sandbox.fault(Fault::once("/api/v1/sim", FaultKind::CutBody));
    let mut response = rig.get(&token, "/api/v1/sim");
    assert_eq!(response.status(), 200);
    let mut body = Vec::new();
    assert!(response.read_to_end(&mut body).is_err());
    assert_eq!(rig.get(&token, "/api/v1/sim").status(), 200);
}

#[test]
fn endless_body() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let endless = |fast| Fault::once("/api/v1/sim", FaultKind::EndlessBody { fast });
    rig.sandbox.fault(endless(true));
    let mut response = rig.get(&token, "/api/v1/sim");
    let mut much = vec![0; 20_000_000];
    response.read_exact(&mut much).unwrap();
    drop(response);

    rig.sandbox.fault(endless(false));
    let mut response = rig.get(&token, "/api/v1/sim");
    let mut little = [0; 20];
    let started = Instant::now();
    response.read_exact(&mut little).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(200));
    drop(response);
    rig.sign_in();
}

#[test]
fn wrong_bodies() {
    let rig = Rig::new();
    once(&rig, FaultKind::InvalidJson);
    let response = rig.post(AUTHENTICATE, &json!({}));
    assert_eq!(response.status(), 200);
    assert!(response.json::<Value>().is_err());

    once(&rig, FaultKind::Html { status: 502 });
    let response = rig.post(AUTHENTICATE, &json!({}));
    assert_eq!(
        (response.status().as_u16(), header(&response, "content-type").as_str()),
        (502, "text/html")
    );
    assert!(response.text().unwrap().contains("<h1>502"));

    once(&rig, FaultKind::NoAuthToken);
    assert_eq!(rig.authenticate(&json!({})), (200, json!({})));

    once(&rig, FaultKind::WrongContentType);
    let right = json!({ "application_token": rig.sandbox.application_token() });
    let response = rig.post(AUTHENTICATE, &right);
    assert_eq!(header(&response, "content-type"), "text/plain");
    text(&status_and_body(response).1, "auth_token");
}

#[test]
fn opaque_auth_token() {
    let rig = Rig::new();
    once(&rig, FaultKind::TokenNotJwt);
    let token = rig.sign_in();
    assert!(!token.contains('.'));
    assert_eq!(rig.get(&token, "/api/v1/endpoint").status(), 200);
    rig.sandbox.revoke_auth_tokens();
    assert_eq!(rig.get(&token, "/api/v1/endpoint").status(), 401);
}

#[test]
fn date() {
    let rig = Rig::new();
    rig.sandbox.set_clock(1_000_000_000);
    once(&rig, FaultKind::DateOff { seconds: -1_000_000_000 });
    let response = rig.post(AUTHENTICATE, &json!({}));
    assert_eq!(header(&response, "date"), "Thu, 01 Jan 1970 00:00:00 GMT");
    let response = rig.post(AUTHENTICATE, &json!({}));
    assert!(header(&response, "date").starts_with("Sun, 09 Sep 2001 01:46:4"));
}

#[test]
fn echoed_secrets() {
    let rig = Rig::new();
    let token = rig.sign_in();
    rig.sandbox.fault(Fault::new("", FaultKind::EchoSecrets { status: 401 }).times(2));
    let (status, body) = rig.exchange("s3cret");
    assert_eq!(status, 401);
    assert!(text(&body, "message").contains("s3cret"));
    assert!(
        status_and_body(rig.get(&token, TOKENS)).1["message"].as_str().unwrap().contains(&token)
    );
    let log = format!("{:?}", rig.sandbox.requests());
    assert!(!log.contains("s3cret") && !log.contains(&token));
}

#[test]
fn cleared() {
    let rig = Rig::new();
    rig.sandbox.fault(Fault::new("", FaultKind::Html { status: 500 }));
    assert_eq!(rig.exchange("x").0, 500);
    assert_eq!(rig.exchange("x").0, 500);
    rig.sandbox.clear_faults();
    rig.sign_in();
}
