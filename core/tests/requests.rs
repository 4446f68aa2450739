//! Any other call of the API: with the session's token, tried again where that is safe, and never
//! to another origin.

mod common;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::{AUTHENTICATE, builder, client, clock, sandbox};
use emnify_core::{Clock, ErrorKind, Method};
use emnify_sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

const ENDPOINT: &str = "/api/v1/endpoint";

#[test]
fn a_resource_is_created_read_changed_and_removed() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let gateway = json!({
        "name": "gateway",
        "status": {"id": 0},
        "service_profile": {"id": 1},
        "tariff_profile": {"id": 2},
    });
    let created = client.request(Method::Post, ENDPOINT).json(&gateway).send().unwrap();
    assert_eq!(created.status(), 201);
    let location = created.header("location").unwrap().to_owned();
    let path = location.strip_prefix(sandbox.url()).unwrap_or(&location).to_owned();
    client.request(Method::Patch, &path).json(&json!({"name": "renamed"})).send().unwrap();
    let read: Value = client.request(Method::Get, &path).send().unwrap().json().unwrap();
    assert_eq!(read["name"], "renamed");
    client.request(Method::Delete, &path).send().unwrap();
    let gone = client.request(Method::Get, &path).send().unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert!(gone.to_string().contains(&path), "{gone}");
}

#[test]
fn what_may_pass_by_itself_is_tried_again_where_that_is_safe() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    for fault in [FaultKind::status(503, ""), FaultKind::ResetAfter, FaultKind::status(429, "")] {
        sandbox.reset_counters();
        sandbox.fault(Fault::new(ENDPOINT, fault.clone()).times(2));
        client.request(Method::Get, ENDPOINT).send().unwrap();
        assert_eq!(sandbox.calls("GET", ENDPOINT), 3, "{fault:?}");

        sandbox.fault(Fault::new(ENDPOINT, fault.clone()).times(1));
        let post = client.request(Method::Post, ENDPOINT).json(&json!({"name": "x"})).send();
        post.unwrap_err();
        assert_eq!(sandbox.calls("POST", ENDPOINT), 1, "{fault:?}");
    }
}

#[test]
fn a_query_may_be_written_or_added_and_headers_are_sent() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let rows: Vec<Value> = client
        .request(Method::Get, "/api/v1/sim?per_page=5")
        .query("page", 2)
        .header("X-Trace", "7")
        .send()
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(rows.len(), 5);
    let sent = sandbox.requests().pop().unwrap();
    assert_eq!(sent.query, "per_page=5&page=2");
    assert!(sent.headers.contains(&("x-trace".to_owned(), "7".to_owned())), "{:?}", sent.headers);
}

#[test]
fn nothing_leads_the_token_to_another_origin() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    for path in ["https://evil.example/", "//evil.example", "/a/../../x", "/x\r\nHost: evil"] {
        let error = client.request(Method::Get, path).send().unwrap_err();
        assert!(error.to_string().starts_with("path: "), "{error}");
    }
    for (name, value) in [
        ("Authorization", "Bearer canary"),
        ("host", "evil.example"),
        ("Transfer-Encoding", "chunked"),
        ("X-Fine", "canary\r\nX-Other: canary"),
        ("no name", "x"),
    ] {
        let error = client.request(Method::Get, ENDPOINT).header(name, value).send().unwrap_err();
        assert!(error.to_string().starts_with("headers: "), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert_eq!(sandbox.requests().len(), 0);
    let headers = [("Location".to_owned(), "https://evil.example/".to_owned())].into();
    let (body, content_type) = (String::new(), String::new());
    let redirect = FaultKind::Status { status: 302, body, content_type, headers };
    sandbox.fault(Fault::new(ENDPOINT, redirect));
    let error = client.request(Method::Get, ENDPOINT).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[test]
fn each_of_10_000_rows_comes_once_whatever_happens_on_the_way() {
    const EVENTS: &str = "/api/v1/event";
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| settings.limits = false);
    sandbox.add_events(9_600);
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let mut ids = Vec::new();
    for (number, row) in client.paginate(EVENTS).per_page(250).enumerate() {
        ids.push(row.unwrap()["id"].as_u64().unwrap());
        match number {
            1_000 => sandbox.fault(Fault::once(EVENTS, FaultKind::status(429, ""))),
            3_000 => sandbox.fault(Fault::once(EVENTS, FaultKind::CutBody)),
            5_000 => sandbox.revoke_auth_tokens(),
            7_000 => {
                clock.advance(Duration::from_secs(300 * 60));
                sandbox.move_clock(Duration::from_secs(300 * 60));
            }
            _ => {}
        }
    }
    assert_eq!(ids.len(), 10_000);
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
    assert_eq!(sandbox.calls("GET", EVENTS), 40 + 3);
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 3);
}

#[test]
fn a_collection_without_pages_is_one_call_and_an_error_ends_it() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    sandbox.fault(Fault::once("/api/v1/sim", FaultKind::status(200, r#"[{"id":1},{"id":1},{}]"#)));
    assert_eq!(client.paginate("/api/v1/sim").map(Result::unwrap).count(), 2);
    sandbox.fault(Fault::new("/api/v1/sim", FaultKind::status(403, "")));
    let mut rows = client.paginate("/api/v1/sim");
    assert_eq!(rows.next().unwrap().unwrap_err().kind(), ErrorKind::Forbidden);
    assert!(rows.next().is_none());
}

#[test]
fn calls_that_come_too_fast_are_spread_unless_the_caller_paces_itself() {
    let sandbox = sandbox();
    for (pacing, seconds) in [(true, 2), (false, 0)] {
        let clock = clock();
        let client = builder(&sandbox).clock(clock.clone()).pacing(pacing).build().unwrap();
        let started = clock.steady();
        for _ in 0..25 {
            client.request(Method::Get, "/api/v1/sim").query("per_page", 1).send().unwrap();
        }
        assert_eq!((clock.steady() - started).as_secs(), seconds, "{pacing}");
    }
}

/// A clock under which no time passes, so that a batch has no end.
#[derive(Debug)]
struct Standstill;

impl Clock for Standstill {
    fn steady(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn epoch(&self) -> Option<String> {
        None
    }

    fn sleep(&self, _: Duration) {}
}

#[test]
fn a_call_whose_turn_comes_after_its_timeout_is_told_when_to_come_back() {
    let sandbox = sandbox();
    let client = builder(&sandbox).clock(Arc::new(Standstill)).build().unwrap();
    let call = || client.request(Method::Get, "/api/v1/sim/500001").send();
    // 25 at once, then one each 100 ms within the timeout of 20 s.
    let error = (0..25 + 201).find_map(|_| call().err()).unwrap();
    assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    assert!(error.retry_after() > Some(Duration::from_secs(15)));
    assert!(error.to_string().contains("emnify's limits"), "{error}");
}
