//! A machine that is signed in stays signed in, with as few calls as can be, whatever happens.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use common::{AUTHENTICATE, builder, builder_without_token, client, clock, eventually, sandbox};
use emnify_core::{Client, Clock, ErrorKind, EventKind, Method, Store};
use emnify_sandbox::{Fault, FaultKind, RetryAfter, Sandbox};

const MINUTE: Duration = Duration::from_secs(60);

fn calls(sandbox: &Sandbox) -> u64 {
    sandbox.calls("POST", AUTHENTICATE)
}

#[test]
fn a_token_that_is_due_is_renewed_in_the_background_and_nobody_waits() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_000 }));

    clock.advance(119 * MINUTE);
    client.authenticate().unwrap();
    assert_eq!(calls(&sandbox), 1, "before half of its lifetime nothing is due");

    clock.advance(74 * MINUTE); // beyond 80 % of 240 minutes
    let started = Instant::now();
    for _ in 0..100 {
        assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    }
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    eventually("the renewal", || client.authenticate().unwrap().reveal() != first.reveal());
    assert_eq!(calls(&sandbox), 2);
}

#[test]
fn in_the_last_minute_callers_wait_for_another_and_get_the_old_one_if_there_is_none() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    clock.advance(240 * MINUTE - Duration::from_secs(30));
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(500, "")));
    assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    clock.advance(Duration::from_secs(10));
    assert_ne!(client.authenticate().unwrap().reveal(), first.reveal());
    assert_eq!(calls(&sandbox), 3);
}

#[test]
fn setting_the_wall_clock_by_ten_years_changes_nothing() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    let ten_years = Duration::from_secs(10 * 365 * 86_400);
    for wall in [SystemTime::now() + ten_years, SystemTime::now() - ten_years] {
        clock.set_wall(wall);
        assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    }
    assert_eq!(calls(&sandbox), 1);
}

#[test]
fn in_an_outage_of_48_minutes_no_caller_sees_an_error_and_few_calls_are_made() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    clock.advance(192 * MINUTE); // the last point at which a renewal can begin
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(503, "")));
    sandbox.reset_counters();

    let (over, failed) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if client.authenticate().is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        for _ in 0..(48 * 60 - 30) {
            clock.advance(Duration::from_secs(1));
            thread::sleep(Duration::from_micros(700));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(failed.load(Ordering::Relaxed), 0);
    let made = calls(&sandbox);
    // 5 s, doubling to 300 s, each of them halved by chance at most.
    assert!((2..=24).contains(&made), "{made} calls");
}

#[test]
fn what_passes_by_itself_is_tried_three_times_within_the_timeout() {
    let sandbox = sandbox();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(503, "")).times(2));
    client(&sandbox).authenticate().unwrap();
    assert_eq!(calls(&sandbox), 3);

    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::ResetBefore));
    let error = client(&sandbox).authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(calls(&sandbox), 6);
}

#[test]
fn after_a_429_nobody_calls_until_the_time_is_over() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| {
        settings.authenticate_limit = 0;
        settings.retry_after = RetryAfter::Seconds;
    });
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    for _ in 0..10 {
        let error = client.authenticate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    }
    assert_eq!(calls(&sandbox), 1);
    clock.advance(Duration::from_secs(362)); // five minutes and at most a fifth
    sandbox.settings(|settings| settings.authenticate_limit = 100);
    client.authenticate().unwrap();
    assert_eq!(calls(&sandbox), 2);
}

#[test]
fn a_refused_token_is_not_sent_again_until_its_time_is_over() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).application_token("never-known").clock(clock.clone());
    let client = client.build().unwrap();
    for _ in 0..10 {
        assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(calls(&sandbox), 1);
    clock.advance(Duration::from_secs(61));
    client.authenticate().unwrap_err();
    assert_eq!(calls(&sandbox), 2);
    clock.advance(Duration::from_secs(61));
    client.authenticate().unwrap_err();
    assert_eq!(calls(&sandbox), 2, "the second time it is longer");
}

#[test]
fn a_rotated_credential_file_is_picked_up_without_a_restart() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = common::Scratch::new("rotated");
    let file = scratch.0.join("token");
    let (id, old) = sandbox.add_application_token(Default::default());
    std::fs::write(&file, &old).unwrap();
    let client = builder_without_token(&sandbox).application_token_file(&file);
    let client = client.clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();

    // The old one is revoked; its live auth token goes on being served.
    common::client(&sandbox).application_tokens().revoke(id).unwrap();
    clock.advance(200 * MINUTE);
    client.authenticate().unwrap();
    eventually("the refusal", || client.status().last_error.is_some());
    client.authenticate().unwrap();

    std::fs::write(&file, sandbox.application_token()).unwrap();
    client.authenticate().unwrap();
    eventually("the renewal", || client.status().last_error.is_none());
}

#[test]
fn a_renewal_that_is_refused_leaves_the_live_token_in_use() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(401, "")));
    clock.advance(193 * MINUTE);
    client.authenticate().unwrap();
    eventually("the refusal", || client.status().last_error.is_some());
    assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
}

#[test]
fn one_path_that_always_answers_401_costs_a_sign_in_per_five_minutes_and_delays_no_call() {
    let (sandbox, clock, scratch) = (sandbox(), clock(), common::Scratch::new("always-401"));
    let client = || {
        let client = builder(&sandbox).clock(clock.clone()).store(Store::directory(&scratch.0));
        client.build().unwrap()
    };
    let (one, other) = (client(), client());
    other.authenticate().unwrap();
    sandbox.fault(Fault::new("/api/v1/sim", FaultKind::status(401, "")));
    let bad = || one.request(Method::Get, "/api/v1/sim").send().unwrap_err();
    assert_eq!(bad().http_status(), Some(401));
    assert_eq!(calls(&sandbox), 2);

    // Calls of many threads, for an hour: at 60, 180, 420 s, and then every 300 s.
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
    let made = calls(&sandbox) - 2;
    assert!((10..=14).contains(&made), "{made} sign-ins in an hour");
    let error = bad();
    assert!(error.to_string().contains("after a 401 is possible in"), "{error}");
}

#[test]
fn other_calls_go_on_with_the_cached_token_while_one_signs_in_after_a_401() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).timeout(Duration::from_secs(3));
    let client = client.build().unwrap();
    let token = client.authenticate().unwrap();
    sandbox.fault(Fault::new("/api/v1/sim", FaultKind::status(401, "")));
    // The sign-in outlasts the timeout, and so fails.
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
fn a_revoked_auth_token_is_healed_by_one_sign_in_and_one_replay_of_each_call() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    client.authenticate().unwrap();
    sandbox.revoke_auth_tokens();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| client.request(Method::Get, "/api/v1/sim").send().unwrap());
        }
    });
    assert_eq!(calls(&sandbox), 2);
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
    assert_eq!(calls(&sandbox), 2);

    // What a program does that reports each 401 of a path which always answers so.
    sandbox.reset_counters();
    for _ in 0..120 {
        client.invalidate(&client.authenticate().unwrap());
        client.authenticate().unwrap();
        clock.advance(Duration::from_secs(30));
    }
    assert!((10..=14).contains(&calls(&sandbox)), "{}", calls(&sandbox));
}

#[test]
fn a_replacement_for_a_401_is_a_sign_in_whether_or_not_the_replay_is_reported() {
    for (reported, wait) in [(None, 60), (Some(true), 60), (Some(false), 10)] {
        let (sandbox, clock) = (sandbox(), clock());
        let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
        let first = client.authenticate().unwrap();
        let second = client.replacement_of(&first).unwrap();
        assert_ne!(second.auth_token().reveal(), first.reveal());
        // A call that was under way with the old token needs no sign-in.
        let same = client.replacement_of(&first).unwrap();
        assert_eq!(same.auth_token().reveal(), second.auth_token().reveal());
        // Nor does one get one that the new token is refused to, before the replay has ended.
        assert!(client.replacement_of(second.auth_token()).is_none());
        if let Some(is_401) = reported {
            second.replayed(is_401);
        }
        clock.advance(Duration::from_secs(wait - 1));
        assert!(client.replacement_of(second.auth_token()).is_none(), "{reported:?}");
        assert_eq!(calls(&sandbox), 2, "{reported:?}");
        clock.advance(Duration::from_secs(1));
        assert!(client.replacement_of(second.auth_token()).is_some(), "{reported:?}");
        assert_eq!(calls(&sandbox), 3, "{reported:?}");
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
    assert_eq!(calls(&sandbox), 2);
}

#[test]
fn tokens_that_live_for_a_second_cost_a_sign_in_every_five_seconds() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| {
        settings.auth_token_lifetime = 1;
        settings.limits = false;
    });
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let started = clock.steady();
    while clock.steady() - started < 10 * MINUTE {
        client.authenticate().unwrap();
        clock.advance(Duration::from_millis(100));
    }
    let made = calls(&sandbox);
    assert!((2..=121).contains(&made), "{made} sign-ins in ten minutes");
}

#[test]
fn retry_now_ends_the_waits_that_faults_have_caused_and_no_others() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(503, "")));
    for _ in 0..5 {
        client.authenticate().unwrap_err();
    }
    assert!(client.status().next_attempt.is_some());
    sandbox.clear_faults();
    client.retry_now();
    assert!(client.status().next_attempt.is_none());
    let before = clock.steady();
    client.authenticate().unwrap();
    assert_eq!(clock.steady(), before, "without a wait");

    for status in [401, 429] {
        let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
        sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(status, "")));
        let error = client.authenticate().unwrap_err();
        client.retry_now();
        sandbox.reset_counters();
        assert_eq!(client.authenticate().unwrap_err().kind(), error.kind());
        assert_eq!(calls(&sandbox), 0);
        sandbox.clear_faults();
    }
}

#[test]
fn a_restart_keeps_what_emnify_said_and_no_fault() {
    let (sandbox, clock, scratch) = (sandbox(), clock(), common::Scratch::new("restart"));
    for (status, kept) in [(503, false), (401, true), (429, true)] {
        let store = scratch.0.join(status.to_string());
        let start = || {
            let client = builder(&sandbox).clock(clock.clone()).store(Store::directory(&store));
            client.timeout(Duration::from_secs(1)).build().unwrap()
        };
        sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(status, "")));
        start().authenticate().unwrap_err();
        sandbox.clear_faults();
        assert_eq!(start().authenticate().is_err(), kept, "{status}");
    }
}

#[test]
fn status_and_events_tell_what_happened_without_a_secret() {
    let (sandbox, clock) = (sandbox(), clock());
    let (events, main) = (Arc::new(Mutex::new(Vec::new())), thread::current().id());
    let seen = Arc::clone(&events);
    let client = builder(&sandbox)
        .clock(clock.clone())
        .observer(move |event| {
            assert_eq!(thread::current().id(), main, "only on the caller's thread");
            seen.lock().unwrap().push(event.clone());
        })
        .build()
        .unwrap();

    let status = client.status();
    assert!(!status.signed_in && status.last_change.is_none() && status.calls_made == 0);

    client.authenticate().unwrap();
    client.authenticate().unwrap();
    let status = client.status();
    assert!(status.signed_in && status.last_error.is_none());
    assert_eq!((status.calls_made, status.calls_saved), (1, 1));
    let left = status.valid_until.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(left > 239 * MINUTE, "{left:?}");

    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::EchoSecrets { status: 422 }));
    clock.advance(200 * MINUTE);
    client.authenticate().unwrap();
    eventually("the failure", || client.status().last_error.is_some());
    eventually("its event", || {
        client.status();
        events.lock().unwrap().len() > 1
    });
    let events = events.lock().unwrap();
    assert!(events[0].kind() == EventKind::Authenticated, "{events:?}");
    assert!(events[1].kind() == EventKind::RefreshFailed, "{events:?}");
    let shown = format!("{:?} {:?} {}", client.status(), events, events[1]);
    assert!(!shown.contains(&sandbox.application_token()), "{shown}");
}

#[test]
fn an_observer_may_call_the_client() {
    let sandbox = sandbox();
    let slot: Arc<Mutex<Option<Client>>> = Arc::default();
    let inner = Arc::clone(&slot);
    let client = builder(&sandbox)
        .observer(move |_| {
            let client = inner.lock().unwrap().clone().unwrap();
            assert!(client.status().signed_in);
            client.authenticate().unwrap();
        })
        .build()
        .unwrap();
    *slot.lock().unwrap() = Some(client.clone());
    client.authenticate().unwrap();
    slot.lock().unwrap().take();
}

#[test]
fn an_application_token_that_expires_soon_is_announced_once_a_day() {
    use base64::Engine;
    let (sandbox, clock) = (sandbox(), clock());
    let expiry = sandbox.now() + 10 * 86_400;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(format!(r#"{{"iat":1,"exp":{expiry}}}"#));
    let value = format!("eyJhbGciOiJIUzM4NCJ9.{claims}.c2ln");
    sandbox.add_application_token(emnify_sandbox::NewToken {
        value: Some(value.clone()),
        ..Default::default()
    });
    let warnings = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&warnings);
    let client = builder_without_token(&sandbox)
        .application_token(value)
        .clock(clock.clone())
        .observer(move |event| {
            if event.kind() == EventKind::ApplicationTokenExpires {
                assert!(event.expires_at().is_some());
                seen.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
        .unwrap();
    for (hours, told) in [(0, 1), (0, 1), (25, 2)] {
        sandbox.move_clock(Duration::from_secs(hours * 3_600));
        clock.advance(300 * MINUTE);
        client.authenticate().unwrap();
        assert_eq!(warnings.load(Ordering::Relaxed), told);
    }
}

#[test]
fn an_auth_token_can_be_invalidated_by_its_text() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let first = client.authenticate().unwrap();
    client.invalidate_text("Bearer another");
    assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    client.invalidate_text(&format!("Bearer {}", first.reveal()));
    assert_ne!(client.authenticate().unwrap().reveal(), first.reveal());
}

#[test]
fn a_network_that_is_not_there_yet_costs_no_attempts_once_it_is() {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.fault(Fault::new("", FaultKind::Refuse { milliseconds: None }));
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    for _ in 0..20 {
        client.authenticate().unwrap_err();
        clock.advance(MINUTE);
    }
    sandbox.clear_faults();
    clock.advance(5 * MINUTE);
    client.authenticate().unwrap();
}

#[test]
fn a_refused_credential_keeps_nobody_waiting_however_long_the_timeout() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).application_token("never-known").clock(clock.clone());
    let client = client.timeout(10 * MINUTE).build().unwrap();
    for _ in 0..5 {
        assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(calls(&sandbox), 1);
}

#[test]
fn a_credential_file_that_vanished_starts_no_storm_of_refreshes() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = common::Scratch::new("vanished");
    let file = scratch.0.join("token");
    std::fs::write(&file, sandbox.application_token()).unwrap();
    let client = builder_without_token(&sandbox).application_token_file(&file);
    let client = client.clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(401, "")));
    clock.advance(200 * MINUTE);
    client.authenticate().unwrap();
    eventually("the refusal", || client.status().last_error.is_some());
    std::fs::remove_file(&file).unwrap();
    for _ in 0..200 {
        client.authenticate().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    assert!(calls(&sandbox) <= 3, "{}", calls(&sandbox));
}

#[test]
fn a_wait_of_nothing_after_a_429_is_none() {
    let sandbox = sandbox();
    let headers = [("Retry-After".to_owned(), "0".to_owned())].into();
    let kind = FaultKind::Status {
        status: 429,
        body: String::new(),
        content_type: "text/plain".to_owned(),
        headers,
    };
    sandbox.fault(Fault::new(AUTHENTICATE, kind));
    let client = client(&sandbox);
    for _ in 0..10 {
        client.authenticate().unwrap_err();
    }
    let seconds = sandbox.requests().len();
    assert!(seconds <= 12, "{seconds}");
}
