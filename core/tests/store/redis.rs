//! Processes on several machines share one session through Redis.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{Client, ErrorKind, EventKind, Store};
use emnify_sandbox::{Fault, FaultKind, Sandbox};

use crate::common::redis_server::Server;
use crate::common::{AUTHENTICATE, builder, clock, sandbox, sign_ins};

fn with_store(sandbox: &Sandbox, url: &str) -> Client {
    builder(sandbox).store(Store::redis(url).unwrap()).build().unwrap()
}

#[test]
fn a_session_in_redis_is_shared_sealed_and_signed_in_once() {
    let (sandbox, redis) = (sandbox(), Server::start());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_500 }));
    // Each client stands for a machine: they share nothing but the server.
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
    // What a holder leaves behind that was killed just after it got the lock.
    let () = redis.query("SET", &[&format!("{name}:lock"), "a dead one", "PX", "800"]);
    let started = Instant::now();
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    assert!(started.elapsed().as_millis() < 1_500, "{:?}", started.elapsed());
}

#[test]
fn without_its_server_or_with_damage_in_it_a_session_goes_on_and_reports_it() {
    let (sandbox, redis) = (sandbox(), Server::start());
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    let () = redis.query("SET", &[&redis.keys()[0], "somebody else's"]);
    for url in [redis.url.as_str(), "redis://:canary@127.0.0.1:1"] {
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let client = builder(&sandbox)
            .store(Store::redis(url).unwrap())
            .observer(move |event| seen.lock().unwrap().push(event.clone()))
            .build()
            .unwrap();
        client.authenticate().unwrap();
        let events = events.lock().unwrap();
        let trouble = events.iter().find(|event| event.kind() == EventKind::StoreTrouble);
        let trouble = format!("{} {client:?}", trouble.unwrap());
        assert!(!trouble.contains("canary"), "{trouble}");
    }
}

#[test]
fn a_url_that_is_none_is_refused_without_repeating_it() {
    for url in ["http://canary@host", "redis://", "redis:///canary"] {
        let Err(error) = Store::at(url) else { panic!("{url} was accepted") };
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_key_that_holds_something_else_is_set_aside() {
    let (sandbox, redis) = (sandbox(), Server::start());
    with_store(&sandbox, &redis.url).authenticate().unwrap();
    let name = redis.keys().remove(0);
    let long = "x".repeat(300_000);
    for command in [&["RPUSH", &name, "a list"][..], &["SET", &name, &long]] {
        let () = redis.query("DEL", &[&name]);
        let () = redis.query(command[0], &command[1..]);
        let before = sign_ins(&sandbox);
        // The key is free again for the session of this client, which the next one adopts.
        with_store(&sandbox, &redis.url).authenticate().unwrap();
        with_store(&sandbox, &redis.url).authenticate().unwrap();
        assert_eq!(sign_ins(&sandbox), before + 1);
    }
}

#[test]
fn a_server_that_was_restarted_is_used_again() {
    let (sandbox, redis, clock) = (sandbox(), Server::start(), clock());
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let client = builder(&sandbox)
        .store(Store::redis(&redis.url).unwrap())
        .clock(clock.clone())
        .observer(move |event| seen.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    client.authenticate().unwrap();
    let () = redis.query("CLIENT", &["KILL", "TYPE", "normal"]);
    clock.advance(Duration::from_secs(24 * 3_600));
    client.authenticate().unwrap();
    let events = events.lock().unwrap();
    assert!(events.iter().all(|event| event.kind() != EventKind::StoreTrouble), "{events:?}");
    assert_eq!(redis.keys().len(), 1);
}
