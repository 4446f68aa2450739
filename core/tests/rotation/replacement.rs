//! The new application token: its properties, where it is stored, and how later starts find it.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::common::gateway::{Gateway, collector, rotate};
use emnify_core::{Client, EventKind, Finding, NewApplicationToken, RotateOptions, RotationState};
use emnify_sandbox::{Fault, FaultKind, TokenShape};

use crate::common::{AUTHENTICATE, TOKENS, builder, client, clock, eventually, sandbox};

#[test]
fn a_rotation_leaves_one_token_like_the_old_one_and_writes_it_to_the_file() {
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

    // The client continues with the new one, without another sign-in.
    let calls = sandbox.calls("POST", AUTHENTICATE);
    assert_eq!(client.application_tokens().own().unwrap().unwrap().id(), rotation.new_id());
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), calls);
    let next = rotate(&client).unwrap();
    assert_eq!(next.old_id(), rotation.new_id());
    assert_eq!(gateway.active(), [next.new_id()]);
}

#[cfg(unix)]
#[test]
fn the_credential_file_keeps_its_mode_and_a_link_to_it() {
    use std::fs;
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
fn options_replace_the_properties_of_the_old_token() {
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
fn a_start_with_the_old_application_token_finds_its_successor_and_reports_it() {
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
fn a_rotation_that_starts_with_an_old_application_token_reports_its_successor_once() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "successor-rotated");
    let first = rotate(&gateway.client()).unwrap();
    let (observer, seen) = collector();
    let client = gateway.text_builder().observer(observer).build().unwrap();
    // The first call of this client.
    let options = RotateOptions::new().hand_over(|_| Ok(()));
    let second = client.application_tokens().rotate(&options).unwrap();
    assert_eq!(second.old_id(), first.new_id());
    let is_found = |kind: &&EventKind| **kind == EventKind::SuccessorFound;
    assert_eq!(seen.lock().unwrap().iter().filter(is_found).count(), 1);
}

#[test]
fn a_process_that_signed_in_before_the_rotation_continues_with_the_successor() {
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

    // After a reboot with an unset clock: nothing is revoked until it is set.
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
fn an_audit_reports_what_a_rotation_left_behind() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "orphan");
    let client = gateway.client();
    // The response with the new value is lost.
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
fn an_expiry_that_only_the_list_shows_is_reported_once_a_day() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| settings.application_token_shape = TokenShape::Opaque);
    let in_ten_days = SystemTime::now() + Duration::from_secs(10 * 86_400);
    let new = NewApplicationToken::new().expiry_date(in_ten_days);
    let opaque = client(&sandbox).application_tokens().create(&new).unwrap();
    sandbox.reset_counters();
    let (observer, seen) = collector();
    let client = builder(&sandbox)
        .application_token(opaque.reveal())
        .observer(observer)
        .clock(clock.clone())
        .build()
        .unwrap();
    let reported = || {
        let kind = EventKind::ApplicationTokenExpires;
        seen.lock().unwrap().iter().filter(|seen| **seen == kind).count()
    };
    client.authenticate().unwrap();
    assert_eq!(sandbox.calls("GET", TOKENS), 0, "no caller waits for the list");
    let renew = || {
        let calls = sandbox.calls("POST", AUTHENTICATE);
        clock.advance(Duration::from_secs(200 * 60));
        sandbox.move_clock(Duration::from_secs(200 * 60));
        eventually("a renewal", || {
            client.authenticate().unwrap();
            sandbox.calls("POST", AUTHENTICATE) > calls
        });
    };
    renew();
    eventually("the event", || {
        let _ = client.status();
        reported() == 1
    });
    // Five more renewals in 17 hours, in which the day changes once at most.
    (0..5).for_each(|_| renew());
    assert!(sandbox.calls("GET", TOKENS) <= 2);
    assert!(reported() <= 2);
}

#[test]
fn the_entry_of_the_first_token_leads_directly_to_the_newest_one() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "short");
    let options = RotateOptions::new().hand_over(|_| Ok(()));
    let mut last = 0;
    for _ in 0..4 {
        let client = gateway.text_builder().build().unwrap();
        last = client.application_tokens().rotate(&options).unwrap().new_id();
    }
    // Only the entries of the first and of the last token are needed.
    let client = gateway.text_builder().build().unwrap();
    assert_eq!(client.application_tokens().own().unwrap().unwrap().id(), last);
    assert_eq!(gateway.active(), [last]);
}
