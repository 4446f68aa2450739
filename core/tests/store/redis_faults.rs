//! A real Redis server that fails: a session continues in memory and reports it, and no call takes
//! longer than its timeout.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::Store;
use emnify_sandbox::{Fault, FaultKind, Sandbox};

use super::watched;
use crate::common::redis_server::Server;
use crate::common::{AUTHENTICATE, builder, clock, eventually, sandbox, sign_ins};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The lifetime of an auth token where a test needs the next sign-in soon.
const LIFETIME: Duration = Duration::from_secs(5);

/// How much later than its timeout a call may return on a busy machine.
const SLACK: Duration = Duration::from_millis(500);

fn store(redis: &Server) -> Store {
    Store::redis(&redis.url).unwrap()
}

/// Signs in with this server, and returns the one problem that was reported.
fn report_of(sandbox: &Sandbox, redis: &Server) -> String {
    let (client, reports) = watched(builder(sandbox).store(store(redis)));
    client.authenticate().unwrap();
    let reports = reports.lock().unwrap();
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports[0].clone()
}

#[test]
fn a_server_that_was_killed_is_reported_once_and_used_again_after_its_restart() {
    let (sandbox, mut redis, clock) = (sandbox(), Server::start(), clock());
    sandbox.settings(|settings| settings.auth_token_lifetime = LIFETIME.as_secs() as i64);
    let (client, reports) = watched(builder(&sandbox).store(store(&redis)).clock(clock.clone()));
    client.authenticate().unwrap();
    redis.kill();
    // The second sign-in is during the skip, which lasts for at least 5 s.
    for _ in 0..2 {
        clock.advance(LIFETIME);
        client.authenticate().unwrap();
    }
    let first = reports.lock().unwrap().clone();
    assert!(first.len() == 1 && first[0].contains("the server is not used for "), "{first:?}");

    redis.restart();
    clock.advance(DAY);
    client.authenticate().unwrap();
    let before = sign_ins(&sandbox);
    let (other, others) = watched(builder(&sandbox).store(store(&redis)).clock(clock));
    other.authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), before, "the second client adopts the session");
    assert_eq!((reports.lock().unwrap().len(), others.lock().unwrap().len()), (1, 0));
}

#[test]
fn with_a_suspended_server_a_sign_in_works_and_no_call_exceeds_its_timeout() {
    for timeout in [Duration::from_millis(100), Duration::from_secs(5)] {
        let (sandbox, redis) = (sandbox(), Server::start());
        let (client, reports) = watched(builder(&sandbox).store(store(&redis)).timeout(timeout));
        redis.suspend();
        let started = Instant::now();
        let result = client.authenticate();
        assert!(started.elapsed() < timeout + SLACK, "{:?}", started.elapsed());
        if timeout > Duration::from_secs(1) {
            result.unwrap();
            assert_eq!(reports.lock().unwrap().len(), 1);
        }
    }
}

#[test]
fn a_server_that_is_suspended_during_a_sign_in_delays_it_by_no_more_than_the_timeout() {
    let (sandbox, redis) = (sandbox(), Server::start());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_000 }));
    let timeout = Duration::from_millis(1_500);
    let (client, reports) = watched(builder(&sandbox).store(store(&redis)).timeout(timeout));
    thread::scope(|scope| {
        let started = Instant::now();
        let caller = scope.spawn(|| client.authenticate());
        eventually("the call", || sign_ins(&sandbox) > 0);
        redis.suspend();
        let result = caller.join().unwrap();
        assert!(started.elapsed() < timeout + SLACK, "{:?}", started.elapsed());
        // On a very busy machine, the call may have had no time left.
        if result.is_ok() {
            assert_eq!(reports.lock().unwrap().len(), 1);
        }
    });
}

#[test]
fn a_full_server_is_reported() {
    let (sandbox, redis) = (sandbox(), Server::start());
    let () = redis.query("CONFIG", &["SET", "maxmemory", "1"]);
    let report = report_of(&sandbox, &redis);
    assert!(report.contains("OOM"), "{report}");
}

#[test]
fn a_server_that_becomes_full_during_a_sign_in_is_reported() {
    let (sandbox, redis) = (sandbox(), Server::start());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 500 }));
    thread::scope(|scope| {
        let report = scope.spawn(|| report_of(&sandbox, &redis));
        eventually("the call", || sign_ins(&sandbox) > 0);
        let () = redis.query("CONFIG", &["SET", "maxmemory", "1"]);
        let report = report.join().unwrap();
        assert!(report.contains("OOM"), "{report}");
    });
    assert_eq!(redis.keys(), [""; 0], "the lock is freed, too");
}

#[test]
fn a_read_only_replica_is_reported() {
    let (sandbox, primary) = (sandbox(), Server::start());
    let of = ["--replicaof", "127.0.0.1", primary.port()];
    let replica = Server::start_with(&of);
    let report = report_of(&sandbox, &replica);
    assert!(report.contains("READONLY"), "{report}");
    // As in a fail-over.
    let () = replica.query("REPLICAOF", &["NO", "ONE"]);
    let (client, reports) = watched(builder(&sandbox).store(store(&replica)));
    client.authenticate().unwrap();
    assert_eq!(*reports.lock().unwrap(), [""; 0]);
}

#[test]
fn a_server_under_load_is_used() {
    let (sandbox, redis) = (sandbox(), Server::start());
    let mut load = Command::new("redis-benchmark")
        .args(["-p", redis.port(), "-c", "50", "-n", "100000000", "-d", "1000", "-t", "set,get"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let sign_in = || {
        let (client, reports) = watched(builder(&sandbox).store(store(&redis)));
        client.authenticate().unwrap();
        assert_eq!(*reports.lock().unwrap(), [""; 0]);
    };
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(sign_in);
        }
    });
    load.kill().unwrap();
    load.wait().unwrap();
    assert_eq!(sign_ins(&sandbox), 1);
}
