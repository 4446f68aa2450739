//! Dropping a client does not wait for anything that hangs, and a shortage of threads or
//! descriptors is reported as such. The tests run in child processes, with their own limits and
//! resolver.

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

/// Longer than the lifetime that is assumed for a token that does not contain it.
const LATER: Duration = Duration::from_secs(5 * 3_600);

/// A user without other processes, since the limit applies to all processes of a user.
const USER: u32 = 54_321;

/// Runs a test of this file in a child process, and passes it a word in the environment.
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

/// Checks that a client's first call and a later one fail with Resource while the limit leaves
/// nothing, and succeed afterwards.
fn exhaust(resource: Resource, limit: u64) {
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
#[ignore = "run by the test of shortages, in a child process"]
fn without_threads() {
    // The limit does not apply to root.
    if Uid::effective().is_root() {
        setuid(Uid::from_raw(USER)).unwrap();
    }
    exhaust(Resource::RLIMIT_NPROC, 1);
}

#[test]
#[ignore = "run by the test of shortages, in a child process"]
fn without_descriptors() {
    let free = File::open("/dev/null").unwrap().as_raw_fd();
    exhaust(Resource::RLIMIT_NOFILE, free.try_into().unwrap());
}

#[test]
fn a_shortage_of_threads_or_descriptors_is_reported_and_temporary() {
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

/// Makes a call that times out, and returns how long dropping the client took.
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
#[ignore = "run by the test of lookups, with a resolver that does not respond"]
fn lookup_hangs() {
    let took = drop_after_timeout("https://hangs.example");
    assert!(took < Duration::from_secs(1), "dropping the client took {took:?}");
    println!("dropping a client during a lookup took {took:?}");
}

#[test]
fn dropping_a_client_does_not_wait_for_a_lookup_that_hangs() {
    // Receives queries and does not respond.
    let Ok(resolver) = UdpSocket::bind("127.99.99.99:53") else {
        println!("skipped: only root can listen on port 53");
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
        println!("skipped: cannot create a mount namespace: {err}");
        return;
    }
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
    resolver.set_nonblocking(true).unwrap();
    resolver.recv(&mut [0; 512]).expect("the resolver was asked");
}

#[test]
fn dropping_a_client_does_not_wait_for_a_server_that_does_not_respond() {
    // The kernel accepts connections, and no program responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for scheme in ["http", "https"] {
        let took = drop_after_timeout(&format!("{scheme}://127.0.0.1:{port}"));
        assert!(took < Duration::from_secs(1), "{scheme}: dropping the client took {took:?}");
    }
}
