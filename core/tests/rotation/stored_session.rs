//! Rotations in a new process, which finds the session of an earlier one in the store.

use std::time::Duration;

use emnify_core::{ErrorKind, RotationState};
use emnify_sandbox::{Fault, FaultKind};

use crate::common::gateway::{Gateway, rotate};
use crate::common::{AUTHENTICATE, TOKENS, clock, sandbox, sign_ins};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_429_that_an_earlier_process_got_delays_a_rotation() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "limited");
    let start = || gateway.builder().clock(clock.clone()).build().unwrap();
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(429, "")));
    start().authenticate().unwrap_err();
    sandbox.reset_counters();

    let error = rotate(&start()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    assert_eq!(sandbox.requests().len(), 0);
    clock.advance(error.retry_after().unwrap());
    let rotation = rotate(&start()).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn a_429_that_an_earlier_process_got_delays_the_rest_of_a_rotation_too() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "limited-rest");
    let start = || gateway.builder().clock(clock.clone()).build().unwrap();
    // Stopped before the new one was found.
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET").skip(1));
    let error = rotate(&start()).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Created), "{error}");
    sandbox.clear_faults();
    clock.advance(DAY);
    sandbox.move_clock(DAY);
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(429, "")));
    start().authenticate().unwrap_err();
    sandbox.reset_counters();

    let error = rotate(&start()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rotation, "{error}");
    assert_eq!(sandbox.requests().len(), 0);
    clock.advance(error.retry_after().unwrap());
    let rotation = rotate(&start()).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn a_refusal_that_an_earlier_process_got_delays_a_rotation() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "refused-before");
    let start = || gateway.builder().clock(clock.clone()).build().unwrap();
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(401, "")));
    start().authenticate().unwrap_err();
    sandbox.reset_counters();

    let error = rotate(&start()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    assert_eq!(sandbox.requests().len(), 0);
    clock.advance(error.retry_after().unwrap());
    rotate(&start()).unwrap();
}

#[test]
fn a_rotation_signs_in_if_the_stored_auth_token_is_void() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "void");
    gateway.client().authenticate().unwrap();
    sandbox.revoke_auth_tokens();
    let rotation = rotate(&gateway.client()).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn the_next_process_after_a_rotation_uses_the_auth_token_of_the_new_application_token() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "next");
    let start = || gateway.builder().clock(clock.clone()).build().unwrap();
    rotate(&start()).unwrap();
    let made = sign_ins(&sandbox);
    start().application_tokens().list().unwrap();
    assert_eq!(sign_ins(&sandbox), made);
}
