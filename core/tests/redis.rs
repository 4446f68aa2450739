//! Processes on several machines share one session through Redis.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]

mod common;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use common::{AUTHENTICATE, builder, eventually, sandbox};
use emnify_core::{Client, ErrorKind, EventKind, Store};
use emnify_sandbox::{Fault, FaultKind, Sandbox};

/// A Redis server of the test's own.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("redis-server: {e}; apt-get install redis-server"));
        eventually("Redis", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Server { process, url: format!("redis://127.0.0.1:{port}") }
    }

    fn query<T: redis::FromRedisValue>(&self, command: &str, arguments: &[&str]) -> T {
        let mut connection =
            redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd(command).arg(arguments).query(&mut connection).unwrap()
    }

    fn keys(&self) -> Vec<String> {
        self.query("KEYS", &["*"])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn with_store(sandbox: &Sandbox, url: &str) -> Client {
    builder(sandbox).store(Store::redis(url).unwrap()).build().unwrap()
}

fn calls(sandbox: &Sandbox) -> u64 {
    sandbox.calls("POST", AUTHENTICATE)
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
    assert_eq!(calls(&sandbox), 1, "the lock outlives its lease while its holder works");
    let token = with_store(&sandbox, &redis.url).authenticate().unwrap();
    assert_eq!(calls(&sandbox), 1);

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
