//! Other calls of the API. They carry the session's token, are retried if that is safe, and never
//! go to another origin.

use std::collections::HashMap;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use emnify_core::{Clock, ErrorKind, Method};
use emnify_sandbox::{Fault, FaultKind, Sandbox};
use serde_json::{Value, json};

use crate::common::{AUTHENTICATE, builder, client, clock, sandbox};

const ENDPOINT: &str = "/api/v1/endpoint";
const SIM: &str = "/api/v1/sim";

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
fn temporary_failures_are_retried_if_that_is_safe() {
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
fn a_call_is_repeated_as_often_as_was_set() {
    let sandbox = sandbox();
    for retries in [0, 4] {
        sandbox.reset_counters();
        let client = builder(&sandbox).retries(retries).build().unwrap();
        client.authenticate().unwrap();
        sandbox.fault(Fault::new(ENDPOINT, FaultKind::status(503, "")).times(5));
        client.request(Method::Get, ENDPOINT).send().unwrap_err();
        assert_eq!(sandbox.calls("GET", ENDPOINT), u64::from(retries) + 1);
        sandbox.clear_faults();
    }
}

#[test]
fn a_request_has_a_timeout_of_its_own_and_can_be_sent_again() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    let request = client.request(Method::Get, ENDPOINT);
    sandbox.fault(Fault::new(ENDPOINT, FaultKind::Delay { milliseconds: 30_000 }));
    let error = request.clone().timeout(Duration::from_millis(300)).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("timed out after 0.3 s"), "{error}");
    sandbox.clear_faults();
    request.send().unwrap();
}

#[test]
fn a_response_without_a_body_cannot_be_read_as_json() {
    let sandbox = sandbox();
    sandbox.fault(Fault::new(SIM, FaultKind::status(204, "")));
    let response = client(&sandbox).request(Method::Get, SIM).send().unwrap();
    let error = response.json::<Value>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(error.to_string(), "cannot read the response: it has no body (HTTP 204)");
}

#[test]
fn serde_says_what_it_could_not_read_or_write() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let keys = HashMap::from([((1, 2), 3)]);
    let error = client.request(Method::Post, ENDPOINT).json(&keys).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("json: the value of type std::"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "key must be a string");
    assert_eq!(sandbox.requests().len(), 0);

    sandbox.fault(Fault::once(SIM, FaultKind::status(200, r#"{"id":"canary"}"#)));
    let response = client.request(Method::Get, SIM).send().unwrap();
    let error = response.json::<HashMap<String, u64>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!error.to_string().contains("canary"), "{error}");
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with(r#"invalid type: string "canary", expected u64"#), "{source}");
}

#[test]
fn a_query_can_be_in_the_path_or_added_and_headers_are_sent() {
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
fn the_token_never_goes_to_another_origin() {
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
fn each_of_10_000_rows_is_returned_once_despite_faults() {
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
    // A page has at most 100 events, even if more are requested.
    assert_eq!(sandbox.calls("GET", EVENTS), 100 + 3);
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

/// Makes the sandbox respond to one call for the list of SIMs with this body and header.
fn respond_once(sandbox: &Sandbox, body: &str, header: Option<(&str, &str)>) {
    let headers = header.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let (body, content_type) = (body.to_owned(), "application/json".to_owned());
    let kind = FaultKind::Status { status: 200, body, content_type, headers: headers.collect() };
    sandbox.fault(Fault::once(SIM, kind));
}

/// Returns a page of rows with these ids.
fn rows(ids: Range<u64>) -> String {
    Value::from_iter(ids.map(|id| json!({ "id": id }))).to_string()
}

/// Returns how many rows `paginate` reads from these pages, and with how many calls.
#[track_caller]
fn read_pages(pages: &[(&str, Option<(&str, &str)>)], per_page: Option<u64>) -> (u64, u64) {
    let sandbox = sandbox();
    pages.iter().for_each(|(body, header)| respond_once(&sandbox, body, *header));
    // A call for one page too many would be an error.
    sandbox.fault(Fault::new(SIM, FaultKind::status(403, "")));
    let mut list = client(&sandbox).paginate(SIM);
    if let Some(rows) = per_page {
        list = list.per_page(rows);
    }
    (list.map(Result::unwrap).count() as u64, sandbox.calls("GET", SIM))
}

#[test]
fn headers_decide_whether_there_is_another_page() {
    let total = |pages| Some(("X-Total-Pages", pages));
    let next = Some(("Link", r#"</api/v1/sim?page=1>; rel="first", </a,b;c>; Rel=NEXT"#));
    let last = Some(("Link", r#"</api/v1/sim?page=1>; rel="prev""#));
    let (first, second) = (&*rows(0..2), &*rows(2..4));
    assert_eq!(read_pages(&[(first, total("2")), (second, total("2"))], None), (4, 2));
    assert_eq!(read_pages(&[(first, next), (second, last)], None), (4, 2));
    // A full page is the last one if a header says so.
    assert_eq!(read_pages(&[(first, total("1"))], Some(2)), (2, 1));
    assert_eq!(read_pages(&[(first, last)], Some(2)), (2, 1));
}

#[test]
fn without_headers_another_page_is_read_only_after_a_full_one() {
    let next_is_not = Some(("Link", "</docs>; rel=help"));
    let full = (&*rows(0..2), None);
    assert_eq!(read_pages(&[full, (&rows(2..3), None)], Some(2)), (3, 2));
    assert_eq!(read_pages(&[full, ("[]", None)], Some(2)), (2, 2));
    assert_eq!(read_pages(&[(&rows(0..2), next_is_not), ("[]", None)], Some(2)), (2, 2));
    // Recorded sizes of complete lists: the server used another page size, or no pages.
    for recorded in [52, 869] {
        assert_eq!(read_pages(&[(&rows(0..recorded), None)], None), (recorded, 1));
    }
}

#[test]
fn a_page_beyond_the_last_repeats_it_and_is_discarded() {
    let many = Some(("X-Total-Pages", "9"));
    let (first, last) = (r#"[{"day":1},{"day":2}]"#, r#"[{"day":3},{"day":3}]"#);
    assert_eq!(read_pages(&[(first, many), (last, many), (last, many)], None), (4, 3));
    assert_eq!(read_pages(&[(first, None), (last, None), (last, None)], Some(2)), (4, 3));
    // A row without an id moved to the next page while the list was read.
    let moved = r#"[{"day":2},{"day":3}]"#;
    assert_eq!(read_pages(&[(first, None), (moved, None), ("[]", None)], Some(2)), (3, 3));
}

#[test]
fn a_row_can_be_read_as_the_server_wrote_it() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let row = "{ \"z\": 123456789012345678901234567890,\n \"a\": [1.10, \"b \\u00e4\"] }";
    respond_once(&sandbox, &format!("[{row}, 7]"), None);
    let mut rows = client.paginate(SIM);
    let mut next = || rows.next_text().transpose().unwrap();
    let text = r#"{"z":123456789012345678901234567890,"a":[1.10,"b \u00e4"]}"#;
    assert_eq!(next().unwrap(), text);
    assert_eq!(next().unwrap(), "7");
    assert_eq!(next(), None);
}

#[test]
fn rows_are_read_into_a_type_until_one_does_not_fit() {
    #[derive(serde::Deserialize)]
    struct Row {
        id: u64,
    }
    let sandbox = sandbox();
    respond_once(&sandbox, r#"[{"id":7,"more":true},{"id":"canary"},{"id":8}]"#, None);
    let mut list = client(&sandbox).paginate(SIM).typed::<Row>();
    assert_eq!(list.next().unwrap().unwrap().id, 7);
    let error = list.next().unwrap().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!error.to_string().contains("canary"), "{error}");
    assert!(error.source().unwrap().to_string().contains("expected u64"));
    assert!(list.next().is_none());
}

#[test]
fn a_list_may_be_in_an_object_and_the_message_names_any_other_body() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    respond_once(&sandbox, r#"{"meta":{"data":[7]},"data":[{"id":1},{"id":2}]}"#, None);
    assert_eq!(client.paginate(SIM).map(Result::unwrap).count(), 2);
    for (body, named) in [
        (r#"{"id":1,"canary":2}"#, "an object without a list"),
        (r#"{"data":{}}"#, "an object without a list"),
        (r#""canary""#, "a string"),
        ("7", "a number"),
        ("null", "null"),
        ("true", "a boolean"),
        ("", "an empty response"),
        ("<html>canary", "not valid JSON"),
        (r#"[{"canary":1},"#, "not valid JSON"),
    ] {
        respond_once(&sandbox, body, None);
        let error = client.paginate(SIM).next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        assert!(error.to_string().contains(named), "{body}: {error}");
        assert!(!error.to_string().contains("canary"), "{body}: {error}");
    }
}

#[test]
fn calls_are_spread_over_time_unless_pacing_is_switched_off() {
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

/// A clock that stands still, so that the limits allow no further calls.
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
fn a_call_whose_slot_is_after_its_timeout_fails_with_the_wait() {
    let sandbox = sandbox();
    let client = builder(&sandbox).clock(Arc::new(Standstill)).build().unwrap();
    let call = || client.request(Method::Get, SIM).query("per_page", 1).send();
    // 5 at once, then one per 100 ms within the timeout of 20 s.
    let error = (0..5 + 201).find_map(|_| call().err()).unwrap();
    assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    assert!(error.retry_after() > Some(Duration::from_secs(15)));
    assert!(error.to_string().contains("emnify's limits"), "{error}");
}
