//! What happens to results that come after their caller has left.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{
    Client, ErrorKind, Interrupt, Method, NewApplicationToken, Secret, Store, SystemClock,
};
use emnify_sandbox::{Fault, Sandbox};

use super::cancel::{SLOW, delayed, interrupted, slow};
use crate::common::*;

const SIM: &str = "/api/v1/sim";

/// Creates an application token whose response comes `milliseconds` late, and interrupts that.
fn create_late(sandbox: &Sandbox, client: &Client, milliseconds: u64) {
    sandbox.fault(Fault { method: Some("POST".into()), ..delayed(TOKENS, milliseconds) });
    let new = NewApplicationToken::new().description("late");
    let is_sent = || sandbox.calls("POST", TOKENS) == 1;
    interrupted(client, |client| client.application_tokens().create(&new), is_sent).unwrap_err();
}

fn has_revoked(sandbox: &Sandbox) -> bool {
    sandbox.requests().iter().any(|request| request.method == "PATCH")
}

/// Returns a cancellable client with one thread for exchanges.
fn one_exchange(sandbox: &Sandbox) -> Client {
    let client = builder(sandbox).clock(Arc::new(SystemClock)).cancellable(true);
    client.max_exchanges(1).build().unwrap()
}

#[test]
fn a_revocation_in_the_background_calls_no_function_of_the_program() {
    let sandbox = sandbox();
    let threads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&threads);
    let client = builder(&sandbox)
        .clock(Arc::new(SystemClock))
        .observer(move |_| seen.lock().unwrap().push(thread::current().id()))
        .build()
        .unwrap();
    let auth_token = client.authenticate().unwrap();
    create_late(&sandbox, &client, 300);
    // So the revocation signs in, which is an event.
    client.invalidate(&auth_token);
    eventually("the revocation", || has_revoked(&sandbox));
    let before = threads.lock().unwrap().len();
    client.authenticate().unwrap();
    let threads = threads.lock().unwrap();
    assert!(threads.iter().all(|id| *id == thread::current().id()), "{threads:?}");
    assert!(threads.len() > before, "the event was not kept for the next call");
}

#[test]
fn a_revocation_in_the_background_asks_for_no_one_time_code() {
    let sandbox = Arc::new(sandbox());
    let asked = Arc::new(AtomicU32::new(0));
    let client = || {
        let (portal, asked) = (Arc::clone(&sandbox), Arc::clone(&asked));
        builder_without_token(&sandbox)
            .user("mfa@example.com", "password")
            .clock(Arc::new(SystemClock))
            .mfa(move || {
                asked.fetch_add(1, Ordering::SeqCst);
                Ok(portal.one_time_code("mfa@example.com").map(Secret::from))
            })
            .build()
            .unwrap()
    };
    let (first, elsewhere) = (client(), client());
    let auth_token = first.authenticate().unwrap();
    create_late(&sandbox, &first, 2_000);
    // Makes the refresh token of the first invalid, while its call is still under way.
    elsewhere.authenticate().unwrap();
    first.invalidate(&auth_token);
    let is_refused = || sandbox.calls_with_status("POST", AUTHENTICATE, 401) == 1;
    eventually("the refusal of the refresh token", is_refused);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_late_auth_token_does_not_replace_a_newer_one_of_another_process() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("late-older"));
    let process = || {
        let store = Store::directory(&scratch.0);
        builder(&sandbox).clock(Arc::new(SystemClock)).store(store).build().unwrap()
    };
    let (first, second) = (process(), process());
    sandbox.fault(delayed(AUTHENTICATE, 500));
    interrupted(&first, Client::authenticate, || sign_ins(&sandbox) == 1).unwrap_err();
    let newer = second.authenticate().unwrap();
    eventually("the late auth token", || first.cached_auth_token().is_some());
    thread::sleep(Duration::from_millis(200));
    assert_eq!(process().authenticate().unwrap().reveal(), newer.reveal());
    assert_eq!(first.authenticate().unwrap().reveal(), newer.reveal());
}

#[test]
fn a_refusal_that_comes_after_a_cancellation_counts() {
    let sandbox = sandbox();
    let client = builder_without_token(&sandbox)
        .user("user@example.com", "wrong")
        .clock(Arc::new(SystemClock))
        .build()
        .unwrap();
    sandbox.fault(delayed(AUTHENTICATE, 300));
    interrupted(&client, Client::authenticate, || sign_ins(&sandbox) == 1).unwrap_err();
    let error = client.authenticate().unwrap_err();
    assert_eq!((error.kind(), sign_ins(&sandbox)), (ErrorKind::Rejected, 1), "{error}");
    assert!(error.retry_after() > Some(Duration::from_secs(50)), "{error}");
}

#[test]
fn a_call_that_is_cancelled_before_it_has_a_thread_delays_no_other() {
    let sandbox = sandbox();
    let client = one_exchange(&sandbox);
    let auth_token = client.authenticate().unwrap();
    sandbox.fault(slow(TOKENS));
    thread::scope(|scope| {
        scope.spawn(|| client.application_tokens().list());
        eventually("the call", || sandbox.calls("GET", TOKENS) == 1);
        client.invalidate(&auth_token);
        let queued = || {
            thread::sleep(Duration::from_millis(100));
            true
        };
        interrupted(&client, Client::authenticate, queued).unwrap_err();
        let started = Instant::now();
        let other = client.interruptible(Interrupt::between_exchanges(), Duration::ZERO);
        other.authenticate().unwrap();
        assert!(started.elapsed() < SLOW / 2, "it took {:?}", started.elapsed());
        assert_eq!(sign_ins(&sandbox), 2);
    });
}

#[test]
fn a_refresh_token_that_was_not_sent_is_kept() {
    let sandbox = sandbox();
    let client = builder_without_token(&sandbox)
        .user("user@example.com", "password")
        .clock(Arc::new(SystemClock))
        .cancellable(true)
        .max_exchanges(1)
        .build()
        .unwrap();
    let auth_token = client.authenticate().unwrap();
    sandbox.fault(delayed(SIM, 1_000));
    thread::scope(|scope| {
        scope.spawn(|| client.request(Method::Get, SIM).send());
        eventually("the call", || sandbox.calls("GET", SIM) == 1);
        client.invalidate(&auth_token);
        let queued = || {
            thread::sleep(Duration::from_millis(100));
            true
        };
        interrupted(&client, Client::authenticate, queued).unwrap_err();
    });
    client.authenticate().unwrap();
    let requests = sandbox.requests();
    let last = requests.iter().rfind(|request| request.path == AUTHENTICATE).unwrap();
    assert!(format!("{last:?}").contains("refresh_token"), "{last:?}");
}

#[test]
fn a_revocation_in_the_background_and_a_sign_in_do_not_wait_for_each_other() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).cancellable(true).max_exchanges(1);
    let client = client.build().unwrap();
    client.authenticate().unwrap();
    create_late(&sandbox, &client, 500);
    clock.advance(Duration::from_secs(86_400));
    // It waits for the thread whose late response leads to a call that needs the auth token.
    let started = Instant::now();
    client.authenticate().unwrap();
    assert!(started.elapsed() < SLOW, "it took {:?}", started.elapsed());
    eventually("the revocation", || has_revoked(&sandbox));
}

#[test]
fn the_renewal_of_another_workspace_calls_no_function_in_the_background() {
    let (sandbox, clock) = (sandbox(), clock());
    let threads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&threads);
    let client = builder_without_token(&sandbox)
        .user("user@example.com", "password")
        .clock(clock.clone())
        .observer(move |event| {
            seen.lock().unwrap().push((thread::current().id(), event.to_string()))
        })
        .build()
        .unwrap();
    let other = client.switch_workspace(5678).unwrap();
    let switches = || sandbox.calls("POST", "/api/v1/authenticate/workspace");
    let before = (switches(), sign_ins(&sandbox));
    clock.advance(Duration::from_secs(200 * 60));
    sandbox.move_clock(Duration::from_secs(200 * 60));
    // Both auth tokens are due.
    eventually("the renewals", || {
        other.authenticate().unwrap();
        switches() > before.0 && sign_ins(&sandbox) > before.1
    });
    clock.advance(Duration::from_secs(200 * 60));
    sandbox.move_clock(Duration::from_secs(200 * 60));
    let before = switches();
    eventually("another renewal", || {
        other.authenticate().unwrap();
        switches() > before
    });
    let threads = threads.lock().unwrap();
    assert!(threads.iter().all(|(id, _)| *id == thread::current().id()), "{threads:?}");
}

#[test]
fn a_late_refusal_of_a_token_that_was_replaced_meanwhile_concerns_no_other_call() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("late-refusal"));
    let file = scratch.0.join("token");
    std::fs::write(&file, sandbox.application_token().replace('.', "x.")).unwrap();
    let client = builder_without_token(&sandbox).application_token_file(&file);
    let client = client.clock(Arc::new(SystemClock)).build().unwrap();
    sandbox.fault(delayed(AUTHENTICATE, 600));
    let (client, file, sandbox) = (&client, &file, &sandbox);
    thread::scope(|scope| {
        let other = scope.spawn(move || {
            eventually("the sign-in", || sign_ins(sandbox) == 1);
            client.authenticate().map(drop)
        });
        interrupted(client, Client::authenticate, || sign_ins(sandbox) == 1).unwrap_err();
        std::fs::write(file, sandbox.application_token()).unwrap();
        other.join().unwrap().unwrap();
    });
    assert_eq!(sandbox.calls_with_status("POST", AUTHENTICATE, 401), 1);
}
