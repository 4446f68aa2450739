//! Rotations that stop, and how the next call continues them.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::gateway::{Gateway, rotate};
use emnify_core::{ErrorKind, RotateOptions, RotationState, Secret, Store};
use emnify_sandbox::{Fault, FaultKind, NewToken};

use crate::common::{self, TOKENS, builder_without_token, clock, eventually, sandbox, sign_ins};

#[test]
fn after_a_failed_hand_over_the_next_call_hands_over_the_same_token() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "hand-over");
    let (fails, seen) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
    let options = {
        let (fails, seen) = (Arc::clone(&fails), Arc::clone(&seen));
        RotateOptions::new().hand_over(move |token| {
            seen.lock().unwrap().push(token.reveal().to_owned());
            match fails.load(Ordering::Relaxed) {
                true => Err(format!("no room for {}", token.reveal()).into()),
                false => Ok(()),
            }
        })
    };
    let client = gateway.client();
    let error = client.application_tokens().rotate(&options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rotation);
    assert_eq!(error.rotation_state(), Some(RotationState::Committed));
    assert!(error.to_string().contains("no room for [redacted]"), "{error}");
    assert!(gateway.is_active(gateway.old_id), "the old one is not revoked");
    client.authenticate().unwrap();

    fails.store(false, Ordering::Relaxed);
    // In another process, later.
    let rotation = gateway.client().application_tokens().rotate(&options).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen.first(), seen.last());
    assert_eq!(gateway.active(), [rotation.new_id()]);
    assert_eq!(gateway.held(), gateway.old, "the function took it, not the file");
}

#[test]
fn the_old_token_is_revoked_after_the_new_one_was_read_back_and_has_worked() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "read-back");
    let (kept, times) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
    let options = |works: fn(usize) -> bool| {
        let (from, into, times) = (Arc::clone(&kept), Arc::clone(&kept), Arc::clone(&times));
        RotateOptions::new()
            .hand_over(move |token| {
                if works(times.fetch_add(1, Ordering::Relaxed)) {
                    *into.lock().unwrap() = format!("{}\n", token.reveal());
                }
                Ok(())
            })
            .read_back(move || match &*from.lock().unwrap() {
                kept if kept.is_empty() => Err("it is empty".into()),
                kept => Ok(Secret::from(kept.as_str())),
            })
    };
    let rotate = |options| gateway.client().application_tokens().rotate(&options);
    for kept_before in ["", "another"] {
        *kept.lock().unwrap() = kept_before.into();
        let error = rotate(options(|_| false)).unwrap_err();
        assert_eq!(error.rotation_state(), Some(RotationState::Committed), "{error}");
        let why = if kept_before.is_empty() { "it is empty" } else { "nothing was revoked" };
        assert!(error.to_string().contains(why), "{error}");
        assert!(gateway.is_active(gateway.old_id));
    }
    assert_eq!(times.load(Ordering::Relaxed), 2, "each call hands it over again");

    let calls = sign_ins(&sandbox);
    let rotation = rotate(options(|_| true)).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
    assert_eq!(gateway.active(), [rotation.new_id()]);
    assert_eq!(sign_ins(&sandbox), calls + 2, "before and after it is read back");
}

#[test]
fn a_new_token_that_does_not_work_is_revoked_and_the_old_one_stays() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "useless");
    let clock = clock();
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    let options = RotateOptions::new().ip("192.0.2.7");
    // One refusal is not permanent: not every server may know the new token yet.
    for given_up in [false, false, true] {
        let error = client.application_tokens().rotate(&options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rotation);
        assert_eq!(error.rotation_state(), Some(RotationState::Created));
        assert_eq!(error.to_string().contains("was given up"), given_up, "{error}");
        assert_eq!(error.is_retryable(), !given_up, "{error}");
        clock.advance(Duration::from_secs(45));
    }
    assert_eq!(gateway.active(), [gateway.old_id]);
    assert_eq!(gateway.held(), gateway.old);
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn without_an_id_in_the_auth_token_the_caller_must_pass_it() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.esc_app_is_token_id = false);
    let gateway = Gateway::new(&sandbox, "id");
    let client = gateway.client();
    let error = rotate(&client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("id: is missing"), "{error}");
    assert_eq!(gateway.active(), [gateway.old_id]);
    let error = client.application_tokens().rotate(&RotateOptions::new().id(999_999)).unwrap_err();
    assert!(error.to_string().starts_with("id: 999999 is not in the list"), "{error}");
    let options = RotateOptions::new().id(gateway.old_id);
    let rotation = client.application_tokens().rotate(&options).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn the_id_of_another_application_token_is_refused_before_anything_is_revoked() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "mistaken");
    let (bystander, _) = sandbox.add_application_token(NewToken::default());
    let options = RotateOptions::new().id(bystander);
    let error = gateway.client().application_tokens().rotate(&options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().starts_with("id: "), "{error}");
    assert_eq!(gateway.active(), [gateway.old_id, bystander]);
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_sent() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "refused");
    let options = RotateOptions::new;
    let user = builder_without_token(&sandbox).user("user@example.com", "password");
    for (client, options, argument) in [
        (gateway.builder().store(Store::memory()), options(), "store: "),
        (gateway.text_builder(), options(), "hand_over: "),
        (user.store(gateway.store()), options(), "rotate: "),
        (gateway.builder(), options().read_back(|| Err("unread".into())), "read_back: "),
        (gateway.builder(), options().ip("here"), "ip: "),
        (gateway.builder(), options().description("a\nb"), "description: "),
        (gateway.builder(), options().expiry_date("1999-01-01"), "expiry_date: "),
    ] {
        let error = client.build().unwrap().application_tokens().rotate(&options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(argument), "{error}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn a_token_that_another_program_wrote_to_the_file_is_not_overwritten() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "replaced");
    // It is written during the rotation: when that removes the marker of the new one.
    let file = gateway.file();
    let path = format!("{TOKENS}/*");
    let delay = FaultKind::Delay { milliseconds: 300 };
    sandbox.fault(Fault::new(path, delay).method("PATCH").times(1).skip(1));
    let client = gateway.client();
    let error = thread::scope(|scope| {
        let rotating = scope.spawn(|| rotate(&client).unwrap_err());
        eventually("the new one is tried", || {
            sandbox.requests().iter().filter(|request| request.method == "PATCH").count() == 2
        });
        fs::write(&file, sandbox.application_token()).unwrap();
        rotating.join().unwrap()
    });
    assert_eq!(error.rotation_state(), Some(RotationState::Committed), "{error}");
    assert_eq!(gateway.held(), sandbox.application_token());
    assert!(gateway.is_active(gateway.old_id));
}

/// Asserts that a new process with the gateway's file and store can make calls.
fn check_that_it_works(gateway: &Gateway<'_>) {
    gateway.client().application_tokens().list().unwrap();
}

#[test]
fn a_list_that_shows_the_new_row_late_delays_a_rotation_and_leaves_no_orphans() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "lag");
    let client = gateway.client();
    client.authenticate().unwrap();
    // The list stays as it was, as long as the rotation looks for the new row.
    let old = sandbox.application_tokens();
    let rows: Vec<String> = old.iter().map(|row| format!(r#"{{"id":{}}}"#, row.id)).collect();
    let stale = FaultKind::status(200, format!("[{}]", rows.join(",")));
    sandbox.fault(Fault::new(TOKENS, stale).method("GET").skip(1));
    for _ in 0..6 {
        let error = rotate(&client).unwrap_err();
        assert_eq!(error.rotation_state(), Some(RotationState::Created), "{error}");
        assert!(error.is_retryable(), "{error}");
    }
    assert_eq!(sandbox.calls("POST", TOKENS), 1);
    sandbox.clear_faults();
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn an_old_token_that_is_revoked_during_a_rotation_does_not_stop_it() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "ended");
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET").skip(1));
    let error = rotate(&client).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Created), "{error}");
    sandbox.clear_faults();
    let another = common::client(&sandbox);
    another.application_tokens().revoke(gateway.old_id).unwrap();
    sandbox.revoke_auth_tokens();
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
    check_that_it_works(&gateway);
}

#[test]
fn if_the_new_token_is_revoked_first_the_old_one_is_used_again() {
    let (sandbox, clock) = (sandbox(), clock());
    for by_function in [false, true] {
        let gateway = Gateway::new(&sandbox, "back");
        let builder = if by_function { gateway.text_builder() } else { gateway.builder() };
        let client = builder.clock(clock.clone()).build().unwrap();
        let grace = RotateOptions::new().grace(Duration::from_secs(60));
        let options = if by_function { grace.hand_over(|_| Ok(())) } else { grace };
        let rotate = || client.application_tokens().rotate(&options);
        let new_id = rotate().unwrap().new_id();
        common::client(&sandbox).application_tokens().revoke(new_id).unwrap();
        for given_up in [false, true] {
            clock.advance(Duration::from_secs(100));
            let error = rotate().unwrap_err();
            assert_eq!(error.rotation_state(), Some(RotationState::Revoking), "{error}");
            let falls_back =
                error.to_string().contains("the old application token is in use again");
            assert_eq!(falls_back, given_up, "{error}");
        }
        assert_eq!(gateway.held(), gateway.old);
        assert!(gateway.is_active(gateway.old_id));
        client.application_tokens().own().unwrap();
        assert_eq!(rotate().unwrap().old_id(), gateway.old_id);
    }
}

#[test]
fn a_response_to_create_with_the_old_token_is_an_error() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "replayed");
    let replayed = format!(r#"{{"application_token":"{}"}}"#, gateway.old);
    sandbox.fault(Fault::once(TOKENS, FaultKind::status(200, replayed)).method("POST"));
    let error = rotate(&gateway.client()).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Intent), "{error}");
    assert!(gateway.is_active(gateway.old_id));
}

#[test]
fn a_failed_revocation_that_the_list_does_not_confirm_is_repeated() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "unconfirmed");
    let client = gateway.client();
    let row = format!("{TOKENS}/{}", gateway.old_id);
    // The first PATCH checks the right to revoke.
    sandbox.fault(Fault::once(&row, FaultKind::status(503, "")).method("PATCH").skip(1));
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(200, "[]")).method("GET").skip(2));
    let error = rotate(&client).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Revoking), "{error}");
    sandbox.clear_faults();
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn an_old_token_that_cannot_be_revoked_is_reported_and_revoked_by_the_next_rotation() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "unrevocable");
    let client = gateway.client();
    let row = format!("{TOKENS}/{}", gateway.old_id);
    sandbox.fault(Fault::new(&row, FaultKind::status(422, "")).method("PATCH"));
    let error = rotate(&client).unwrap_err();
    assert!(error.to_string().contains("revoke it by hand"), "{error}");
    assert_ne!(gateway.held(), gateway.old);
    sandbox.clear_faults();
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()], "both old ones are gone");
}

#[test]
fn if_the_file_cannot_be_replaced_nothing_is_created() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "fixed");
    // A directory that is not empty has the name of the temporary file.
    let aside = gateway.scratch.0.join(".token.emnify-new");
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("x"), "").unwrap();
    let error = rotate(&gateway.client()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("cannot write the credential file"), "{error}");
    assert_eq!(sandbox.requests().len(), 0);
    assert_eq!(gateway.active(), [gateway.old_id]);
}
