//! Records of requests, for a face that logs them.

use std::time::Duration;

use emnify_core::{Client, ErrorKind, Method};
use emnify_sandbox::{Fault, FaultKind};

use crate::common::{AUTHENTICATE, client, sandbox};

const SIM: &str = "/api/v1/sim";

type Record = (String, String, Result<u16, ErrorKind>, u32);

fn taken(client: &Client) -> Vec<Record> {
    let records = std::iter::from_fn(|| client.take_request());
    records.map(|it| (it.method, it.path, it.result, it.attempt)).collect()
}

fn record(method: &str, path: &str, result: Result<u16, ErrorKind>, attempt: u32) -> Record {
    (method.to_owned(), path.to_owned(), result, attempt)
}

#[test]
fn each_request_is_recorded_only_while_that_is_wanted() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let get = || drop(client.request(Method::Get, "/api/v1/sim?note=canary").send());
    get();
    client.record_requests(true);
    get();
    assert_eq!(taken(&client), [record("GET", SIM, Ok(200), 1)]);
    get();
    client.record_requests(false);
    get();
    assert_eq!(taken(&client), []);
    client.record_requests(true);
    assert_eq!(taken(&client), []);
}

#[test]
fn a_record_says_how_the_attempt_ended() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.record_requests(true);
    client.authenticate().unwrap();
    assert_eq!(taken(&client), [record("POST", AUTHENTICATE, Ok(200), 1)]);

    sandbox.fault(Fault::new(SIM, FaultKind::ResetAfter).times(1));
    sandbox.fault(Fault::new(SIM, FaultKind::status(503, "")).times(1));
    client.request(Method::Get, SIM).send().unwrap();
    assert_eq!(
        taken(&client),
        [
            record("GET", SIM, Err(ErrorKind::Network), 1),
            record("GET", SIM, Ok(503), 2),
            record("GET", SIM, Ok(200), 3),
        ]
    );

    sandbox.revoke_auth_tokens();
    client.request(Method::Get, SIM).send().unwrap();
    assert_eq!(
        taken(&client),
        [
            record("GET", SIM, Ok(401), 1),
            record("POST", AUTHENTICATE, Ok(200), 1),
            record("GET", SIM, Ok(200), 2),
        ]
    );

    sandbox.fault(Fault::new(SIM, FaultKind::Delay { milliseconds: 3_000 }).times(1));
    let hasty = client.with_timeout(Duration::from_millis(200));
    hasty.request(Method::Get, SIM).send().unwrap_err();
    assert_eq!(taken(&client), [record("GET", SIM, Err(ErrorKind::Timeout), 1)]);
}

#[test]
fn a_program_that_takes_no_records_keeps_few() {
    let sandbox = sandbox();
    let client = crate::common::builder(&sandbox).pacing(false).build().unwrap();
    client.record_requests(true);
    for _ in 0..300 {
        client.request(Method::Get, "/api/v1/sim/500001").send().unwrap();
    }
    assert_eq!(taken(&client).len(), 256);
}
