//! An application token that a function of the program returns.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use emnify_core::{ErrorKind, EventKind, Interrupt, NeedsCaller, NewApplicationToken, Secret};

use crate::common::{builder_without_token, client, clock, eventually, sandbox, sign_ins};

#[test]
fn the_token_is_read_at_each_sign_in_and_the_last_good_one_is_used_while_that_fails() {
    let (sandbox, clock) = (sandbox(), clock());
    let vault = Arc::new(Mutex::new(Err("the vault is sealed\n")));
    let read = {
        let vault = Arc::clone(&vault);
        move || vault.lock().unwrap().clone().map_err(Into::into)
    };
    let gateway = builder_without_token(&sandbox).application_token_source(read);
    let gateway = gateway.clock(clock.clone()).build().unwrap();
    let error = gateway.authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "application_token_source: the vault is sealed ");
    assert_eq!(error.source().unwrap().to_string(), "the vault is sealed\n");
    assert_eq!(sign_ins(&sandbox), 0);

    let tokens = client(&sandbox).application_tokens();
    let create = || tokens.create(&NewApplicationToken::new()).unwrap();
    let sign_in = |token: Result<Secret, &'static str>| {
        *vault.lock().unwrap() = token;
        clock.advance(Duration::from_secs(300 * 60));
        sandbox.move_clock(Duration::from_secs(300 * 60));
        let _ = gateway.take_events();
        gateway.authenticate().unwrap();
        let events = gateway.take_events();
        let own = gateway.application_tokens().own().unwrap().unwrap();
        (Some(own.id()), events.first().unwrap().kind())
    };
    let (first, second) = (create(), create());
    let (first_id, second_id) = (first.id(), second.id());
    assert_eq!(sign_in(Ok(first.into_secret())), (first_id, EventKind::Authenticated));
    assert_eq!(sign_in(Ok(second.into_secret())), (second_id, EventKind::Authenticated));
    assert_eq!(sign_in(Err("timed out")), (second_id, EventKind::CredentialError));
}

#[test]
fn a_function_that_needs_a_call_is_not_called_in_the_background() {
    let (sandbox, clock) = (sandbox(), clock());
    let (caller, token) = (thread::current().id(), Secret::from(sandbox.application_token()));
    let read = move || match thread::current().id() == caller {
        true => Ok(token.clone()),
        false => Err(NeedsCaller.into()),
    };
    let gateway = builder_without_token(&sandbox).application_token_source(read).auto_renew(true);
    let gateway = gateway.clock(clock.clone()).build().unwrap();
    let elsewhere = gateway.clone();
    let error = thread::spawn(move || elsewhere.authenticate().unwrap_err()).join().unwrap();
    assert_eq!(error.kind(), ErrorKind::MfaRequired);
    assert!(gateway.take_events().is_empty());
    let first = gateway.authenticate().unwrap();
    clock.advance(Duration::from_secs(230 * 60));
    let first = first.reveal().to_owned();
    eventually("it renews", || gateway.authenticate().unwrap().reveal() != first);
    assert!(gateway.take_events().iter().all(|event| event.kind() == EventKind::Authenticated));
}

#[test]
fn if_a_cancellation_ends_the_function_a_waiting_call_reads_the_token() {
    let (sandbox, interrupt, reads) = (sandbox(), Interrupt::new(), Arc::new(AtomicU32::new(0)));
    let (cancelled, token) = (interrupt.clone(), Secret::from(sandbox.application_token()));
    let read = {
        let reads = Arc::clone(&reads);
        move || {
            let is_first = reads.fetch_add(1, Ordering::Relaxed) == 0;
            while is_first && !cancelled.is_triggered() {
                thread::sleep(Duration::from_millis(1));
            }
            if is_first { Err("it was cancelled".into()) } else { Ok(token.clone()) }
        }
    };
    let gateway = builder_without_token(&sandbox).application_token_source(read).build().unwrap();
    let first = gateway.interruptible(interrupt.clone(), Duration::ZERO);
    thread::scope(|scope| {
        let first = scope.spawn(|| first.authenticate().unwrap_err().kind());
        eventually("it reads", || reads.load(Ordering::Relaxed) == 1);
        let second = scope.spawn(|| gateway.authenticate().map(drop));
        // It has begun to wait for the first one.
        thread::sleep(Duration::from_millis(100));
        interrupt.trigger();
        assert_eq!(first.join().unwrap(), ErrorKind::Cancelled);
        second.join().unwrap().unwrap();
    });
    let events = gateway.take_events();
    assert!(events.iter().all(|event| event.kind() == EventKind::Authenticated), "{events:?}");
}

#[test]
fn what_is_no_application_token_is_not_sent() {
    let sandbox = sandbox();
    let read = || Ok(Secret::from("two canaries"));
    let gateway = builder_without_token(&sandbox).application_token_source(read).build().unwrap();
    let message = gateway.authenticate().unwrap_err().to_string();
    assert!(message.starts_with("application_token_source: contains a character at"), "{message}");
    assert_eq!(sign_ins(&sandbox), 0);
}
