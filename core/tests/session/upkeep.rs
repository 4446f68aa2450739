//! A client signs in without a caller that waits.

use std::fs;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{Client, ErrorKind, Secret, Store, SystemClock};
use emnify_sandbox::{Fault, FaultKind, Sandbox};

use super::MINUTE;
use crate::common::{
    AUTHENTICATE, Scratch, builder, builder_without_token, client, clock, eventually, sandbox,
    sign_ins,
};

fn kind(client: &Client) -> Option<ErrorKind> {
    client.try_authenticate().err().map(|error| error.kind())
}

/// Tries until the sign-in under way has ended, and returns the kind of its error.
fn settled(client: &Client) -> Option<ErrorKind> {
    let mut last = None;
    eventually("the end of the sign-in", || {
        last = kind(client);
        last != Some(ErrorKind::Pending)
    });
    last
}

/// Like `settled`, but tries as fast as possible.
fn settled_at_once(client: &Client) -> Option<ErrorKind> {
    loop {
        match kind(client) {
            Some(ErrorKind::Pending) => {}
            settled => return settled,
        }
    }
}

fn delayed(sandbox: &Sandbox) {
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::Delay { milliseconds: 300 }));
}

#[test]
fn a_try_starts_one_sign_in_and_never_waits_for_it() {
    let sandbox = sandbox();
    delayed(&sandbox);
    let client = client(&sandbox);
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(kind(&client), Some(ErrorKind::Pending));
    }
    assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
    assert_eq!(settled(&client), None);
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn a_try_returns_nothing_but_pending_until_the_token_is_there() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.limits = false);
    for _ in 0..100 {
        let client = builder(&sandbox).auto_renew(true).build().unwrap();
        assert_eq!(settled_at_once(&client), None);
    }
}

#[test]
fn after_a_failure_a_try_returns_its_error_until_the_next_attempt_may_start() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(503, "")));
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    assert_eq!(settled(&client), Some(ErrorKind::Server));
    let error = client.try_authenticate().unwrap_err();
    assert!(error.retry_after().is_some_and(|wait| wait <= Duration::from_secs(5)), "{error}");
    assert_eq!(sign_ins(&sandbox), 1);
    clock.advance(Duration::from_secs(10));
    assert_eq!(kind(&client), Some(ErrorKind::Pending));
    assert_eq!(settled(&client), None);
}

#[test]
fn a_failure_that_sets_no_wait_is_returned_once() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("try"));
    let file = scratch.0.join("token");
    let client = builder_without_token(&sandbox).application_token_file(&file).build().unwrap();
    assert_eq!(kind(&client), Some(ErrorKind::Pending));
    assert_eq!(settled(&client), Some(ErrorKind::InvalidInput));
    fs::write(file, sandbox.application_token()).unwrap();
    assert_eq!(kind(&client), Some(ErrorKind::Pending));
    assert_eq!(settled(&client), None);
}

#[test]
fn a_failure_that_sets_no_wait_is_not_repeated_with_each_try() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("spin"));
    let client = builder_without_token(&sandbox)
        .application_token_file(scratch.0.join("token"))
        .clock(Arc::new(SystemClock))
        .build()
        .unwrap();
    // As of a loop that wakes with each failure, and in which two parts of the program try.
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(500) {
        assert!(client.try_authenticate().is_err());
    }
    assert!(client.take_events().len() <= 2);
}

#[test]
fn an_error_is_not_told_after_a_later_success() {
    let (sandbox, scratch, clock) = (sandbox(), Scratch::new("stale"), clock());
    let file = scratch.0.join("token");
    let client = builder_without_token(&sandbox)
        .application_token_file(&file)
        .clock(clock.clone())
        .build()
        .unwrap();
    assert_eq!(kind(&client), Some(ErrorKind::Pending));
    eventually("the failure", || client.status().last_error.is_some());
    fs::write(file, sandbox.application_token()).unwrap();
    eventually("the sign-in", || client.authenticate().is_ok());
    clock.advance(241 * MINUTE);
    assert_eq!(kind(&client), Some(ErrorKind::Pending));
    assert_eq!(settled(&client), None);
}

#[test]
fn in_the_last_minute_a_try_returns_the_token_and_starts_its_renewal() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    clock.advance(240 * MINUTE - Duration::from_secs(30));
    delayed(&sandbox);
    assert_eq!(client.try_authenticate().unwrap().reveal(), first.reveal());
    let is_renewed = || client.try_authenticate().unwrap().reveal() != first.reveal();
    eventually("the renewal", is_renewed);
    assert_eq!(sign_ins(&sandbox), 2);
}

#[test]
fn a_reported_token_is_not_returned_unless_replacing_it_fails() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let first = client.authenticate().unwrap();
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(503, "")));
    client.invalidate(&first);
    assert_eq!(kind(&client), Some(ErrorKind::Pending));
    assert_eq!(settled(&client), None);
    assert_eq!(client.try_authenticate().unwrap().reveal(), first.reveal());
}

#[test]
fn a_try_does_not_ask_a_person_for_a_code() {
    let sandbox = sandbox();
    let client = builder_without_token(&sandbox)
        .user("user@example.com", "password")
        .mfa(|| panic!("a person was asked"))
        .build()
        .unwrap();
    assert_eq!(kind(&client), Some(ErrorKind::MfaRequired));
    assert_eq!(sign_ins(&sandbox), 0);
}

#[test]
fn a_caller_that_can_be_asked_takes_over_from_the_background() {
    let (sandbox, clock) = (Arc::new(sandbox()), clock());
    let client = || {
        let portal = Arc::clone(&sandbox);
        builder_without_token(&sandbox)
            .user("mfa@example.com", "password")
            .mfa(move || Ok(portal.one_time_code("mfa@example.com").map(Secret::from)))
            .clock(clock.clone())
            .build()
            .unwrap()
    };
    let client_in_use = client();
    client_in_use.authenticate().unwrap();
    client().authenticate().unwrap(); // ends the other's refresh token
    clock.advance(241 * MINUTE);
    let made = sign_ins(&sandbox);
    delayed(&sandbox);
    assert_eq!(kind(&client_in_use), Some(ErrorKind::Pending));
    eventually("the attempt with the refresh token", || sign_ins(&sandbox) > made);
    let asked = client_in_use.authenticate();
    assert!(asked.is_ok(), "{asked:?}");
}

#[cfg(unix)]
#[test]
fn the_end_of_a_sign_in_without_a_result_wakes_the_event_loop() {
    use std::os::fd::BorrowedFd;
    use std::sync::mpsc::channel;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    for panics in [false, true] {
        let sandbox = sandbox();
        let ((asks, asked), (answer, answers)) = (channel(), channel::<()>());
        let answers = Mutex::new(answers);
        let client = builder_without_token(&sandbox)
            .user("mfa@example.com", "password")
            .mfa(move || {
                asks.send(()).unwrap();
                answers.lock().unwrap().recv().unwrap_err();
                if panics { resume_unwind(Box::new("a fault")) } else { Err("gave up".into()) }
            })
            .build()
            .unwrap();
        let number = client.descriptor().unwrap();
        // SAFETY: the descriptor is open as long as the client exists.
        let watched = unsafe { BorrowedFd::borrow_raw(number) };
        let is_readable =
            |timeout| poll(&mut [PollFd::new(watched, PollFlags::POLLIN)], timeout).unwrap() == 1;
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.authenticate().unwrap_err().kind());
            asked.recv().unwrap();
            assert_eq!(kind(&client), Some(ErrorKind::Pending));
            client.process();
            assert!(!is_readable(PollTimeout::ZERO));
            drop(answer);
            assert!(is_readable(20_000_u16.into()), "it is not woken");
            assert_eq!(leader.join().ok(), (!panics).then_some(ErrorKind::Cancelled));
        });
        assert_ne!(kind(&client), Some(ErrorKind::Pending));
    }
}

#[test]
fn a_cancelled_client_tries_nothing() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.cancel();
    assert_eq!(kind(&client), Some(ErrorKind::Cancelled));
    assert_eq!(sign_ins(&sandbox), 0);
}

#[test]
fn a_cancelled_client_renews_nothing_and_still_returns_its_auth_token() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    client.cancel();
    clock.advance(193 * MINUTE); // the token is due
    assert!(client.authenticate().is_ok() && client.cached_auth_token().is_some());
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn a_renewal_that_waits_for_the_store_makes_no_request_after_a_cancellation() {
    let (sandbox, clock, scratch) = (sandbox(), clock(), Scratch::new("cancelled-renewal"));
    let mut directory = None;
    let store = Store::directory(&scratch.0).with_backend(|backend| {
        directory = Some(Arc::clone(&backend));
        backend
    });
    let client = builder(&sandbox).clock(clock.clone()).store(store).build().unwrap();
    client.authenticate().unwrap();
    let names = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name());
    let name = names.map(|name| name.into_string().unwrap()).find(|name| !name.contains('.'));
    let lock = directory.unwrap().try_lock(&name.unwrap()).unwrap();
    assert!(lock.is_some());
    clock.advance(193 * MINUTE);
    client.authenticate().unwrap(); // starts the renewal
    client.cancel();
    drop(lock);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn auto_renew_renews_in_time_without_calls() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).auto_renew(true).build().unwrap();
    client.authenticate().unwrap();
    for made in 1..4 {
        clock.advance(119 * MINUTE);
        client.retry_now(); // wakes the thread, which sleeps in real time
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(sign_ins(&sandbox), made, "before half of its lifetime nothing is due");
        clock.advance(74 * MINUTE);
        client.retry_now();
        eventually("the renewal", || sign_ins(&sandbox) == made + 1);
    }
    assert!(client.cached_auth_token().is_some());
}

#[test]
fn auto_renew_signs_in_again_after_an_outage() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).auto_renew(true).build().unwrap();
    client.authenticate().unwrap();
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(503, "")));
    clock.advance(241 * MINUTE);
    client.retry_now();
    eventually("the failure", || client.status().last_error.is_some());
    client.retry_now();
    eventually("the sign-in", || client.status().signed_in);
}

#[test]
fn auto_renew_ends_when_the_client_is_cancelled() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).auto_renew(true).build().unwrap();
    client.authenticate().unwrap();
    std::thread::sleep(Duration::from_millis(100)); // until the thread sleeps
    client.cancel();
    clock.advance(193 * MINUTE);
    client.retry_now();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn a_shorter_timeout_applies_to_the_calls_of_one_handle() {
    let sandbox = sandbox();
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::Delay { milliseconds: 2_000 }));
    let client = client(&sandbox);
    let started = Instant::now();
    let error = client.with_timeout(Duration::from_millis(200)).authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(client.authenticate().is_ok());
}

#[test]
fn the_validity_of_a_token_does_not_depend_on_the_wall_clock() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let auth_token = client.authenticate().unwrap();
    clock.set_wall(std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(client.valid_for(&auth_token), 240 * MINUTE);
    clock.advance(239 * MINUTE + Duration::from_millis(500));
    assert_eq!(client.valid_for(&auth_token), MINUTE - Duration::from_millis(500));
    clock.advance(MINUTE);
    assert_eq!(client.valid_for(&auth_token), Duration::ZERO);
}
