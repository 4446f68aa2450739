//! A Redis server that misbehaves delays a sign-in by at most one second.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{ErrorKind, Event, EventKind, Store};
use emnify_sandbox::{Fault, FaultKind};

use crate::common::{AUTHENTICATE, builder, clock, eventually, sandbox, sign_ins};

/// Enough for one second of the store and a sign-in on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest time for which a store is skipped after a fault, and an auth token's lifetime.
const SHORTEST_SKIP: Duration = Duration::from_secs(5);

/// A server that accepts the password, sends the good replies to the first commands and lets
/// `misbehave` handle each later one.
struct Hostile {
    url: String,
    connections: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Hostile {
    fn start(
        good_replies: &'static [&'static str],
        misbehave: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://:canary@{}", listener.local_addr().unwrap());
        let (connections, sent) = (Arc::<AtomicUsize>::default(), Arc::default());
        let hostile =
            Hostile { url, connections: Arc::clone(&connections), sent: Arc::clone(&sent) };
        let good_replies = Arc::new(Mutex::new(good_replies.iter()));
        let misbehave = Arc::new(misbehave);
        // Its threads end with the process of the test.
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let mut peer = Peer { stream: stream.unwrap(), sent: Arc::clone(&sent) };
                let (good_replies, misbehave) = (Arc::clone(&good_replies), Arc::clone(&misbehave));
                thread::spawn(move || {
                    let _ = peer.receive() && peer.send(b"+OK\r\n");
                    while peer.receive() {
                        let reply = good_replies.lock().unwrap().next();
                        match reply {
                            Some(reply) => {
                                peer.send(reply.as_bytes());
                            }
                            None => misbehave(&mut peer),
                        }
                    }
                });
            }
        });
        hostile
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// One connection of a hostile server.
struct Peer {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
}

impl Peer {
    /// Commands are shorter than a segment and come one at a time.
    fn receive(&mut self) -> bool {
        self.stream.read(&mut [0; 16_384]).is_ok_and(|length| length > 0)
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        self.sent.fetch_add(bytes.len(), Ordering::SeqCst);
        self.stream.write_all(bytes).is_ok()
    }
}

/// Signs in twice with this store, and returns the reported problem. The first sign-in meets the
/// fault; the second must not use the server.
fn signs_in_despite(hostile: &Hostile) -> String {
    let (sandbox, clock) = (sandbox(), clock());
    sandbox.settings(|settings| settings.auth_token_lifetime = SHORTEST_SKIP.as_secs() as i64);
    // Long enough for a lock to be renewed.
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 400 }));
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let client = builder(&sandbox)
        .store(Store::redis(&hostile.url).unwrap())
        .timeout(TIMEOUT)
        .clock(clock.clone())
        .observer(move |event| seen.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();

    let started = Instant::now();
    client.authenticate().unwrap();
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    assert_eq!(sign_ins(&sandbox), 1);
    let connections = hostile.connections();
    assert!(connections > 0);

    clock.advance(SHORTEST_SKIP);
    client.authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 2);
    assert_eq!(hostile.connections(), connections, "the store is skipped after a fault");

    let events = events.lock().unwrap();
    let report = events.iter().filter(|event| event.kind() == EventKind::StoreError);
    let report: Vec<String> = report.map(Event::to_string).collect();
    assert_eq!(report.len(), 1, "{report:?}");
    let report = report.concat();
    assert!(!report.contains("canary"), "{report}");
    report
}

/// The good replies of a hostile server: the lock is granted, and then there is no entry.
const GRANTED: &[&str] = &["+OK\r\n"];

const GRANTED_AND_EMPTY: &[&str] = &["+OK\r\n", "$0\r\n\r\n"];

#[test]
fn a_server_that_never_replies_delays_a_sign_in_by_at_most_one_second() {
    for good_replies in [&[], GRANTED, GRANTED_AND_EMPTY] {
        let hostile = Hostile::start(good_replies, |_| thread::sleep(Duration::from_secs(60)));
        signs_in_despite(&hostile);
    }
}

#[test]
fn a_call_that_waits_for_a_server_ends_at_once_when_it_is_cancelled() {
    // While it asks for the lock, and while it holds the lock.
    for good_replies in [&[], GRANTED] {
        let hung = Arc::<AtomicUsize>::default();
        let hangs = Arc::clone(&hung);
        let hostile = Hostile::start(good_replies, move |_| {
            hangs.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_secs(60));
        });
        let sandbox = sandbox();
        let client = builder(&sandbox).store(Store::redis(&hostile.url).unwrap()).build().unwrap();
        thread::scope(|scope| {
            let caller = scope.spawn(|| client.authenticate().unwrap_err().kind());
            eventually("the fault", || hung.load(Ordering::SeqCst) > 0);
            let started = Instant::now();
            client.cancel();
            assert_eq!(caller.join().unwrap(), ErrorKind::Cancelled);
            assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
        });
        assert!(client.take_events().is_empty(), "a cancellation is not a fault of the store");
    }
}

/// Returns the mask of blocked signals of each thread of that name.
#[cfg(target_os = "linux")]
fn blocked_by(name: &str) -> Vec<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let statuses =
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    let named = statuses.filter(|status| status.starts_with(&format!("Name:\t{name}\n")));
    named
        .map(|status| {
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
            u64::from_str_radix(blocked.trim(), 16).unwrap()
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_threads_that_wait_for_a_server_block_every_signal() {
    let hostile = Hostile::start(GRANTED, |_| thread::sleep(Duration::from_secs(60)));
    thread::scope(|scope| {
        scope.spawn(|| signs_in_despite(&hostile));
        for name in ["emnify-redis", "emnify-lease"] {
            // All but KILL and STOP, which cannot be blocked, and the two that the C library keeps.
            let blockable = !((1 << 8) | (1 << 18) | (1 << 31) | (1 << 32));
            eventually(name, || {
                let blocked = blocked_by(name);
                assert!(blocked.iter().all(|blocked| blocked & blockable == blockable));
                !blocked.is_empty()
            });
        }
    });
}

#[test]
fn a_server_that_accepts_and_does_not_read_delays_a_sign_in_by_at_most_one_second() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let sandbox = sandbox();
    let client =
        builder(&sandbox).store(Store::redis(&url).unwrap()).timeout(TIMEOUT).build().unwrap();
    let started = Instant::now();
    client.authenticate().unwrap();
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
}

#[test]
fn a_reply_that_arrives_byte_by_byte_is_abandoned_after_a_second() {
    let hostile = Hostile::start(GRANTED, |peer| {
        let announced = b"$400\r\n".iter().chain(std::iter::repeat_n(&b'x', 400));
        for byte in announced {
            if !peer.send(&[*byte]) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    signs_in_despite(&hostile);
}

/// More than the buffers of a connection on this machine hold.
const BUFFERED: usize = 32 * 1024 * 1024;

#[test]
fn a_reply_without_an_end_is_refused_at_the_size_limit() {
    let beginnings =
        ["$2147483647\r\n", "$9223372036854775807\r\n", "+", "-ERR ", "*2147483647\r\n", "%9\r\n"];
    for beginning in beginnings {
        let hostile = Hostile::start(GRANTED, move |peer| {
            peer.send(beginning.as_bytes());
            while peer.send(&[b'x'; 65_536]) {}
        });
        let report = signs_in_despite(&hostile);
        let sent = hostile.sent.load(Ordering::SeqCst);
        assert!(sent < BUFFERED, "{sent} bytes were read: {report}");
    }
}

#[test]
fn a_reply_of_another_kind_and_a_closed_connection_are_reported() {
    let replies = [":1\r\n", "+OK\r\n", "$x\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "*0\r\n"];
    for reply in replies {
        let hostile = Hostile::start(GRANTED, move |peer| {
            peer.send(reply.as_bytes());
        });
        signs_in_despite(&hostile);
    }
    let hostile = Hostile::start(GRANTED, |peer| {
        let _ = peer.stream.shutdown(Shutdown::Both);
    });
    signs_in_despite(&hostile);
}

#[test]
fn a_servers_error_is_reported_on_one_line_and_without_the_password() {
    let hostile = Hostile::start(GRANTED, |peer| {
        peer.send(b"-WRONGPASS canary\x1b[2J is wrong\r\n");
    });
    let report = signs_in_despite(&hostile);
    assert!(report.contains("WRONGPASS"), "{report}");
    assert!(!report.contains('\x1b'), "{report}");
}
