//! `check` finds what does not work, names the part, and says what to do.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use emnify_core::{
    Check, CheckOptions, CheckSubject, Client, ErrorKind, ManualClock, Store, Verdict,
};
use emnify_sandbox::{Fault, FaultKind};

use crate::common::{
    AUTHENTICATE, Scratch, TOKENS, all_calls, builder, builder_without_token, client, clock,
    sandbox, sign_ins,
};

fn checks(client: &Client) -> Vec<Check> {
    client.check(CheckOptions::new()).unwrap()
}

/// Returns the check of that subject, whose verdict must be this one.
#[track_caller]
fn one(checks: &[Check], subject: CheckSubject, verdict: Verdict) -> &Check {
    let check = checks.iter().find(|check| check.subject == subject).unwrap();
    assert_eq!(check.verdict, verdict, "{check}");
    check
}

#[track_caller]
fn says(check: &Check, text: &str) {
    assert!(check.to_string().contains(text), "{check} without {text}");
}

#[test]
fn a_machine_in_order_has_no_warning_and_signs_in_once() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let first = checks(&client);
    assert_eq!(first.iter().map(|check| check.verdict).max(), Some(Verdict::Ok), "{first:?}");
    assert!(first.is_sorted_by_key(|check| check.subject), "{first:?}");
    assert_eq!(first.len(), 10);
    // Without credentials, to sign in, and the list.
    assert_eq!(all_calls(&sandbox), 3);
    let again = checks(&client);
    says(one(&again, CheckSubject::Credential, Verdict::Ok), "already signed in");
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn what_needs_a_part_that_failed_is_skipped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = listener.local_addr().unwrap();
    drop(listener);
    let at = |url: &str| Client::builder().application_token("any").base_url(url).clock(clock());
    let refused = checks(&at(&format!("https://{peer}")).build().unwrap());
    let connection = one(&refused, CheckSubject::Connection, Verdict::Failed);
    says(connection, &format!("connecting to {peer} failed: Connection refused"));
    assert_eq!(connection.advice.as_deref(), Some("check the network and any proxy"));
    for subject in [
        CheckSubject::Clock,
        CheckSubject::Tls,
        CheckSubject::Credential,
        CheckSubject::Address,
        CheckSubject::Rights,
    ] {
        one(&refused, subject, Verdict::Skipped);
    }
    one(&refused, CheckSubject::Store, Verdict::Ok);

    let unknown = at("https://no-such-host.invalid").timeout(Duration::from_secs(2));
    let unknown = checks(&unknown.build().unwrap());
    says(one(&unknown, CheckSubject::Dns, Verdict::Failed), "check the network, its DNS server");
    says(one(&unknown, CheckSubject::Connection, Verdict::Skipped), "the check \"dns\" failed");

    let proxied = at("https://cdn.example").proxy(format!("http://user:canary@{peer}"));
    let proxied = checks(&proxied.build().unwrap());
    says(one(&proxied, CheckSubject::Proxy, Verdict::Failed), &peer.to_string());
    assert!(!format!("{proxied:?}").contains("canary"), "{proxied:?}");
}

#[test]
fn a_response_that_is_not_emnifys_is_a_fault_of_the_connection() {
    let sandbox = sandbox();
    for (status, verdict) in
        [(503, Verdict::Warning), (429, Verdict::Warning), (404, Verdict::Failed)]
    {
        sandbox.fault(Fault::once(TOKENS, FaultKind::status(status, "{}")));
        let checks = checks(&client(&sandbox));
        let connection = one(&checks, CheckSubject::Connection, verdict);
        says(connection, &format!("HTTP {status}"));
        assert!(connection.advice.is_some(), "{connection}");
    }
}

#[test]
fn a_clock_that_differs_from_emnifys_is_found() {
    let sandbox = sandbox();
    let at = |wall| {
        let client = builder(&sandbox).clock(Arc::new(ManualClock::new(wall))).build().unwrap();
        checks(&client)
    };
    let behind = at(SystemTime::now() - Duration::from_secs(90));
    says(one(&behind, CheckSubject::Clock, Verdict::Warning), "set the clock");
    let unset = at(SystemTime::UNIX_EPOCH);
    says(one(&unset, CheckSubject::Clock, Verdict::Failed), "it shows 1970-01-01 00:00:00 UTC");
    // The session does not depend on it.
    one(&unset, CheckSubject::Credential, Verdict::Ok);
}

#[test]
fn all_checks_together_take_at_most_the_timeout() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("check-timeout"));
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 60_000 }));
    let client = builder(&sandbox).timeout(Duration::from_millis(500));
    let client = client.store(Store::directory(&scratch.0)).build().unwrap();
    let started = Instant::now();
    let checks = client.check(CheckOptions::new().rights(true)).unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    // On a slow machine, the time is up before the sign-in.
    let failed = checks.iter().find(|check| check.verdict == Verdict::Failed).unwrap();
    says(failed, "timed out");
    one(&checks, CheckSubject::Rights, Verdict::Skipped);
    let store = checks.last().unwrap();
    assert!(store.verdict >= Verdict::Ok && store.verdict < Verdict::Failed, "{store}");
}

#[test]
fn a_cancelled_check_is_an_error() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.cancel();
    let error = client.check(CheckOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn the_right_to_revoke_is_checked_only_if_asked_for_and_changes_nothing() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    one(&checks(&client), CheckSubject::Rights, Verdict::Skipped);
    assert_eq!(sandbox.calls("PATCH", TOKENS), 0);
    let before = sandbox.application_tokens();
    let with_rights = || client.check(CheckOptions::new().rights(true)).unwrap();
    one(&with_rights(), CheckSubject::Rights, Verdict::Ok);
    assert_eq!(format!("{:?}", sandbox.application_tokens()), format!("{before:?}"));
    sandbox.settings(|settings| settings.update_forbidden = true);
    says(one(&with_rights(), CheckSubject::Rights, Verdict::Failed), "an Administrator created");
}

#[test]
fn the_right_to_revoke_of_an_application_token_without_a_description_is_not_checked() {
    let sandbox = sandbox();
    for description in [None, Some(String::new())] {
        let (_, value) = sandbox.add_application_token(emnify_sandbox::NewToken {
            description,
            ..emnify_sandbox::NewToken::default()
        });
        let client = builder_without_token(&sandbox).application_token(value).build().unwrap();
        let checks = client.check(CheckOptions::new().rights(true)).unwrap();
        let rights = one(&checks, CheckSubject::Rights, Verdict::Skipped);
        says(rights, "has no description");
        assert!(rights.advice.is_some(), "{rights}");
    }
    assert!(sandbox.requests().iter().all(|sent| sent.method != "PATCH"));
}

#[test]
fn an_application_token_that_no_longer_works_is_found_while_its_auth_token_does() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let auth_token = client.authenticate().unwrap();
    sandbox.revoke_application_token(4711);
    let checks = checks(&client);
    let credential = one(&checks, CheckSubject::Credential, Verdict::Failed);
    says(credential, "the application token 4711 is revoked; the auth token works until ");
    assert!(!format!("{checks:?}").contains(auth_token.reveal()));
}

#[test]
fn an_application_token_that_expires_soon_is_a_warning() {
    let sandbox = sandbox();
    let date = emnify_sandbox::NewToken {
        expiry_date: Some(in_ten_days()),
        ..emnify_sandbox::NewToken::default()
    };
    let (id, value) = sandbox.add_application_token(date);
    let client = builder_without_token(&sandbox).application_token(value).build().unwrap();
    let checks = checks(&client);
    says(one(&checks, CheckSubject::Credential, Verdict::Warning), &format!("{id} expires on "));
}

fn in_ten_days() -> String {
    let date = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(240);
    date.strftime("%Y-%m-%d").to_string()
}

#[test]
fn the_address_that_emnify_refused_is_shown() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("check-address"));
    let (_, value) = sandbox.add_application_token(emnify_sandbox::NewToken {
        description: Some("gateway 7".into()),
        ip: Some("127.0.0.0/8".into()),
        ..emnify_sandbox::NewToken::default()
    });
    let client = || builder_without_token(&sandbox).application_token(value.as_str());
    let stored = client().store(Store::directory(&scratch.0)).build().unwrap();
    says(one(&checks(&stored), CheckSubject::Address, Verdict::Ok), "accepted this machine's");

    sandbox.settings(|settings| settings.peer_address = Some("203.0.113.7".parse().unwrap()));
    let refused = checks(&client().build().unwrap());
    one(&refused, CheckSubject::Credential, Verdict::Failed);
    says(one(&refused, CheckSubject::Address, Verdict::Skipped), "the address that emnify saw");
    // It is not the reason if emnify fails.
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(503, "{}")));
    let failed = checks(&client().build().unwrap());
    assert_eq!(one(&failed, CheckSubject::Address, Verdict::Skipped).advice, None);
    sandbox.clear_faults();

    let address = one(&checks(&stored), CheckSubject::Address, Verdict::Warning).clone();
    says(&address, "from 127.0.0.0/8; not tried now");
    says(&address, "emnify refused 203.0.113.7 at ");
}

#[test]
fn a_credential_file_that_cannot_be_read_is_named() {
    let sandbox = sandbox();
    let client = builder_without_token(&sandbox).application_token_file("/nonexistent/token");
    let checks = checks(&client.build().unwrap());
    says(one(&checks, CheckSubject::Credential, Verdict::Failed), "/nonexistent/token");
    one(&checks, CheckSubject::Tls, Verdict::Ok);
    assert_eq!(sign_ins(&sandbox), 0);
}

#[cfg(unix)]
#[test]
fn a_credential_file_that_others_can_read_or_change_comes_with_the_command_to_run() {
    use std::os::unix::fs::PermissionsExt;
    let (sandbox, scratch) = (sandbox(), Scratch::new("check-exposed"));
    let file = scratch.0.join("token");
    fs::write(&file, sandbox.application_token()).unwrap();
    let set = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let client = || builder_without_token(&sandbox).application_token_file(&file).build().unwrap();
    for (directory, mode, what) in [
        (0o755, 0o640, None),
        (0o700, 0o666, None),
        (0o755, 0o604, Some("read")),
        (0o755, 0o620, Some("change")),
        (0o755, 0o666, Some("change")),
    ] {
        set(&scratch.0, directory);
        set(&file, mode);
        let checks = checks(&client());
        let Some(what) = what else {
            one(&checks, CheckSubject::Credential, Verdict::Ok);
            continue;
        };
        let credential = one(&checks, CheckSubject::Credential, Verdict::Warning);
        says(
            credential,
            &format!("4711; other users may {what} the file (mode {mode:04o}); run: "),
        );
        let run = format!("chmod go-w,o-r '{}'", file.display());
        says(credential, &run);
    }
}

#[test]
fn the_store_is_locked_written_and_read_and_left_as_it_was() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("check-store"));
    let client = builder(&sandbox).store(Store::directory(&scratch.0)).build().unwrap();
    client.authenticate().unwrap();
    let entries = || {
        let names = fs::read_dir(&scratch.0).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let mut before = entries();
    let checks_made = checks(&client);
    let store = checks_made.iter().find(|check| check.subject == CheckSubject::Store).unwrap();
    says(store, &scratch.0.display().to_string());
    before.push("check.lock".into());
    before.sort();
    assert_eq!(entries(), before);
}

#[cfg(unix)]
#[test]
fn a_store_that_others_can_write_to_comes_with_the_command_to_run() {
    use std::os::unix::fs::PermissionsExt;
    let (sandbox, scratch) = (sandbox(), Scratch::new("check-open"));
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o777)).unwrap();
    let client = builder(&sandbox).store(Store::directory(&scratch.0)).build().unwrap();
    let checks = checks(&client);
    let store = one(&checks, CheckSubject::Store, Verdict::Failed);
    assert!(store.advice.as_deref().unwrap().starts_with("run: chmod go-w "), "{store}");
}
