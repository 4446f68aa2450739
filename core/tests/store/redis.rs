//! Processes on several machines share one session through Redis.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{Client, ErrorKind, Store};
use emnify_sandbox::{Fault, FaultKind, Sandbox};

use super::processes::{assert_signed_in, spawn};
use super::watched;
use crate::common::redis_server::Server;
use crate::common::{AUTHENTICATE, builder, clock, eventually, sandbox, sign_ins};

fn with_store(sandbox: &Sandbox, url: &str) -> Client {
    builder(sandbox).store(Store::redis(url).unwrap()).build().unwrap()
}

#[test]
fn a_session_in_redis_is_encrypted_and_shared_by_all_machines() {
    let (sandbox, redis) = (sandbox(), Server::start());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_500 }));
    // Each client represents a machine: they share only the server.
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| with_store(&sandbox, &redis.url).authenticate().unwrap());
        }
    });
    assert_eq!(sign_ins(&sandbox), 1, "the lock outlives its lease while its holder works");
    let token = with_store(&sandbox, &redis.url).authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 1);

    assert_eq!(redis.keys().len(), 1, "the lock is freed: {:?}", redis.keys());
    let stored: Vec<u8> = redis.query("GET", &[&redis.keys()[0]]);
    let secret = &token.reveal().as_bytes()[..16];
    assert!(!stored.windows(16).any(|window| window == secret));
}

#[test]
fn a_holder_that_died_is_replaced_within_a_second() {
    let (sandbox, redis) = (sandbox(), Server::start());
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    let name = redis.keys().remove(0);
    let () = redis.query("DEL", &[&name]);
    // The lock of a holder that was killed just after it got it.
    let () = redis.query("SET", &[&format!("{name}:lock"), "a dead one", "PX", "800"]);
    let started = Instant::now();
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    assert!(started.elapsed().as_millis() < 1_500, "{:?}", started.elapsed());
}

#[test]
fn a_session_continues_and_reports_a_missing_server_or_a_damaged_entry() {
    let (sandbox, redis) = (sandbox(), Server::start());
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    let () = redis.query("SET", &[&redis.keys()[0], "another program's"]);
    for url in [redis.url.as_str(), "redis://:canary@127.0.0.1:1"] {
        let (client, reports) = watched(builder(&sandbox).store(Store::redis(url).unwrap()));
        client.authenticate().unwrap();
        let report = format!("{:?} {client:?}", reports.lock().unwrap().first().unwrap());
        assert!(!report.contains("canary"), "{report}");
    }
}

#[test]
fn an_invalid_url_is_refused_without_quoting_it() {
    for url in ["http://canary@host", "redis://", "redis:///canary"] {
        let Err(error) = Store::at(url) else { panic!("{url} was accepted") };
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_key_with_another_type_or_too_long_a_value_is_set_aside() {
    let (sandbox, redis) = (sandbox(), Server::start());
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    let name = redis.keys().remove(0);
    let long = "x".repeat(300_000);
    for command in [&["RPUSH", &name, "a list"][..], &["SET", &name, &long]] {
        let () = redis.query("DEL", &[&name]);
        let () = redis.query(command[0], &command[1..]);
        // The first client can write to the key again, and the next client adopts its session; on a
        // very busy machine, a later one.
        with_store(&sandbox, &redis.url).authenticate().unwrap();
        eventually("the adoption", || {
            let before = sign_ins(&sandbox);
            with_store(&sandbox, &redis.url).authenticate().unwrap();
            sign_ins(&sandbox) == before
        });
    }
}

#[test]
fn a_connection_that_the_server_closed_is_opened_again() {
    let (sandbox, redis, clock) = (sandbox(), Server::start(), clock());
    let store = Store::redis(&redis.url).unwrap();
    let (client, reports) = watched(builder(&sandbox).store(store).clock(clock.clone()));
    client.authenticate().unwrap();
    let () = redis.query("CLIENT", &["KILL", "TYPE", "normal"]);
    clock.advance(Duration::from_secs(24 * 3_600));
    client.authenticate().unwrap();
    assert_eq!(*reports.lock().unwrap(), [""; 0]);
    assert_eq!(redis.keys().len(), 1);
}

#[test]
fn a_hundred_processes_sign_in_once_and_open_at_most_three_connections_each() {
    const PROCESSES: usize = 100;
    let (sandbox, redis) = (sandbox(), Server::start());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_500 }));
    let before = redis.connections();
    let processes: Vec<_> =
        (0..PROCESSES).map(|_| spawn(&sandbox, Path::new(&redis.url))).collect();
    let outputs: Vec<_> = processes.into_iter().map(assert_signed_in).collect();
    let connections = redis.connections() - before - 1;
    // On a very busy machine the server may need more than a second for some of them.
    let reports = outputs.iter().filter(|output| !output.contains("reports: []")).count();
    let sign_ins = sign_ins(&sandbox) as usize;
    assert!((1..=1 + reports).contains(&sign_ins), "{sign_ins} sign-ins, {reports} reports");
    assert!(connections <= 3 * PROCESSES, "{connections}");
    println!("{PROCESSES} processes: {connections} connections");
}

#[test]
fn a_holder_that_was_suspended_does_not_overwrite_what_the_next_holder_wrote() {
    let (sandbox, redis) = (sandbox(), Server::start());
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    let name = redis.keys().remove(0);
    let () = redis.query("DEL", &[&name]);
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_000 }));
    let store = Store::redis(&redis.url).unwrap();
    let (client, reports) = watched(builder(&sandbox).store(store));
    let before = sign_ins(&sandbox);
    thread::scope(|scope| {
        scope.spawn(|| client.authenticate().unwrap());
        eventually("the holder's call", || sign_ins(&sandbox) > before);
        // What another process does after the holder's lock has expired.
        let () = redis.query("SET", &[&format!("{name}:lock"), "another's", "PX", "60000"]);
        let () = redis.query("SET", &[&name, "a newer session"]);
    });
    assert_eq!(redis.query::<String>("GET", &[&name]), "a newer session");
    assert_eq!(redis.query::<String>("GET", &[&format!("{name}:lock")]), "another's");
    let reports = reports.lock().unwrap();
    assert!(reports.len() == 1 && reports[0].contains("the lock expired"), "{reports:?}");
}
