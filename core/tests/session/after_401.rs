//! A 401 leads to few sign-ins, and delays no other call.

use std::thread;
use std::time::Duration;

use emnify_core::{ErrorKind, Method, Store};
use emnify_sandbox::{Fault, FaultKind};

use crate::common::{AUTHENTICATE, Scratch, builder, client, clock, eventually, sandbox, sign_ins};

#[test]
fn a_path_that_always_returns_401_costs_one_sign_in_per_five_minutes_and_delays_no_call() {
    let (sandbox, clock, scratch) = (sandbox(), clock(), Scratch::new("always-401"));
    let client = || {
        let client = builder(&sandbox).clock(clock.clone()).store(Store::directory(&scratch.0));
        client.build().unwrap()
    };
    let (one, other) = (client(), client());
    other.authenticate().unwrap();
    sandbox.fault(Fault::new("/api/v1/sim", FaultKind::status(401, "")));
    let bad = || one.request(Method::Get, "/api/v1/sim").send().unwrap_err();
    assert_eq!(bad().http_status(), Some(401));
    assert_eq!(sign_ins(&sandbox), 2);

    // Three threads call for an hour. Sign-ins are due at 60, 180, 420 s, and then every 300 s.
    for _ in 0..120 {
        clock.advance(Duration::from_secs(30));
        sandbox.move_clock(Duration::from_secs(30));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert_eq!(bad().http_status(), Some(401)));
            }
        });
        let path = "/api/v1/endpoint";
        for client in [&one, &other] {
            client.request(Method::Get, path).send().unwrap();
            assert!(client.cached_auth_token().is_some());
        }
    }
    let made = sign_ins(&sandbox) - 2;
    assert!((10..=14).contains(&made), "{made} sign-ins in an hour");
    let error = bad();
    assert!(error.to_string().contains("after a 401 is possible in"), "{error}");
}

#[test]
fn other_calls_use_the_cached_token_while_one_signs_in_after_a_401() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).timeout(Duration::from_secs(3));
    let client = client.build().unwrap();
    let token = client.authenticate().unwrap();
    sandbox.fault(Fault::new("/api/v1/sim", FaultKind::status(401, "")));
    // The sign-in takes longer than the timeout, so it fails.
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 20_000 }));
    thread::scope(|scope| {
        let bad = scope.spawn(|| client.request(Method::Get, "/api/v1/sim").send().unwrap_err());
        eventually("the call", || sandbox.calls("GET", "/api/v1/sim") == 1);
        while !bad.is_finished() {
            // Without waiting for the sign-in.
            let cached = client.cached_auth_token().unwrap();
            assert_eq!(cached.reveal(), token.reveal());
            assert_eq!(client.authenticate().unwrap().reveal(), token.reveal());
            thread::sleep(Duration::from_millis(1));
        }
        let error = bad.join().unwrap();
        assert_eq!(error.http_status(), Some(401), "{error}");
    });
    assert!(client.status().signed_in);
}

#[test]
fn a_revoked_auth_token_is_replaced_by_one_sign_in_and_each_call_is_replayed_once() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    sandbox.revoke_auth_tokens();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| client.request(Method::Get, "/api/v1/sim").send().unwrap());
        }
    });
    assert_eq!(sign_ins(&sandbox), 2);
    assert_eq!(sandbox.calls_with_status("GET", "/api/v1/sim", 200), 6);
    assert!(sandbox.calls("GET", "/api/v1/sim") <= 12);
}

#[test]
fn a_revoked_auth_token_that_the_program_reports_is_replaced_by_one_sign_in() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    sandbox.revoke_auth_tokens();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                client.invalidate(&first);
                let second = client.authenticate().unwrap();
                assert_ne!(second.reveal(), first.reveal());
            });
        }
    });
    assert_eq!(sign_ins(&sandbox), 2);

    // The program reports each 401 of a path that always returns it.
    sandbox.reset_counters();
    for _ in 0..120 {
        client.invalidate(&client.authenticate().unwrap());
        client.authenticate().unwrap();
        clock.advance(Duration::from_secs(30));
    }
    assert!((10..=14).contains(&sign_ins(&sandbox)), "{}", sign_ins(&sandbox));
}

#[test]
fn a_replacement_for_a_401_is_a_sign_in_whether_or_not_the_replay_is_reported() {
    for (reported, wait) in [(None, 60), (Some(true), 60), (Some(false), 10)] {
        let (sandbox, clock) = (sandbox(), clock());
        let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
        let first = client.authenticate().unwrap();
        let second = client.replacement_of(&first).unwrap().unwrap();
        assert_ne!(second.auth_token().reveal(), first.reveal());
        // A call that was under way with the old token needs no sign-in.
        let same = client.replacement_of(&first).unwrap().unwrap();
        assert_eq!(same.auth_token().reveal(), second.auth_token().reveal());
        // A call that gets a 401 for the new token gets no replacement before the replay has ended.
        assert!(client.replacement_of(second.auth_token()).unwrap().is_none());
        if let Some(is_401) = reported {
            second.replayed(is_401);
        }
        clock.advance(Duration::from_secs(wait - 1));
        assert!(client.replacement_of(second.auth_token()).unwrap().is_none(), "{reported:?}");
        assert_eq!(sign_ins(&sandbox), 2, "{reported:?}");
        clock.advance(Duration::from_secs(1));
        assert!(client.replacement_of(second.auth_token()).unwrap().is_some(), "{reported:?}");
        assert_eq!(sign_ins(&sandbox), 3, "{reported:?}");
    }
}

#[test]
fn a_reported_token_is_handed_out_again_if_the_sign_in_fails() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(503, "")));
    client.invalidate(&first);
    for _ in 0..10 {
        assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    }
    assert_eq!(sign_ins(&sandbox), 2);
}

#[test]
fn an_auth_token_can_be_invalidated_by_its_text() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let first = client.authenticate().unwrap();
    client.invalidate_text("Bearer another");
    assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    client.invalidate_text(&format!("bearer {}", first.reveal()));
    assert_ne!(client.authenticate().unwrap().reveal(), first.reveal());
}

#[test]
fn a_replay_without_a_response_does_not_show_that_signing_in_helped() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    let path = "/api/v1/endpoint";
    let call = || client.request(Method::Post, path).send().unwrap_err();
    sandbox.fault(Fault::once(path, FaultKind::status(401, "")));
    sandbox.fault(Fault::once(path, FaultKind::ResetBefore));
    assert_eq!(call().kind(), ErrorKind::Network);
    assert_eq!(sign_ins(&sandbox), 2);
    clock.advance(Duration::from_secs(30));
    sandbox.fault(Fault::new(path, FaultKind::status(401, "")));
    assert_eq!(call().http_status(), Some(401));
    assert_eq!(sign_ins(&sandbox), 2);
}
