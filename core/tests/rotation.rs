//! Replacing an application token: what the new one is like, where it goes, who finds it, and what
//! stops a rotation and lets it go on.

#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod common;
mod gateway;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use common::{AUTHENTICATE, TOKENS, builder, builder_without_token, clock, sandbox};
use emnify_core::{
    Client, ErrorKind, EventKind, Finding, NewApplicationToken, RotateOptions, RotationState, Store,
};
use emnify_sandbox::{Fault, FaultKind, NewToken, TokenShape};
use gateway::{Gateway, collector, rotate};

#[test]
fn a_rotation_leaves_one_application_token_like_the_old_one_in_the_file() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "file");
    let client = gateway.client();
    client.authenticate().unwrap();

    let rotation = rotate(&client).unwrap();

    assert_eq!(rotation.state(), RotationState::Done);
    assert_eq!((rotation.old_id(), rotation.is_adopted()), (gateway.old_id, false));
    assert_eq!(gateway.active(), [rotation.new_id()]);
    let rows = sandbox.application_tokens();
    let new = rows.iter().find(|row| row.id == rotation.new_id()).unwrap();
    assert_eq!(gateway.held(), new.value);
    assert_eq!(new.description.as_deref(), Some("gateway 7"));
    assert_eq!(new.expiry_date.as_deref().map(|date| &date[..10]), Some("2099-01-01"));
    assert_eq!(new.ip.as_deref(), Some("127.0.0.0/8"));

    // The client goes on with the new one, and needs no call for it.
    let calls = sandbox.calls("POST", AUTHENTICATE);
    assert_eq!(client.application_tokens().own().unwrap().unwrap().id(), rotation.new_id());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), calls);
    let next = rotate(&client).unwrap();
    assert_eq!(next.old_id(), rotation.new_id());
    assert_eq!(gateway.active(), [next.new_id()]);
}

#[cfg(unix)]
#[test]
fn the_credential_file_keeps_its_mode_and_a_link_to_it_stays() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "mode");
    fs::set_permissions(gateway.file(), fs::Permissions::from_mode(0o640)).unwrap();
    let link = gateway.scratch.0.join("link");
    symlink("token", &link).unwrap();
    let client = gateway.builder().application_token_file(&link).build().unwrap();
    rotate(&client).unwrap();
    assert_ne!(gateway.held(), gateway.old);
    assert_eq!(fs::metadata(gateway.file()).unwrap().mode() & 0o777, 0o640);
    assert!(link.is_symlink());
    assert_eq!(fs::read_dir(&gateway.scratch.0).unwrap().count(), 3, "nothing else stays");
}

#[test]
fn what_is_asked_for_replaces_the_old_ones_settings() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "settings");
    let options =
        RotateOptions::new().description("gateway 8").expiry_date("2098-05-29").ip("127.0.0.1");
    let rotation = gateway.client().application_tokens().rotate(&options).unwrap();
    let rows = sandbox.application_tokens();
    let new = rows.iter().find(|row| row.id == rotation.new_id()).unwrap();
    assert_eq!(new.description.as_deref(), Some("gateway 8"));
    assert_eq!(new.expiry_date.as_deref().map(|date| &date[..10]), Some("2098-05-29"));
    assert_eq!(new.ip.as_deref(), Some("127.0.0.1"));
}

#[test]
fn a_start_with_the_old_application_token_finds_its_successor_and_says_so() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "successor");
    let taken = Arc::new(Mutex::new(Vec::new()));
    let options = {
        let taken = Arc::clone(&taken);
        RotateOptions::new().hand_over(move |token| {
            taken.lock().unwrap().push(token.reveal().to_owned());
            Ok(())
        })
    };
    let client = gateway.text_builder().build().unwrap();
    let ids: Vec<u64> =
        (0..3).map(|_| client.application_tokens().rotate(&options).unwrap().new_id()).collect();
    let rows = sandbox.application_tokens();
    let values: Vec<String> =
        ids.iter().map(|id| rows.iter().find(|row| row.id == *id).unwrap().value.clone()).collect();
    assert_eq!(*taken.lock().unwrap(), values);

    // Three generations later, from an image that still has the first one.
    let (observer, seen) = collector();
    let client = gateway.text_builder().observer(observer).build().unwrap();
    sandbox.reset_counters();
    client.authenticate().unwrap();
    assert_eq!(sandbox.calls_with_status("POST", AUTHENTICATE, 401), 0);
    assert_eq!(seen.lock().unwrap().first(), Some(&EventKind::SuccessorFound));
    assert_eq!(client.application_tokens().own().unwrap().unwrap().id(), *ids.last().unwrap());
}

#[test]
fn a_process_that_signed_in_before_goes_on_with_the_successor() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "before");
    let other = gateway.text_builder().clock(clock.clone()).build().unwrap();
    other.authenticate().unwrap();
    rotate(&gateway.client()).unwrap();
    clock.advance(Duration::from_secs(300 * 60));
    sandbox.move_clock(Duration::from_secs(300 * 60));
    other.authenticate().unwrap();
    assert_eq!(sandbox.calls_with_status("POST", AUTHENTICATE, 401), 0);
}

#[test]
fn a_hand_over_that_fails_stops_the_rotation_which_goes_on_with_the_same_token() {
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
    // Another process, later.
    let rotation = gateway.client().application_tokens().rotate(&options).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen.first(), seen.last());
    assert_eq!(gateway.active(), [rotation.new_id()]);
    assert_eq!(gateway.held(), gateway.old, "the function took it, not the file");
}

#[test]
fn both_work_in_the_grace_period_and_the_old_one_is_revoked_after_it() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "grace");
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    let options = RotateOptions::new().grace(Duration::from_secs(3_600));
    let rotate = |client: &Client| client.application_tokens().rotate(&options).unwrap();

    let first = rotate(&client);
    assert_eq!(first.state(), RotationState::Grace);
    assert_eq!(first.grace_left(), Some(Duration::from_secs(3_600)));
    assert_eq!(gateway.active(), [gateway.old_id, first.new_id()]);
    clock.advance(Duration::from_secs(3_000));
    assert_eq!(rotate(&client).grace_left(), Some(Duration::from_secs(600)));

    // A reboot into a time that nobody knows: nothing is revoked until the clock is set.
    clock.reboot();
    clock.set_wall(SystemTime::UNIX_EPOCH);
    clock.advance(Duration::from_secs(86_400));
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    assert_eq!(rotate(&client).state(), RotationState::Grace);
    clock.set_wall(SystemTime::now());
    assert_eq!(rotate(&client).state(), RotationState::Grace);
    assert_eq!(gateway.active().len(), 2);

    clock.set_wall(SystemTime::now() + Duration::from_secs(3_600));
    let last = rotate(&client);
    assert_eq!((last.state(), last.grace_left()), (RotationState::Done, None));
    assert_eq!(last.new_id(), first.new_id());
    assert_eq!(gateway.active(), [first.new_id()]);
}

#[test]
fn of_two_that_rotate_at_once_one_does_and_the_other_adopts_it() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "two");
    let clients: Vec<Client> = (0..6).map(|_| gateway.client()).collect();
    let rotations: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> =
            clients.iter().map(|client| scope.spawn(|| rotate(client).unwrap())).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let made: Vec<_> = rotations.iter().filter(|rotation| !rotation.is_adopted()).collect();
    assert_eq!(made.len(), 1, "{rotations:?}");
    assert!(rotations.iter().all(|rotation| rotation.new_id() == made[0].new_id()));
    assert_eq!(sandbox.calls("POST", TOKENS), 1);
    assert_eq!(gateway.active(), [made[0].new_id()]);
}

#[test]
fn a_new_token_that_does_not_work_is_revoked_and_the_old_one_stays() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "useless");
    let clock = clock();
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    let options = RotateOptions::new().ip("192.0.2.7");
    // Once is not for good: what was created a moment ago may not be known everywhere.
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
fn where_the_auth_token_does_not_tell_which_row_is_its_own_the_caller_must() {
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
fn an_id_that_is_another_ones_is_found_out_before_anything_is_revoked() {
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
fn a_token_that_somebody_else_put_into_the_file_is_not_overwritten() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "replaced");
    // While the rotation is under way: when it takes the mark off the new one.
    let file = gateway.file();
    let path = format!("{TOKENS}/*");
    let delay = FaultKind::Delay { milliseconds: 300 };
    sandbox.fault(Fault::new(path, delay).method("PATCH").times(1).skip(1));
    let client = gateway.client();
    let error = thread::scope(|scope| {
        let rotating = scope.spawn(|| rotate(&client).unwrap_err());
        common::eventually("the new one is tried", || {
            sandbox.requests().iter().filter(|request| request.method == "PATCH").count() == 2
        });
        fs::write(&file, sandbox.application_token()).unwrap();
        rotating.join().unwrap()
    });
    assert_eq!(error.rotation_state(), Some(RotationState::Committed), "{error}");
    assert_eq!(gateway.held(), sandbox.application_token());
    assert!(gateway.is_active(gateway.old_id));
}

#[test]
fn an_audit_tells_what_a_rotation_left_behind() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "orphan");
    let client = gateway.client();
    // The answer with the new value is lost.
    sandbox.fault(Fault::once(TOKENS, FaultKind::ResetAfter).method("POST"));
    let error = rotate(&client).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Intent));
    assert!(error.is_retryable(), "{error}");
    let orphans = || {
        let audit = client.application_tokens().audit(&Default::default()).unwrap();
        let is_orphan = |findings: &[Finding]| findings.contains(&Finding::Orphan);
        audit.into_iter().filter(|audited| is_orphan(&audited.findings)).count()
    };
    assert_eq!(orphans(), 1);
    rotate(&client).unwrap();
    assert_eq!(orphans(), 0);
    assert_eq!(gateway.active().len(), 1);
}

#[test]
fn an_expiry_that_only_the_list_tells_is_told_once_a_day() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| settings.application_token_shape = TokenShape::Opaque);
    let in_ten_days = SystemTime::now() + Duration::from_secs(10 * 86_400);
    let new = NewApplicationToken::new().expiry_date(in_ten_days);
    let opaque = common::client(&sandbox).application_tokens().create(&new).unwrap();
    sandbox.reset_counters();
    let (observer, seen) = collector();
    let client = builder(&sandbox)
        .application_token(opaque.reveal())
        .observer(observer)
        .clock(clock.clone())
        .build()
        .unwrap();
    let told = || {
        let kind = EventKind::ApplicationTokenExpires;
        seen.lock().unwrap().iter().filter(|seen| **seen == kind).count()
    };
    client.authenticate().unwrap();
    assert_eq!(sandbox.calls("GET", TOKENS), 0, "no caller waits for it");
    let renew = || {
        let calls = sandbox.calls("POST", AUTHENTICATE);
        clock.advance(Duration::from_secs(200 * 60));
        sandbox.move_clock(Duration::from_secs(200 * 60));
        common::eventually("a renewal", || {
            client.authenticate().unwrap();
            sandbox.calls("POST", AUTHENTICATE) > calls
        });
    };
    renew();
    common::eventually("the event", || {
        client.status();
        told() == 1
    });
    // Five more in 17 hours: the day changes once at most.
    (0..5).for_each(|_| renew());
    assert!(sandbox.calls("GET", TOKENS) <= 2);
    assert!(told() <= 2);
}

/// The file of the gateway leads to nothing that the sandbox does not know.
fn check_that_it_works(gateway: &Gateway<'_>) {
    gateway.client().application_tokens().list().unwrap();
}

#[test]
fn a_list_that_lags_delays_a_rotation_and_makes_no_orphans() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "lag");
    let client = gateway.client();
    client.authenticate().unwrap();
    // The list as it was before, for as long as the new one is looked for.
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
fn an_old_token_that_ends_on_the_way_does_not_keep_the_new_one_from_being_used() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "ended");
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET").skip(1));
    let error = rotate(&client).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Created), "{error}");
    sandbox.clear_faults();
    let by_somebody = common::client(&sandbox);
    by_somebody.application_tokens().revoke(gateway.old_id).unwrap();
    sandbox.revoke_auth_tokens();
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
    check_that_it_works(&gateway);
}

#[test]
fn a_new_token_that_is_revoked_before_the_old_one_is_leads_back_to_that() {
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
            let said = error.to_string().contains("the old application token is in use again");
            assert_eq!(said, given_up, "{error}");
        }
        assert_eq!(gateway.held(), gateway.old);
        assert!(gateway.is_active(gateway.old_id));
        client.application_tokens().own().unwrap();
        assert_eq!(rotate().unwrap().old_id(), gateway.old_id);
    }
}

#[test]
fn an_answer_with_no_new_token_in_it_is_not_taken_for_one() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "replayed");
    let replayed = format!(r#"{{"application_token":"{}"}}"#, gateway.old);
    sandbox.fault(Fault::once(TOKENS, FaultKind::status(200, replayed)).method("POST"));
    let error = rotate(&gateway.client()).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Intent), "{error}");
    assert!(gateway.is_active(gateway.old_id));
}

#[test]
fn a_revocation_that_the_list_does_not_confirm_is_not_taken_for_one() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "unconfirmed");
    let client = gateway.client();
    let row = format!("{TOKENS}/{}", gateway.old_id);
    // The first call of that kind checks the right to revoke.
    sandbox.fault(Fault::once(&row, FaultKind::status(503, "")).method("PATCH").skip(1));
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(200, "[]")).method("GET").skip(2));
    let error = rotate(&client).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Revoking), "{error}");
    sandbox.clear_faults();
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn an_old_token_that_cannot_be_revoked_is_told_and_keeps_nobody_from_the_next_rotation() {
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
fn a_file_that_cannot_be_replaced_is_found_out_before_anything_is_created() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "fixed");
    // Something that cannot be removed stands where the new file is written.
    let aside = gateway.scratch.0.join(".token.emnify-new");
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("x"), "").unwrap();
    let error = rotate(&gateway.client()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("cannot write the credential file"), "{error}");
    assert_eq!(sandbox.requests().len(), 0);
    assert_eq!(gateway.active(), [gateway.old_id]);
}

#[test]
fn however_often_it_was_rotated_the_way_from_the_first_token_is_short() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "short");
    let options = RotateOptions::new().hand_over(|_| Ok(()));
    let mut last = 0;
    for _ in 0..4 {
        let client = gateway.text_builder().build().unwrap();
        last = client.application_tokens().rotate(&options).unwrap().new_id();
    }
    // Only the first one's page and the last one's are needed for it.
    let client = gateway.text_builder().build().unwrap();
    assert_eq!(client.application_tokens().own().unwrap().unwrap().id(), last);
    assert_eq!(gateway.active(), [last]);
}
