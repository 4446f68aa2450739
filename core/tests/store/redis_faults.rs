//! A real Redis server that fails: a session continues in memory and reports it, and no call takes
//! longer than its timeout.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{ErrorKind, Store};
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
    let mut load = Command::new(Server::program().replace("-server", "-benchmark"))
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

/// An address that leads to one server at a time, as a name does that a fail-over moves.
fn address_of(target: &Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let target = Arc::clone(target);
    // Its threads end with the process of the test.
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let port = target.lock().unwrap().clone();
            let Ok(server) = TcpStream::connect(format!("127.0.0.1:{port}")) else { continue };
            let other_way = (server.try_clone().unwrap(), stream.try_clone().unwrap());
            for (mut from, mut to) in [(stream, server), other_way] {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    url
}

#[test]
fn no_call_fails_or_is_late_while_the_server_fails_over() {
    const TIMEOUT: Duration = Duration::from_secs(5);
    let (sandbox, mut primary) = (sandbox(), Server::start());
    sandbox.settings(|settings| settings.limits = false);
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", primary.port()]);
    let target = Arc::new(Mutex::new(primary.port().to_owned()));
    let url = address_of(&target);
    let (is_over, calls) = (AtomicBool::new(false), AtomicU32::new(0));
    // A new client for each call, so that each uses the server.
    let sign_in = || {
        let store = Store::redis(&url).unwrap();
        let (client, reports) = watched(builder(&sandbox).store(store).timeout(TIMEOUT));
        let started = Instant::now();
        client.authenticate().unwrap();
        assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
        calls.fetch_add(1, Ordering::Relaxed);
        reports.lock().unwrap().clone()
    };
    let during = |step: &str| {
        let before = calls.load(Ordering::Relaxed);
        eventually(step, || calls.load(Ordering::Relaxed) >= before + 10);
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    sign_in();
                }
            });
        }
        during("calls before");
        primary.suspend();
        during("calls while the primary hangs");
        primary.kill();
        during("calls while there is no server");
        *target.lock().unwrap() = replica.port().to_owned();
        during("calls while the replica is read-only");
        let () = replica.query("REPLICAOF", &["NO", "ONE"]);
        during("calls afterwards");
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(sign_in(), [""; 0]);
    let before = sign_ins(&sandbox);
    assert_eq!(sign_in(), [""; 0]);
    assert_eq!(sign_ins(&sandbox), before, "the session is shared again");
}

#[test]
fn a_lock_that_another_program_keeps_delays_sign_ins_by_two_minutes() {
    let (sandbox, redis, clock) = (sandbox(), Server::start(), clock());
    let timeout = Duration::from_millis(700);
    let builder = builder(&sandbox).timeout(timeout).clock(clock.clone());
    builder.clone().store(store(&redis)).build().unwrap().authenticate().unwrap();
    let name = redis.keys().remove(0);
    let () = redis.query("DEL", &[&name]);
    let () = redis.query("RPUSH", &[&format!("{name}:lock"), "a list of another program"]);
    let client = builder.store(store(&redis)).build().unwrap();
    let started = Instant::now();
    assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < timeout + SLACK, "{:?}", started.elapsed());
    clock.advance(Duration::from_secs(121));
    client.authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 2);
}
