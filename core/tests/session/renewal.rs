//! An auth token is renewed in time, with few calls.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use emnify_core::Clock;
use emnify_sandbox::{Fault, FaultKind};

use super::MINUTE;
use crate::common::{AUTHENTICATE, builder, clock, eventually, sandbox, sign_ins};

#[test]
fn a_token_that_is_due_is_renewed_in_the_background_while_calls_get_the_old_one() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_000 }));

    clock.advance(119 * MINUTE);
    client.authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 1, "before half of its lifetime nothing is due");

    clock.advance(74 * MINUTE); // beyond 75 % of 240 minutes
    let started = Instant::now();
    for _ in 0..100 {
        assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    }
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    eventually("the renewal", || client.authenticate().unwrap().reveal() != first.reveal());
    assert_eq!(sign_ins(&sandbox), 2);
}

#[test]
fn in_the_last_minute_callers_wait_for_a_new_token_and_get_the_old_one_if_that_fails() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    clock.advance(240 * MINUTE - Duration::from_secs(30));
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::status(500, "")));
    assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    clock.advance(Duration::from_secs(10));
    assert_ne!(client.authenticate().unwrap().reveal(), first.reveal());
    assert_eq!(sign_ins(&sandbox), 3);
}

#[test]
fn changing_the_wall_clock_by_ten_years_has_no_effect() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    let ten_years = Duration::from_secs(10 * 365 * 86_400);
    for wall in [SystemTime::now() + ten_years, SystemTime::now() - ten_years] {
        clock.set_wall(wall);
        assert_eq!(client.authenticate().unwrap().reveal(), first.reveal());
    }
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn an_outage_of_48_minutes_causes_no_error_and_few_calls() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    clock.advance(192 * MINUTE); // beyond the last point at which a renewal begins
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
    let made = sign_ins(&sandbox);
    // Waits of 5 s, doubling to 300 s, each shortened by up to a half at random.
    assert!((2..=24).contains(&made), "{made} calls");
}

#[test]
fn after_a_refused_renewal_the_valid_token_is_still_used() {
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
fn tokens_with_a_lifetime_of_one_second_cost_a_sign_in_every_five_seconds() {
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
    let made = sign_ins(&sandbox);
    assert!((115..=121).contains(&made), "{made} sign-ins in ten minutes");
}
