//! Sign-ins that emnify refused are reported with the token, the reason and the address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use emnify_core::{
    AuditOptions, ErrorKind, EventKind, Finding, Level, ManualClock, NewApplicationToken,
    SignInFailure,
};
use emnify_sandbox::{Fault, FaultKind, NewToken, Sandbox};

use crate::common::{TOKENS, builder, client, sandbox};

const EVENTS: &str = "/api/v1/event";
const A_DAY: Duration = Duration::from_secs(86_400);

/// Adds an application token, and signs in with it once.
fn refused(sandbox: &Sandbox, description: &str, token: NewToken) -> u64 {
    let token = NewToken { description: Some(description.to_owned()), ..token };
    let (id, value) = sandbox.add_application_token(token);
    let other = builder(sandbox).application_token(value).build().unwrap();
    assert_eq!(other.authenticate().unwrap_err().kind(), ErrorKind::Rejected);
    id
}

fn revoked() -> NewToken {
    NewToken { status: 1, ..NewToken::default() }
}

fn failures(sandbox: &Sandbox, since: Duration) -> Vec<SignInFailure> {
    client(sandbox).application_tokens().failures(since).unwrap()
}

#[test]
fn a_rotated_token_that_is_still_in_use_is_reported_with_its_successor() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.peer_address = Some(IpAddr::from([203, 0, 113, 7])));
    let old = refused(&sandbox, "gateway 7", revoked());
    let new = NewToken { description: Some("gateway 7".to_owned()), ..NewToken::default() };
    let (successor, _) = sandbox.add_application_token(new);

    let [failure] = failures(&sandbox, A_DAY).try_into().unwrap();
    assert_eq!(failure.token_name.as_deref(), Some("gateway 7"));
    assert_eq!((failure.token_ids, failure.successor_id), (vec![old], Some(successor)));
    assert_eq!(failure.reason.as_deref(), Some("TokenStatus Revoked"));
    assert_eq!(failure.address, Some(IpAddr::from([203, 0, 113, 7])));
    let at = failure.at.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(sandbox.now() - i64::try_from(at.as_secs()).unwrap() < 60);
}

#[test]
fn only_failures_of_the_time_asked_for_are_returned_whatever_this_machines_clock_shows() {
    let sandbox = sandbox();
    refused(&sandbox, "two hours ago", revoked());
    sandbox.move_clock(Duration::from_secs(7_200));
    refused(&sandbox, "now", revoked());
    let names = |since| -> Vec<_> {
        failures(&sandbox, since).into_iter().filter_map(|failure| failure.token_name).collect()
    };
    assert_eq!(names(Duration::from_secs(3_600)), ["now"]);
    assert_eq!(names(A_DAY), ["now", "two hours ago"]);
    assert_eq!(names(Duration::MAX), ["now", "two hours ago"]);
}

#[test]
fn many_failures_come_in_pages() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.maximum_per_page = 2);
    for _ in 0..5 {
        refused(&sandbox, "again", revoked());
    }
    let failures = failures(&sandbox, A_DAY);
    assert_eq!(failures.len(), 5);
    assert!(failures[0].token_ids.len() == 5, "all five have this description");
    assert_eq!(sandbox.calls("GET", EVENTS), 3);
}

#[test]
fn without_the_right_to_list_tokens_the_failures_have_no_ids() {
    let sandbox = sandbox();
    refused(&sandbox, "gateway 7", revoked());
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(403, "")));
    let [failure] = failures(&sandbox, A_DAY).try_into().unwrap();
    assert_eq!(failure.token_name.as_deref(), Some("gateway 7"));
    assert!(failure.token_ids.is_empty());

    sandbox.fault(Fault::new(EVENTS, FaultKind::status(403, "")));
    let error = client(&sandbox).application_tokens().failures(A_DAY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[test]
fn without_failures_the_tokens_are_not_listed() {
    let sandbox = sandbox();
    assert_eq!(failures(&sandbox, A_DAY), []);
    assert_eq!(sandbox.calls("GET", TOKENS), 0);
}

#[test]
fn an_audit_finds_tokens_that_were_refused_lately() {
    let sandbox = sandbox();
    let old = refused(&sandbox, "old", revoked());
    let tokens = client(&sandbox).application_tokens();
    let found = |options: AuditOptions| -> Vec<u64> {
        let audited = tokens.audit(&options).unwrap().into_iter();
        let lately = audited.filter(|audited| audited.findings.contains(&Finding::RefusedLately));
        lately.map(|audited| audited.token.id()).collect()
    };
    assert_eq!(found(AuditOptions::new()), [old]);
    sandbox.move_clock(2 * A_DAY);
    let tokens_later = client(&sandbox).application_tokens();
    assert!(
        tokens_later
            .audit(&AuditOptions::new())
            .unwrap()
            .iter()
            .all(|audited| { !audited.findings.contains(&Finding::RefusedLately) })
    );

    sandbox.reset_counters();
    assert!(found(AuditOptions::new().refused_within(Duration::ZERO)).is_empty());
    assert_eq!(sandbox.calls("GET", EVENTS), 0);
}

#[test]
fn an_audit_without_the_right_to_read_events_reports_that_it_is_incomplete() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    let _ = client.take_events();
    sandbox.fault(Fault::new(EVENTS, FaultKind::status(403, "")));
    let audited = client.application_tokens().audit(&AuditOptions::new()).unwrap();
    assert_eq!(audited.len(), 1);
    let [event] = client.take_events().try_into().unwrap();
    assert_eq!((event.kind(), event.level()), (EventKind::AuditIncomplete, Level::Warning));
}

#[test]
fn an_audit_reports_any_failure_to_read_events_and_returns_the_rest() {
    let sandbox = sandbox();
    let client = builder(&sandbox).retries(0).build().unwrap();
    for fault in [FaultKind::status(404, ""), FaultKind::status(500, ""), FaultKind::ResetBefore] {
        sandbox.clear_faults();
        sandbox.fault(Fault::new(EVENTS, fault.clone()));
        let audited = client.application_tokens().audit(&AuditOptions::new()).unwrap();
        assert_eq!(audited.len(), 1, "{fault:?}");
        let kinds: Vec<_> = client.take_events().iter().map(emnify_core::Event::kind).collect();
        assert!(kinds.contains(&EventKind::AuditIncomplete), "{fault:?}: {kinds:?}");
        assert!(client.application_tokens().failures(A_DAY).is_err(), "{fault:?}");
    }
}

#[test]
fn of_very_many_failures_some_are_read_and_the_rest_is_reported() {
    let sandbox = sandbox();
    sandbox.settings(|settings| {
        settings.maximum_per_page = 1;
        settings.limits = false;
    });
    for _ in 0..21 {
        refused(&sandbox, "again", revoked());
    }
    // So that only the events have many pages.
    sandbox.settings(|settings| settings.application_tokens_paged = false);
    let client = client(&sandbox);
    let tokens = client.application_tokens();
    let check_report = |calls| {
        assert_eq!(sandbox.calls("GET", EVENTS), calls);
        let events = client.take_events();
        let event = events.iter().find(|event| event.kind() == EventKind::AuditIncomplete).unwrap();
        assert!(event.to_string().contains("more than the 20 that were read"), "{event}");
    };
    assert_eq!(tokens.failures(A_DAY).unwrap().len(), 20);
    check_report(20);
    let audited = tokens.audit(&AuditOptions::new()).unwrap();
    assert!(audited.iter().any(|row| row.findings.contains(&Finding::RefusedLately)));
    check_report(40);
}

#[test]
fn an_audit_judges_expiry_by_emnifys_clock() {
    let sandbox = sandbox();
    sandbox.set_clock(1_830_297_600); // 2028-01-01
    let new = NewToken { expiry_date: Some("2027-12-31".to_owned()), ..NewToken::default() };
    let (id, _) = sandbox.add_application_token(new);
    let behind = UNIX_EPOCH + Duration::from_secs(1_830_297_600) - 400 * A_DAY;
    let client = builder(&sandbox).clock(Arc::new(ManualClock::new(behind))).build().unwrap();
    let audited = client.application_tokens().audit(&AuditOptions::new()).unwrap();
    let row = audited.iter().find(|row| row.token.id() == id).unwrap();
    assert!(row.findings.contains(&Finding::Expired), "{:?}", row.findings);
}

#[test]
fn creating_a_token_without_limits_is_reported() {
    use EventKind::{CreatedWithoutAddressRestriction, CreatedWithoutExpiry};
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    let new = NewApplicationToken::new();
    for (new, expected) in [
        (new.clone(), vec![CreatedWithoutExpiry, CreatedWithoutAddressRestriction]),
        (new.clone().expires_in(A_DAY), vec![CreatedWithoutAddressRestriction]),
        (new.clone().ip("192.0.2.7"), vec![CreatedWithoutExpiry]),
        (new.ip("192.0.2.7").expiry_date("2999-01-01"), vec![]),
    ] {
        let _ = client.take_events();
        let _ = client.application_tokens().create(&new).unwrap();
        let events = client.take_events();
        assert!(events.iter().all(|event| event.level() == Level::Warning));
        let kinds: Vec<_> = events.iter().map(emnify_core::Event::kind).collect();
        assert_eq!(kinds, expected);
    }
}
