//! Rotations after a refusal, a request that was sent twice or a damaged journal: each ends and leaves
//! one application token that works. Also: which properties the credential file keeps.

use std::fs;
use std::time::{Duration, SystemTime};

use emnify_core::{EventKind, RotateOptions, RotationState};
use emnify_sandbox::{Fault, FaultKind, NewToken};

use crate::common::gateway::{Gateway, collector, entries, rotate};
use crate::common::{TOKENS, clock, sandbox};

fn damage(gateway: &Gateway<'_>) {
    for path in entries(gateway) {
        let mut bytes = fs::read(&path).unwrap();
        bytes.pop();
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_damaged_journal_entry_is_set_aside_and_a_rotation_starts_again() {
    let sandbox = sandbox();
    // Stopped before the new one was found, after it was committed, in the grace period, done.
    let stopping: [(&str, Option<Fault>); 4] = [
        ("created", Some(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET").skip(1))),
        ("committed", None),
        ("grace", None),
        ("done", None),
    ];
    for (name, fault) in stopping {
        let gateway = Gateway::new(&sandbox, name);
        let options = match name {
            "grace" => RotateOptions::new().grace(Duration::from_secs(60)),
            "committed" => RotateOptions::new().hand_over(|_| Err("no room".into())),
            _ => RotateOptions::new(),
        };
        // A store that an earlier rotation used.
        rotate(&gateway.client()).unwrap();
        fault.into_iter().for_each(|fault| sandbox.fault(fault));
        let stopped = gateway.client().application_tokens().rotate(&options);
        assert_eq!(stopped.is_ok(), matches!(name, "grace" | "done"), "{name}: {stopped:?}");
        sandbox.clear_faults();
        damage(&gateway);

        let (observer, seen) = collector();
        let client = gateway.builder().observer(observer).build().unwrap();
        let rotation = rotate(&client).unwrap();
        assert_eq!(rotation.state(), RotationState::Done, "{name}");
        let _ = client.status();
        assert!(seen.lock().unwrap().contains(&EventKind::StoreError), "{name}");
        assert!(gateway.is_active(rotation.new_id()), "{name}");
        assert!(!gateway.is_active(rotation.old_id()), "{name}");
        let row = sandbox.application_tokens().into_iter().find(|row| row.id == rotation.new_id());
        assert_eq!(row.unwrap().value, gateway.held(), "{name}");
        // The next rotation is a normal one.
        let next = rotate(&gateway.client()).unwrap();
        assert_eq!(next.old_id(), rotation.new_id(), "{name}");
    }
}

#[test]
fn many_refused_creates_leave_nothing_behind() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "refused-creates");
    let client = gateway.client();
    rotate(&client).unwrap();
    for status in [403, 422, 429] {
        let fault = Fault::new(TOKENS, FaultKind::status(status, "")).method("POST");
        sandbox.fault(fault);
        for _ in 0..40 {
            let error = rotate(&client).unwrap_err();
            assert_eq!(error.http_status(), Some(status), "{error}");
            assert_eq!(error.rotation_state(), Some(RotationState::Intent), "{error}");
        }
        sandbox.clear_faults();
        let rotation = rotate(&client).unwrap();
        assert_eq!(gateway.active(), [rotation.new_id()]);
    }
}

#[test]
fn creates_with_an_unknown_result_delay_a_rotation_and_never_block_it() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| settings.limits = false);
    let gateway = Gateway::new(&sandbox, "doubtful-creates");
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    rotate(&client).unwrap();
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(503, "")).method("POST"));
    for _ in 0..40 {
        let error = rotate(&client).unwrap_err();
        assert!(error.is_retryable(), "{error}");
        // No state once there are too many: then no rotation begins.
        let state = error.rotation_state();
        assert!(matches!(state, None | Some(RotationState::Intent)), "{error}");
    }
    sandbox.clear_faults();
    let error = rotate(&client).unwrap_err();
    assert_eq!(error.http_status(), None, "too many at once: {error}");
    clock.advance(error.retry_after().unwrap());
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn after_creates_with_an_unknown_result_the_delay_also_ends_on_a_clock_in_1970() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| settings.limits = false);
    let gateway = Gateway::new(&sandbox, "doubtful-1970");
    let client = || gateway.builder().clock(clock.clone()).build().unwrap();
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(503, "")).method("POST"));
    for _ in 0..40 {
        rotate(&client()).unwrap_err();
    }
    sandbox.clear_faults();
    clock.reboot();
    clock.set_wall(SystemTime::UNIX_EPOCH);
    let error = rotate(&client()).unwrap_err();
    clock.advance(error.retry_after().unwrap());
    let rotation = rotate(&client()).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

/// Adds a second row with the marker of the first, as a proxy does that sends a POST twice.
fn replay(gateway: &Gateway<'_>) -> u64 {
    let rows = gateway.sandbox.application_tokens();
    let marked = rows.iter().rev().find(|row| {
        row.description.as_deref().is_some_and(|text| text.contains("[rotation ")) && !row.revoked
    });
    let description = marked.unwrap().description.clone();
    gateway.sandbox.add_application_token(NewToken { description, ..NewToken::default() }).0
}

#[test]
fn of_two_rows_with_one_marker_the_one_that_the_auth_token_names_is_used() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "replayed");
    let client = gateway.client();
    rotate(&client).unwrap();
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET").skip(1));
    rotate(&client).unwrap_err();
    sandbox.clear_faults();
    let replayed = replay(&gateway);
    let rotation = rotate(&client).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
    assert_ne!(rotation.new_id(), replayed);
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn of_two_rows_with_one_marker_both_are_revoked_if_the_auth_token_names_none() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.esc_app_is_token_id = false);
    let gateway = Gateway::new(&sandbox, "replayed-unnamed");
    let client = gateway.client();
    let options = RotateOptions::new().id(gateway.old_id);
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET").skip(1));
    client.application_tokens().rotate(&options).unwrap_err();
    sandbox.clear_faults();
    replay(&gateway);
    let error = client.application_tokens().rotate(&options).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Created), "{error}");
    assert!(error.to_string().contains("twice"), "{error}");
    assert_eq!(gateway.active(), [gateway.old_id]);
    let rotation = client.application_tokens().rotate(&options).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn a_second_row_that_the_list_shows_late_is_revoked_by_the_next_rotation() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "replayed-late");
    let client = gateway.client();
    sandbox.reset_counters();
    rotate(&client).unwrap();
    let requests = sandbox.requests();
    let create = requests.iter().find(|sent| (&*sent.method, &*sent.path) == ("POST", TOKENS));
    let body = create.and_then(|sent| sent.body.as_deref()).unwrap();
    let marked = body.split('"').find(|text| text.contains("[rotation ")).unwrap().to_owned();
    sandbox.add_application_token(NewToken { description: Some(marked), ..NewToken::default() });
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[cfg(unix)]
#[test]
fn the_credential_file_is_not_written_before_there_is_a_new_token_for_it() {
    use std::os::unix::fs::MetadataExt;
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "unwritten");
    let client = gateway.client();
    rotate(&client).unwrap();
    let stamp = || {
        let file = fs::metadata(gateway.file()).unwrap();
        (file.ino(), file.ctime(), file.ctime_nsec())
    };
    let before = stamp();
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(503, "")).method("POST"));
    rotate(&client).unwrap_err();
    assert_eq!(stamp(), before);
}

/// Extended attributes and the access list are kept, if the file system supports them.
#[cfg(target_os = "linux")]
#[test]
fn the_credential_file_keeps_its_attributes_and_its_access_list() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "attributes");
    let entry = |tag: u16, rights: u16, id: u32| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    // user::rw-, user:4711:r--, group::---, mask::r--, other::---
    let list = [
        2_u32.to_le_bytes().to_vec(),
        entry(0x01, 6, u32::MAX),
        entry(0x02, 4, 4_711),
        entry(0x04, 0, u32::MAX),
        entry(0x10, 4, u32::MAX),
        entry(0x20, 0, u32::MAX),
    ]
    .concat();
    let attributes = [("user.note", b"line 7".to_vec()), ("system.posix_acl_access", list)];
    let set: Vec<_> = attributes
        .into_iter()
        .filter(|(name, value)| {
            let set = setxattr(gateway.file(), *name, value, XattrFlags::empty());
            if let Err(error) = set {
                eprintln!("skipped: this file system does not take {name}: {error}");
            }
            set.is_ok()
        })
        .collect();
    rotate(&gateway.client()).unwrap();
    assert_ne!(gateway.held(), gateway.old);
    for (name, value) in set {
        let mut found = vec![0; 4_096];
        let length = getxattr(gateway.file(), name, &mut found).unwrap();
        assert_eq!(found[..length], value, "{name}");
    }
    assert_eq!(fs::read_dir(&gateway.scratch.0).unwrap().count(), 2, "nothing else stays");
}
