//! The right to revoke and `keep_old`, the lifetime of the new application token, and options that are
//! ignored.

use std::time::{Duration, SystemTime};

use emnify_core::{ErrorKind, EventKind, RotateOptions, RotationState};
use emnify_sandbox::{Fault, FaultKind, NewToken};

use crate::common::gateway::{Gateway, collector, entries, rotate};
use crate::common::{TOKENS, clock, sandbox};

const ROWS: &str = "/api/v1/application_token/*";

fn seconds_of(text: &str) -> i64 {
    let instant: jiff::Timestamp = text.parse().unwrap();
    instant.as_second()
}

#[test]
fn the_new_token_has_the_lifetime_of_the_old_one() {
    let sandbox = sandbox();
    let day = 86_400;
    let date = |seconds: i64| {
        let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
        text.replace('Z', ".000+0000")
    };
    let now = sandbox.now();
    // Created 85 days ago for 90: five days are left. The machine's clock is ten days behind.
    let old = NewToken {
        created: Some(date(now - 85 * day)),
        expiry_date: Some(date(now + 5 * day)),
        ..NewToken::default()
    };
    let clock = clock();
    clock.set_wall(SystemTime::now() - Duration::from_secs(2));
    let gateway = Gateway::with(&sandbox, "lifetime", old);
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    // The auth token is three hours old when it is used.
    clock.advance(Duration::from_secs(3 * 3_600 / 2));
    sandbox.move_clock(Duration::from_secs(3 * 3_600 / 2));
    let rotation = rotate(&client).unwrap();
    let row = sandbox.application_tokens().into_iter().find(|row| row.id == rotation.new_id());
    let expiry = seconds_of(&row.unwrap().expiry_date.unwrap().replace("+0000", "Z"));
    let wanted = now + 3 * 3_600 / 2 + 90 * day;
    assert!((expiry - wanted).abs() < 60, "{expiry} instead of {wanted}");
}

#[test]
fn a_lifetime_in_the_options_is_counted_on_emnifys_clock() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "expires-in");
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    let late = Duration::from_secs(86_400);
    clock.set_wall(SystemTime::now() - late);
    let lifetime = Duration::from_secs(90 * 86_400);
    let options = |lifetime| RotateOptions::new().expires_in(lifetime).grace(late);
    let rotate = |lifetime| client.application_tokens().rotate(&options(lifetime)).unwrap();
    let rotation = rotate(lifetime);
    let row = sandbox.application_tokens().into_iter().find(|row| row.id == rotation.new_id());
    let expiry = seconds_of(&row.unwrap().expiry_date.unwrap().replace("+0000", "Z"));
    let wanted = sandbox.now() + 90 * 86_400;
    assert!((expiry - wanted).abs() < 60, "{expiry} instead of {wanted}");
    // In the grace period.
    assert!(rotate(lifetime).ignored_options().is_empty());
    assert_eq!(rotate(lifetime * 2).ignored_options(), ["expires_in"]);
}

#[test]
fn without_the_right_to_revoke_nothing_is_created() {
    let sandbox = sandbox();
    let gateway = Gateway::new(&sandbox, "no-right");
    let client = gateway.client();
    rotate(&client).unwrap();
    let (before, rows) = (entries(&gateway), sandbox.application_tokens());
    sandbox.fault(Fault::new(ROWS, FaultKind::status(403, "")).method("PATCH"));
    let creates = sandbox.calls("POST", TOKENS);
    for _ in 0..2 {
        let error = rotate(&client).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
        assert!(error.to_string().contains("keep_old"), "{error}");
    }
    assert_eq!(sandbox.calls("POST", TOKENS), creates);
    assert_eq!(sandbox.application_tokens(), rows);
    assert_eq!(entries(&gateway), before);
    sandbox.clear_faults();
    let rotation = rotate(&client).unwrap();
    assert_eq!(gateway.active(), [rotation.new_id()]);
}

#[test]
fn with_keep_old_a_rotation_ends_without_the_right_to_revoke() {
    let sandbox = sandbox();
    for is_forbidden in [false, true] {
        let gateway = Gateway::new(&sandbox, "keep-old");
        if is_forbidden {
            sandbox.fault(Fault::new(ROWS, FaultKind::status(403, "")).method("PATCH"));
        }
        let (observer, seen) = collector();
        let client = gateway.builder().observer(observer).build().unwrap();
        let options = RotateOptions::new().keep_old(true);
        let rotation = client.application_tokens().rotate(&options).unwrap();
        assert_eq!(rotation.state(), RotationState::Done);
        assert!(rotation.is_old_kept());
        let kept = |kind: &&EventKind| **kind == EventKind::OldTokenKept;
        assert_eq!(seen.lock().unwrap().iter().filter(kept).count(), 1);
        assert!(gateway.is_active(gateway.old_id) && gateway.is_active(rotation.new_id()));
        assert_ne!(gateway.held(), gateway.old);
        sandbox.clear_faults();
        // With the right, the next one takes the marker off, and revokes its own predecessor alone.
        let next = rotate(&client).unwrap();
        assert!(!next.is_old_kept());
        assert!(gateway.is_active(gateway.old_id) && !gateway.is_active(rotation.new_id()));
        let rows = sandbox.application_tokens();
        let new = rows.iter().find(|row| row.id == next.new_id()).unwrap();
        assert_eq!(new.description.as_deref(), Some("gateway 7"));
    }
}

#[test]
fn a_rotation_that_may_no_longer_revoke_can_be_ended_with_keep_old() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "keep-late");
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    let grace = RotateOptions::new().grace(Duration::from_secs(60));
    client.application_tokens().rotate(&grace).unwrap();
    clock.advance(Duration::from_secs(61));
    sandbox.fault(Fault::new(ROWS, FaultKind::status(403, "")).method("PATCH"));
    let rotation = client.application_tokens().rotate(&grace.keep_old(true)).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
    assert!(gateway.is_active(gateway.old_id));
}

#[test]
fn the_right_is_checked_by_sending_only_the_unchanged_description() {
    let sandbox = sandbox();
    for (description, sent) in
        [(Some("a [rotation 7] ü"), "a [rotation 7] ü"), (None, "emnify-auth")]
    {
        let old = NewToken { description: description.map(Into::into), ..NewToken::default() };
        let gateway = Gateway::with(&sandbox, "unchanged", old);
        sandbox.reset_counters();
        sandbox.fault(Fault::once(TOKENS, FaultKind::status(403, "")).method("POST"));
        rotate(&gateway.client()).unwrap_err();
        let requests = sandbox.requests();
        let bodies = requests.iter().filter(|request| request.method == "PATCH");
        let bodies: Vec<_> = bodies.filter_map(|request| request.body.as_deref()).collect();
        assert_eq!(bodies, [format!(r#"{{"description":"{sent}"}}"#)]);
    }
}

#[test]
fn a_rotation_that_began_with_other_options_reports_which_are_ignored() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "other-options");
    let client = gateway.builder().clock(clock.clone()).build().unwrap();
    let grace = Duration::from_secs(60);
    let first = || RotateOptions::new().description("gateway 8").grace(grace);
    let rotate = |options: &RotateOptions| client.application_tokens().rotate(options).unwrap();
    // Stopped before the new one was found.
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(500, "")).method("GET").skip(1));
    client.application_tokens().rotate(&first()).unwrap_err();
    sandbox.clear_faults();
    let others = first().expiry_date("2098-05-29").ip("127.0.0.1").id(gateway.old_id);
    let rotation = rotate(&others);
    assert_eq!(rotation.ignored_options(), ["expiry_date", "ip"]);
    // In the grace period, and after it.
    assert!(rotate(&first()).ignored_options().is_empty());
    assert!(rotate(&RotateOptions::new()).ignored_options().is_empty());
    let others = RotateOptions::new().description("gateway 9").grace(grace * 2).id(1);
    assert_eq!(rotate(&others).ignored_options(), ["id", "description", "grace"]);
    clock.advance(grace);
    let last = rotate(&others);
    assert_eq!(last.state(), RotationState::Done);
    assert_eq!(last.ignored_options(), ["id", "description", "grace"]);
    // A rotation that begins with the call ignores none.
    let next = rotate(&RotateOptions::new().description("gateway 9"));
    assert!(next.ignored_options().is_empty());
}

#[test]
fn a_lifetime_that_the_list_does_not_show_must_be_passed() {
    let sandbox = sandbox();
    let old = NewToken {
        expiry_date: Some("2099-01-01".into()),
        without_created: true,
        ..NewToken::default()
    };
    let gateway = Gateway::with(&sandbox, "no-lifetime", old);
    let error = rotate(&gateway.client()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().starts_with("expiry_date: is missing"), "{error}");
    assert_eq!(sandbox.calls("POST", TOKENS), 0);
    let options = RotateOptions::new().expiry_date("2098-01-01");
    let rotation = gateway.client().application_tokens().rotate(&options).unwrap();
    assert!(gateway.is_active(rotation.new_id()));
}
