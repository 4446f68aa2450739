//! The metrics of a client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emnify_core::{Client, NewApplicationToken, Store};
use emnify_sandbox::{Fault, FaultKind, TokenShape};

use crate::common::gateway::{Gateway, rotate};
use crate::common::{
    AUTHENTICATE, Scratch, all_calls, builder, client, clock, eventually, sandbox,
};

/// Returns the value of a metric, with its labels; `None` if it is absent.
fn value(client: &Client, name: &str) -> Option<u64> {
    let metrics = client.metrics();
    assert!(metrics.ends_with("\n# EOF\n") && !metrics.contains("\n\n"), "{metrics}");
    let line = metrics.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

const AUTH_TOKEN: &str = "emnify_auth_token_expiry_timestamp_seconds";
const APPLICATION_TOKEN: &str = "emnify_application_token_expiry_timestamp_seconds";
const STORED: &str = "emnify_store_entry_timestamp_seconds";
/// 2099-01-01.
const IN_2099: u64 = 4_070_908_800;

#[test]
fn metrics_show_a_sign_in_and_make_no_request() {
    let sandbox = sandbox();
    let seen = Arc::new(AtomicUsize::new(0));
    let client = {
        let seen = Arc::clone(&seen);
        let count = move |_: &_| {
            seen.fetch_add(1, Ordering::Relaxed);
        };
        builder(&sandbox).observer(count).build().unwrap()
    };
    assert_eq!(value(&client, "emnify_signed_in"), Some(0));
    assert_eq!(value(&client, AUTH_TOKEN), None);
    assert_eq!(value(&client, "emnify_sign_in_requests_total"), Some(0));
    let auth_token = client.authenticate().unwrap();
    let (calls, events) = (all_calls(&sandbox), seen.load(Ordering::Relaxed));
    assert_eq!(value(&client, "emnify_signed_in"), Some(1));
    assert_eq!(value(&client, AUTH_TOKEN), Some(unix(auth_token.expires_at())));
    assert_eq!(value(&client, "emnify_sign_in_requests_total"), Some(1));
    assert_eq!(value(&client, "emnify_backoff_seconds"), Some(0));
    assert_eq!(value(&client, STORED), None);
    client.invalidate(&auth_token);
    assert_eq!(value(&client, "emnify_signed_in"), Some(0));
    assert_eq!((all_calls(&sandbox), seen.load(Ordering::Relaxed)), (calls, events));
    let metrics = client.metrics();
    assert!(!metrics.contains(auth_token.reveal()));
    assert!(!metrics.contains(sandbox.application_token().as_str()));
}

#[test]
fn metrics_count_failures_by_kind_and_show_the_back_off() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let failures =
        |kind| value(&client, &format!("emnify_sign_in_failures_total{{kind=\"{kind}\"}}"));
    let error = |kind| value(&client, &format!("emnify_sign_in_error{{kind=\"{kind}\"}}"));
    assert_eq!((failures("rejected"), failures("network")), (Some(0), Some(0)));
    assert_eq!(error("rejected"), None);
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(401, "")));
    client.authenticate().unwrap_err();
    assert_eq!((failures("rejected"), failures("network")), (Some(1), Some(0)));
    assert_eq!(error("rejected"), Some(1));
    let backoff = value(&client, "emnify_backoff_seconds").unwrap();
    assert!((1..=60).contains(&backoff), "{backoff}");
    clock.advance(Duration::from_secs(120));
    assert_eq!(value(&client, "emnify_backoff_seconds"), Some(0));
    sandbox.clear_faults();
    client.authenticate().unwrap();
    assert_eq!((failures("rejected"), error("rejected")), (Some(1), None));
}

#[test]
fn metrics_show_when_the_store_was_written() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = Scratch::new("metrics");
    let client = || {
        let store = Store::directory(scratch.0.join("store"));
        builder(&sandbox).store(store).clock(clock.clone()).build().unwrap()
    };
    let first = client();
    first.authenticate().unwrap();
    let written = value(&first, STORED).unwrap();
    assert!(unix(SystemTime::now()).abs_diff(written) < 60, "{written}");
    clock.advance(Duration::from_secs(600));
    let second = client();
    assert_eq!(value(&second, STORED), None, "the store has not been read yet");
    second.authenticate().unwrap();
    assert!(value(&second, STORED).unwrap().abs_diff(written) <= 1);
    assert_eq!(value(&second, "emnify_sign_in_requests_total"), Some(0));
}

#[test]
fn metrics_show_when_the_newest_application_token_expires() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "metrics");
    let client = gateway.client();
    assert_eq!(value(&client, APPLICATION_TOKEN), None, "the file has not been read yet");
    client.authenticate().unwrap();
    assert_eq!(value(&client, APPLICATION_TOKEN), Some(IN_2099));
    let id = rotate(&client).unwrap().new_id();
    let row = sandbox.application_tokens().into_iter().find(|row| row.id == id).unwrap();
    let expiry: jiff::Timestamp = row.expiry_date.unwrap().replace("+0000", "Z").parse().unwrap();
    assert_eq!(value(&client, APPLICATION_TOKEN).map(|at| at as i64), Some(expiry.as_second()));
    // A restart does not need the list.
    let again = gateway.client();
    again.authenticate().unwrap();
    assert_eq!(value(&again, APPLICATION_TOKEN).map(|at| at as i64), Some(expiry.as_second()));
}

#[test]
fn an_expiry_that_only_the_list_shows_is_looked_up_in_the_background_for_metrics() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| settings.application_token_shape = TokenShape::Opaque);
    let new = NewApplicationToken::new().expiry_date("2099-01-01T00:00:00Z");
    let opaque = client(&sandbox).application_tokens().create(&new).unwrap();
    let opaque = || builder(&sandbox).application_token(opaque.reveal()).clock(clock.clone());
    let client = opaque().build().unwrap();
    client.authenticate().unwrap();
    assert_eq!(value(&client, APPLICATION_TOKEN), None);
    clock.advance(Duration::from_secs(200 * 60));
    sandbox.move_clock(Duration::from_secs(200 * 60));
    client.authenticate().unwrap();
    eventually("the lookup", || value(&client, APPLICATION_TOKEN) == Some(IN_2099));
    // Reading the own row shows it at once.
    let client = opaque().build().unwrap();
    client.application_tokens().own().unwrap();
    assert_eq!(value(&client, APPLICATION_TOKEN), Some(IN_2099));
}
