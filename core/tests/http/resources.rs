//! What hangs does not hold up the end of a client, and what runs out is told as that. In processes
//! of their own, whose limits and resolver are the test's.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use emnify_core::{Client, ErrorKind, ManualClock};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, setuid};

use crate::common::{Scratch, only};

/// Longer than a token lives that does not say so.
const LATER: Duration = Duration::from_secs(5 * 3_600);

/// Of no other test's processes, which would count.
const USER: u32 = 54_321;

/// Runs a test of this file in a process of its own, with a word for it in the environment.
fn run(mut command: Command, name: &str, word: &str) -> Output {
    command
        .args(only(module_path!(), name))
        .args(["--test-threads", "1", "--quiet"])
        .env("EMNIFY_RESOURCES", word)
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .env_remove("ALL_PROXY")
        .env_remove("all_proxy")
        .output()
        .unwrap()
}

fn this() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// A server that accepts every credential, and closes each connection.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]);
            let body = r#"{"auth_token":"opaque"}"#;
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 23\r\n\r\n";
            let _ = stream.write_all([head, body].concat().as_bytes());
        }
    });
    port
}

/// With the limit so low that nothing is left, a client fails with Resource, at its first call and
/// at a later one; without it, both go on.
fn lacking(resource: Resource, limit: u64) {
    let port = std::env::var("EMNIFY_RESOURCES").unwrap();
    let clock = Arc::new(ManualClock::new(SystemTime::now()));
    let client = || {
        Client::builder()
            .application_token("application-token")
            .base_url(format!("http://localhost:{port}"))
            .clock(Arc::clone(&clock) as _)
            .build()
            .unwrap()
    };
    let (first, later) = (client(), client());
    later.authenticate().unwrap();
    clock.advance(LATER);
    let (soft, hard) = getrlimit(resource).unwrap();
    setrlimit(resource, limit, hard).unwrap();
    let errors = [first.authenticate().unwrap_err(), later.authenticate().unwrap_err()];
    setrlimit(resource, soft, hard).unwrap();
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Resource, "{error}");
        assert!(error.is_retryable() && error.to_string().contains("ulimit"), "{error}");
    }
    clock.advance(LATER);
    first.authenticate().unwrap();
    later.authenticate().unwrap();
}

#[test]
#[ignore = "run by the test of threads, in a process of its own"]
fn without_threads() {
    // Root has no limit.
    if Uid::effective().is_root() {
        setuid(Uid::from_raw(USER)).unwrap();
    }
    lacking(Resource::RLIMIT_NPROC, 1);
}

#[test]
#[ignore = "run by the test of descriptors, in a process of its own"]
fn without_descriptors() {
    let free = File::open("/dev/null").unwrap().as_raw_fd();
    lacking(Resource::RLIMIT_NOFILE, free.try_into().unwrap());
}

#[test]
fn a_lack_of_threads_or_descriptors_is_told_as_that_and_passes() {
    for name in ["without_threads", "without_descriptors"] {
        let output = run(this(), name, &server().to_string());
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        assert!(output.status.success() && out.contains("1 passed"), "{name}: {out}{err}");
        assert_eq!(err, "", "{name} printed something");
    }
}

/// Fails in time, and tells how long dropping the client took.
fn drop_after_timeout(base_url: &str) -> Duration {
    let client = Client::builder()
        .application_token("application-token")
        .base_url(base_url)
        .timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::Timeout);
    let started = Instant::now();
    drop(client);
    started.elapsed()
}

#[test]
#[ignore = "run by the test of lookups, where the resolver is one that says nothing"]
fn lookup_hangs() {
    let took = drop_after_timeout("https://hangs.example");
    assert!(took < Duration::from_secs(1), "dropping the client took {took:?}");
    println!("dropping a client during a lookup took {took:?}");
}

#[test]
fn a_lookup_that_hangs_does_not_hold_up_the_end_of_a_client() {
    // Accepts what is asked, and says nothing.
    let Ok(resolver) = UdpSocket::bind("127.99.99.99:53") else {
        println!("skipped: only root may be a resolver");
        return;
    };
    let scratch = Scratch::new("lookup");
    let file = scratch.0.join("resolv.conf");
    std::fs::write(&file, "nameserver 127.99.99.99\noptions timeout:5 attempts:2\n").unwrap();
    let mut command = Command::new("unshare");
    let script = r#"mount --bind "$0" /etc/resolv.conf && exec "$@""#;
    command.args(["--mount", "sh", "-c", script]).arg(&file).arg(std::env::current_exe().unwrap());
    let output = run(command, "lookup_hangs", "");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    if err.contains("unshare") || err.contains("mount") {
        println!("skipped: no namespace of our own: {err}");
        return;
    }
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
    resolver.set_nonblocking(true).unwrap();
    resolver.recv(&mut [0; 512]).expect("the resolver was asked");
}

#[test]
fn a_server_that_says_nothing_does_not_hold_up_the_end_of_a_client() {
    // The kernel accepts connections for it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for scheme in ["http", "https"] {
        let took = drop_after_timeout(&format!("{scheme}://127.0.0.1:{port}"));
        assert!(took < Duration::from_secs(1), "{scheme}: dropping the client took {took:?}");
    }
}
