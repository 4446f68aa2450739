//! An application token is exchanged for a valid auth token, with as few calls as possible.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use emnify_core::{ErrorKind, ManualClock, Store};
use emnify_sandbox::{Fault, FaultKind};

use crate::common::{
    AUTHENTICATE, Scratch, TOKENS, builder, builder_without_token, client, clock, sandbox,
};

#[test]
fn an_auth_token_is_fetched_once_and_then_cached() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let first = client.authenticate().unwrap();
    let second = client.clone().authenticate().unwrap();
    assert_eq!(first.reveal(), second.reveal());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
    assert_eq!(first.organisation_id(), Some(1234));
    let lifetime = first.expires_at().duration_since(SystemTime::now()).unwrap();
    assert!(lifetime > Duration::from_secs(239 * 60), "{lifetime:?}");
}

#[test]
fn the_first_call_of_a_client_takes_two_requests_on_one_connection() {
    let sandbox = sandbox();
    client(&sandbox).application_tokens().list().unwrap();
    assert_eq!(sandbox.requests().len(), 2);
    assert_eq!(sandbox.connections(), 1);
}

#[test]
fn sixty_four_threads_that_ask_at_the_same_time_sign_in_once() {
    let sandbox = sandbox();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 200 }));
    let client = client(&sandbox);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..64).map(|_| scope.spawn(|| client.authenticate())).collect();
        for thread in asking {
            thread.join().unwrap().unwrap();
        }
    });
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
}

#[test]
fn a_token_that_must_stay_valid_for_longer_is_renewed() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let later = || {
        clock.advance(HOUR);
        sandbox.move_clock(HOUR);
    };
    let first = client.authenticate_for(2 * HOUR).unwrap();
    later();
    assert_eq!(client.authenticate_for(2 * HOUR).unwrap().reveal(), first.reveal());
    let second = client.authenticate_for(3 * HOUR + HOUR / 2).unwrap();
    assert_ne!(second.reveal(), first.reveal());
    assert_eq!(client.authenticate().unwrap().reveal(), second.reveal());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2);
    // A failure is reported, although the cached token is still valid.
    later();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(401, "")));
    let error = client.authenticate_for(3 * HOUR + HOUR / 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(client.authenticate().unwrap().reveal(), second.reveal());
}

#[test]
fn a_need_beyond_the_lifetime_of_auth_tokens_is_refused_and_costs_one_sign_in() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("too-long"));
    for _ in 0..3 {
        let client = builder(&sandbox).store(Store::directory(&scratch.0)).build().unwrap();
        let error = client.authenticate_for(Duration::from_secs(4 * 3_600)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let expected = "valid_for: must be less than 14400 s, because emnify's auth tokens";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
}

#[test]
fn an_expired_token_is_replaced() {
    let sandbox = sandbox();
    let clock = clock();
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    clock.advance(Duration::from_secs(240 * 60 + 1));
    assert_ne!(first.reveal(), client.authenticate().unwrap().reveal());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2);
}

#[test]
fn a_device_that_boots_in_1970_signs_in_and_keeps_its_token() {
    let sandbox = sandbox();
    let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH));
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    clock.set_wall(SystemTime::now() + Duration::from_secs(10 * 365 * 86_400));
    client.authenticate().unwrap();
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
}

#[test]
fn invalidating_a_token_that_is_no_longer_cached_has_no_effect() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let first = client.authenticate().unwrap();
    client.invalidate(&first);
    let second = client.authenticate().unwrap();
    client.invalidate(&first);
    assert_eq!(client.authenticate().unwrap().reveal(), second.reveal());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2);
}

#[test]
fn a_refused_auth_token_is_replaced_once_and_the_call_is_replayed() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    sandbox.fault(Fault::once(TOKENS, FaultKind::status(401, r#"{"message":"Unauthorized"}"#)));
    client.application_tokens().list().unwrap();
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2);
    assert_eq!(sandbox.calls("GET", TOKENS), 2);
}

#[test]
fn an_auth_token_that_is_always_refused_leads_to_an_error_after_two_calls() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(401, "")));
    let error = client.application_tokens().list().unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Rejected, Some(401)));
    assert_eq!(sandbox.calls("GET", TOKENS), 2);
}

#[test]
fn a_revoked_application_token_is_rejected() {
    let sandbox = sandbox();
    let client = builder(&sandbox).application_token("revoked-or-never-known").build().unwrap();
    let error = client.authenticate().unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Rejected, Some(401)));
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("revoked"), "{error}");
}

#[test]
fn an_application_token_is_read_from_its_file_at_each_sign_in() {
    let sandbox = sandbox();
    let scratch = Scratch::new("file");
    let file = scratch.0.join("token");
    std::fs::write(&file, "not-a-known-token").unwrap();
    let client = builder_without_token(&sandbox).application_token_file(&file);
    let client = client.build().unwrap();
    assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::Rejected);
    std::fs::write(&file, format!("{}\n", sandbox.application_token())).unwrap();
    client.authenticate().unwrap();
}
