//! A cancelled call ends at once, and the results of its requests are not lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{
    ApplicationTokenStatus, Client, ErrorKind, Interrupt, Method, NewApplicationToken, Result,
    Secret, SystemClock,
};
use emnify_sandbox::{Fault, FaultKind, Sandbox};

use crate::common::*;

const SIM: &str = "/api/v1/sim";

/// Long enough for a test to notice that a call did not end at once.
pub(super) const SLOW: Duration = Duration::from_secs(5);

pub(super) fn slow(path: &str) -> Fault {
    Fault::once(path, FaultKind::Delay { milliseconds: SLOW.as_millis() as u64 })
}

pub(super) fn delayed(path: &str, milliseconds: u64) -> Fault {
    Fault::once(path, FaultKind::Delay { milliseconds })
}

fn cancellable(sandbox: &Sandbox) -> Client {
    builder(sandbox).clock(Arc::new(SystemClock)).cancellable(true).build().unwrap()
}

/// Makes the call on a thread, triggers the interrupt as soon as `is_there` is true, and returns
/// the result of the call. Checks that the call ends soon after the interrupt.
pub(super) fn interrupted<T: Send>(
    client: &Client,
    call: impl FnOnce(&Client) -> Result<T> + Send,
    is_there: impl Fn() -> bool,
) -> Result<T> {
    let interrupt = Interrupt::new();
    let client = client.interruptible(interrupt.clone(), Duration::ZERO);
    thread::scope(|scope| {
        let caller = scope.spawn(|| call(&client));
        eventually("the call", is_there);
        let started = Instant::now();
        interrupt.trigger();
        let result = caller.join().unwrap();
        assert!(started.elapsed() < SLOW / 2, "it took {:?}", started.elapsed());
        result
    })
}

#[test]
fn cancelling_a_client_ends_a_call_that_waits_for_a_response_and_every_later_call() {
    let sandbox = sandbox();
    let client = cancellable(&sandbox);
    client.authenticate().unwrap();
    sandbox.fault(slow(TOKENS));
    thread::scope(|scope| {
        let caller = scope.spawn(|| client.application_tokens().list().unwrap_err().kind());
        eventually("the call", || sandbox.calls("GET", TOKENS) == 1);
        let started = Instant::now();
        client.cancel();
        assert_eq!(caller.join().unwrap(), ErrorKind::Cancelled);
        assert!(started.elapsed() < SLOW / 2);
    });
    let request = || client.request(Method::Get, TOKENS).send();
    assert_eq!(request().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(client.paginate(TOKENS).next().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(sandbox.calls("GET", TOKENS), 1);
}

#[test]
fn a_client_that_is_not_cancellable_waits_for_a_response_and_ends_only_other_waits() {
    let sandbox = sandbox();
    let client = builder(&sandbox).clock(Arc::new(SystemClock)).build().unwrap();
    client.authenticate().unwrap();
    sandbox.fault(delayed(TOKENS, 300));
    thread::scope(|scope| {
        let caller = scope.spawn(|| client.application_tokens().list());
        eventually("the call", || sandbox.calls("GET", TOKENS) == 1);
        client.cancel();
        assert!(caller.join().unwrap().is_ok());
    });
    assert_eq!(client.application_tokens().list().unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn a_pause_before_another_attempt_ends_at_once() {
    let sandbox = sandbox();
    let client = cancellable(&sandbox);
    client.authenticate().unwrap();
    let unavailable = FaultKind::Status {
        status: 503,
        body: String::new(),
        content_type: "text/plain".into(),
        headers: [("Retry-After".into(), "10".into())].into(),
    };
    sandbox.fault(Fault::once(TOKENS, unavailable));
    let result = interrupted(
        &client,
        |client| client.application_tokens().list(),
        || sandbox.calls("GET", TOKENS) == 1,
    );
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn an_auth_token_that_arrives_after_a_cancellation_goes_to_waiting_and_later_calls() {
    let sandbox = sandbox();
    let client = cancellable(&sandbox);
    sandbox.fault(delayed(AUTHENTICATE, 600));
    let is_asked = || sandbox.calls("POST", AUTHENTICATE) == 1;
    let is_asked = &is_asked;
    let client = &client;
    thread::scope(|scope| {
        let others = scope.spawn(move || {
            eventually("the sign-in", is_asked);
            client.authenticate().is_ok()
        });
        let result = interrupted(client, Client::authenticate, || {
            // By now the other call should be waiting.
            thread::sleep(Duration::from_millis(100));
            is_asked()
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(others.join().unwrap());
    });
    assert!(client.cached_auth_token().is_some());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
}

#[test]
fn an_auth_token_that_arrives_after_a_cancellation_is_stored() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("late"));
    let store = || emnify_core::Store::directory(&scratch.0);
    let client = || {
        let client = builder(&sandbox).clock(Arc::new(SystemClock)).store(store());
        client.build().unwrap()
    };
    sandbox.fault(delayed(AUTHENTICATE, 300));
    let first = client();
    let is_asked = || sandbox.calls("POST", AUTHENTICATE) == 1;
    interrupted(&first, Client::authenticate, is_asked).unwrap_err();
    eventually("the late auth token", || first.cached_auth_token().is_some());
    eventually("the entry", || {
        std::fs::read_dir(&scratch.0).unwrap().any(|entry| {
            let name = entry.unwrap().file_name();
            !name.to_string_lossy().contains('.')
        })
    });
    client().authenticate().unwrap();
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
}

#[test]
fn an_application_token_that_arrives_after_a_cancellation_is_revoked() {
    let sandbox = sandbox();
    let client = cancellable(&sandbox);
    client.authenticate().unwrap();
    let is_revoked = |description: &str| {
        let rows = client.application_tokens().list().unwrap();
        rows.iter().any(|row| {
            row.description() == Some(description)
                && row.status() == Some(ApplicationTokenStatus::Revoked)
        })
    };
    // First the response to `create` is late, then the list that contains the id.
    for (description, method, calls) in [("late", "POST", 1_u32), ("later", "GET", 2)] {
        let before = sandbox.calls(method, TOKENS);
        let skip = calls - 1;
        sandbox.fault(Fault { method: Some(method.into()), skip, ..delayed(TOKENS, 400) });
        let new = NewApplicationToken::new().description(description);
        let result = interrupted(
            &client,
            |client| client.application_tokens().create(&new),
            || sandbox.calls(method, TOKENS) == before + u64::from(calls),
        );
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled, "{description}");
        eventually("the revocation", || is_revoked(description));
    }
}

#[test]
fn an_error_of_the_mfa_function_ends_only_its_own_call_and_another_takes_over() {
    let sandbox = Arc::new(sandbox());
    let (asked, portal) = (Arc::new(AtomicU32::new(0)), Arc::clone(&sandbox));
    let count = Arc::clone(&asked);
    let client = builder_without_token(&sandbox)
        .user("mfa@example.com", "password")
        .clock(Arc::new(SystemClock))
        .mfa(move || match count.fetch_add(1, Ordering::SeqCst) {
            0 => {
                thread::sleep(Duration::from_millis(300));
                Err("interrupted at the prompt".into())
            }
            _ => Ok(portal.one_time_code("mfa@example.com").map(Secret::from)),
        })
        .build()
        .unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| client.authenticate());
        eventually("the prompt", || asked.load(Ordering::SeqCst) == 1);
        let second = scope.spawn(|| client.authenticate());
        let error = first.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "interrupted at the prompt");
        second.join().unwrap().unwrap();
    });
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_call_that_is_cancelled_while_it_signs_in_after_a_401_says_so() {
    for adapter in [false, true] {
        let sandbox = sandbox();
        let client = cancellable(&sandbox);
        let auth_token = client.authenticate().unwrap();
        sandbox.fault(slow(AUTHENTICATE));
        sandbox.fault(Fault::once(TOKENS, FaultKind::status(401, "")));
        let call = |client: &Client| match adapter {
            true => client.replacement_of(&auth_token).map(drop),
            false => client.application_tokens().list().map(drop),
        };
        let outcome = interrupted(&client, call, || sandbox.calls("POST", AUTHENTICATE) == 2);
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled, "{adapter}");
    }
}

#[test]
fn a_row_whose_call_was_cancelled_is_the_next_one() {
    let sandbox = sandbox();
    let client = cancellable(&sandbox);
    let mut pages = client.paginate(SIM).per_page(150);
    for _ in 0..150 {
        client.next_text(&mut pages).unwrap().unwrap();
    }
    sandbox.fault(slow(SIM));
    let interrupt = Interrupt::new();
    let one = client.interruptible(interrupt.clone(), Duration::ZERO);
    thread::scope(|scope| {
        let row = scope.spawn(|| one.next_text(&mut pages).unwrap().unwrap_err().kind());
        eventually("the call", || sandbox.calls("GET", SIM) == 2);
        interrupt.trigger();
        assert_eq!(row.join().unwrap(), ErrorKind::Cancelled);
    });
    let mut left = 0;
    while let Some(row) = client.next_text(&mut pages) {
        row.unwrap();
        left += 1;
    }
    assert_eq!(left, 150);
}
