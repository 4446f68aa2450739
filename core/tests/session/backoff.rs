//! What is retried after a failure, when, and what ends the wait.

use std::thread;
use std::time::Duration;

use emnify_core::{Clock, ErrorKind, Store};
use emnify_sandbox::{Fault, FaultKind, RetryAfter};

use super::MINUTE;
use crate::common::{
    self, AUTHENTICATE, Scratch, builder, builder_without_token, client, clock, eventually,
    sandbox, sign_ins,
};

#[test]
fn a_temporary_failure_is_retried_up_to_three_attempts_in_all() {
    let sandbox = sandbox();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(503, "")).times(2));
    client(&sandbox).authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 3);

    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::ResetBefore));
    let error = client(&sandbox).authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(sign_ins(&sandbox), 6);
}

#[test]
fn after_a_429_no_attempt_is_made_until_the_wait_is_over() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| {
        settings.authenticate_limit = 0;
        settings.retry_after = RetryAfter::Seconds;
    });
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    for _ in 0..10 {
        let error = client.authenticate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    }
    assert_eq!(sign_ins(&sandbox), 1);
    clock.advance(Duration::from_secs(362)); // five minutes and up to a fifth more
    sandbox.settings(|settings| settings.authenticate_limit = 100);
    client.authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 2);
}

#[test]
fn a_refused_token_is_not_sent_again_until_the_wait_is_over() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).application_token("never-known").clock(clock.clone());
    let client = client.build().unwrap();
    for _ in 0..10 {
        assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(sign_ins(&sandbox), 1);
    clock.advance(Duration::from_secs(61));
    client.authenticate().unwrap_err();
    assert_eq!(sign_ins(&sandbox), 2);
    clock.advance(Duration::from_secs(61));
    client.authenticate().unwrap_err();
    assert_eq!(sign_ins(&sandbox), 2, "the second wait is longer");
}

#[test]
fn a_replaced_credential_file_is_read_without_a_restart() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = Scratch::new("rotated");
    let file = scratch.0.join("token");
    let (id, old) = sandbox.add_application_token(Default::default());
    std::fs::write(&file, &old).unwrap();
    let client = builder_without_token(&sandbox).application_token_file(&file);
    let client = client.clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();

    // The old application token is revoked; its valid auth token is still handed out.
    common::client(&sandbox).application_tokens().revoke(id).unwrap();
    clock.advance(200 * MINUTE);
    client.authenticate().unwrap();
    eventually("the refusal", || client.status().last_error.is_some());
    client.authenticate().unwrap();

    std::fs::write(&file, sandbox.application_token()).unwrap();
    eventually("the renewal", || {
        // The refused attempt may still be ending, and then this call starts none.
        client.authenticate().unwrap();
        client.status().last_error.is_none()
    });
}

#[test]
fn retry_now_ends_only_the_waits_after_faults() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(503, "")));
    for _ in 0..5 {
        client.authenticate().unwrap_err();
    }
    assert!(client.status().next_attempt.is_some());
    sandbox.clear_faults();
    client.retry_now();
    assert!(client.status().next_attempt.is_none());
    let before = clock.steady();
    client.authenticate().unwrap();
    assert_eq!(clock.steady(), before, "without a wait");

    for status in [401, 429] {
        let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
        sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(status, "")));
        let error = client.authenticate().unwrap_err();
        client.retry_now();
        sandbox.reset_counters();
        assert_eq!(client.authenticate().unwrap_err().kind(), error.kind());
        assert_eq!(sign_ins(&sandbox), 0);
        sandbox.clear_faults();
    }
}

#[test]
fn a_restart_keeps_refusals_and_429s_but_not_faults() {
    let (sandbox, clock, scratch) = (sandbox(), clock(), Scratch::new("restart"));
    for (status, kept) in [(503, false), (401, true), (429, true)] {
        let store = scratch.0.join(status.to_string());
        let start = || {
            let client = builder(&sandbox).clock(clock.clone()).store(Store::directory(&store));
            client.timeout(Duration::from_secs(1)).build().unwrap()
        };
        sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(status, "")));
        start().authenticate().unwrap_err();
        sandbox.clear_faults();
        assert_eq!(start().authenticate().is_err(), kept, "{status}");
    }
}

#[test]
fn a_client_signs_in_soon_after_the_network_is_up() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.fault(Fault::new("", FaultKind::Refuse { milliseconds: None }));
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    for _ in 0..20 {
        client.authenticate().unwrap_err();
        clock.advance(MINUTE);
    }
    sandbox.clear_faults();
    clock.advance(5 * MINUTE);
    client.authenticate().unwrap();
}

#[test]
fn a_refused_credential_fails_at_once_even_with_a_long_timeout() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).application_token("never-known").clock(clock.clone());
    let client = client.timeout(10 * MINUTE).build().unwrap();
    for _ in 0..5 {
        assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn a_missing_credential_file_does_not_cause_many_refreshes() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = Scratch::new("vanished");
    let file = scratch.0.join("token");
    std::fs::write(&file, sandbox.application_token()).unwrap();
    let client = builder_without_token(&sandbox).application_token_file(&file);
    let client = client.clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(401, "")));
    clock.advance(200 * MINUTE);
    client.authenticate().unwrap();
    eventually("the refusal", || client.status().last_error.is_some());
    std::fs::remove_file(&file).unwrap();
    for _ in 0..200 {
        client.authenticate().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    assert!(sign_ins(&sandbox) <= 3, "{}", sign_ins(&sandbox));
}

#[test]
fn a_retry_after_of_zero_does_not_allow_an_immediate_attempt() {
    let (sandbox, clock) = (sandbox(), clock());
    let headers = [("Retry-After".to_owned(), "0".to_owned())].into();
    let (body, content_type) = (String::new(), "text/plain".to_owned());
    let kind = FaultKind::Status { status: 429, body, content_type, headers };
    sandbox.fault(Fault::new(AUTHENTICATE, kind));
    // The timeout is too short to wait for the next attempt.
    let client = builder(&sandbox).clock(clock.clone()).timeout(Duration::from_secs(1));
    let client = client.build().unwrap();
    for (attempts, seconds) in [(1, 5), (2, 10), (3, 20), (4, 40)] {
        let wait = client.authenticate().unwrap_err().retry_after().unwrap();
        assert_eq!(sign_ins(&sandbox), attempts);
        // Up to a fifth more is added at random.
        let least = Duration::from_secs(seconds);
        assert!((least..=least.mul_f64(1.2)).contains(&wait), "{wait:?} instead of {least:?}");
        clock.advance(wait - Duration::from_secs(2));
        client.authenticate().unwrap_err();
        assert_eq!(sign_ins(&sandbox), attempts, "too early");
        clock.advance(Duration::from_secs(2));
    }
}

#[test]
fn a_fleet_waits_longer_after_its_first_429_and_not_before_its_first_attempt() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(429, "")));
    // Without a hint it is 300 s.
    let client = builder(&sandbox).clock(clock).fleet_size(1_000).build().unwrap();
    let wait = client.authenticate().unwrap_err().retry_after().unwrap();
    assert_eq!(sign_ins(&sandbox), 1);
    assert!((300..=4_500).contains(&wait.as_secs()), "{wait:?}");
}
