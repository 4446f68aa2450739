//! After a fork, parent and child both continue to use the store in Redis, each on its own
//! connection. This is its own program, since no other test may start a thread meanwhile (see
//! `fork.rs`).

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]

mod common;

use std::process::exit;
use std::time::Duration;

use common::redis_server::Server;
use common::{AUTHENTICATE, builder, clock, eventually, sandbox};
use emnify_core::Store;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Whether one of the store's threads still runs.
fn store_has_threads() -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let mut names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.any(|name| name.starts_with("emnify-redis") || name.starts_with("emnify-lease"))
}

#[test]
fn parent_and_child_share_a_session_and_no_connection() {
    let (sandbox, clock) = (sandbox(), clock());
    let redis = Server::start();
    let store = Store::redis(&redis.url).unwrap();
    let client = builder(&sandbox).store(store).clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();

    // The connection is kept for some seconds, so the child inherits it.
    clock.advance(DAY);
    eventually("the end of the store's threads", || !store_has_threads());
    // SAFETY: only threads of the sandbox and of the client run, and they are idle; the child calls
    // only the library and ends by `exit`.
    let child = match unsafe { fork() }.unwrap() {
        ForkResult::Child => exit(i32::from(client.authenticate().is_err())),
        ForkResult::Parent { child } => child,
    };
    client.authenticate().unwrap();
    let mut status = WaitStatus::StillAlive;
    eventually("the child's end", || {
        status = waitpid(child, Some(WaitPidFlag::WNOHANG)).unwrap();
        status != WaitStatus::StillAlive
    });
    assert_eq!(status, WaitStatus::Exited(child, 0));
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2, "one of them signed in for both");
}
