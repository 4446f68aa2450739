//! After a fork, parent and child both continue to work. The library's threads leave signals alone.
//!
//! One test runs all cases, because no other thread may start or end during a fork. Rust's std
//! holds a lock while a thread starts or ends, and a fork at that moment would leave it locked in
//! the child. C and Python programs do not have this problem.

#![cfg(unix)]
#![allow(clippy::panic, reason = "this is a test")]

mod common;

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{AUTHENTICATE, Scratch, clock, eventually, sandbox};
use emnify_core::{Client, ClientBuilder, Store, SystemClock};
use emnify_sandbox::{Fault, FaultKind, Sandbox};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Runs `work` in a forked child, whose exit status is the result.
fn in_child(work: impl FnOnce() -> bool) -> Pid {
    // SAFETY: the child calls only the library, which promises to work in a child, and ends by
    // `exit`.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child }) => child,
        Ok(ForkResult::Child) => exit(i32::from(!work())),
        Err(errno) => panic!("{errno}"),
    }
}

/// Waits for the child and checks that it succeeded within 30 s.
#[track_caller]
fn assert_well(child: Pid) {
    assert!(is_well(child), "a child hangs or fails");
}

#[allow(clippy::unwrap_used, reason = "part of a test")]
fn is_well(child: Pid) -> bool {
    let started = Instant::now();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)).unwrap() {
            WaitStatus::StillAlive if started.elapsed() < Duration::from_secs(30) => {
                thread::sleep(Duration::from_millis(1));
            }
            WaitStatus::StillAlive => {
                kill(child, Signal::SIGKILL).unwrap();
                waitpid(child, None).unwrap();
                return false;
            }
            status => return status == WaitStatus::Exited(child, 0),
        }
    }
}

/// Not with the clock that other tests move: it has a lock, which another thread may hold during the
/// fork.
fn builder(sandbox: &Sandbox) -> ClientBuilder {
    common::builder(sandbox).clock(Arc::new(SystemClock)).pacing(false)
}

/// Whether a call succeeds. Prints nothing, since the lock of the test runner's output may be held
/// by a thread that does not exist in a child.
fn lists(client: &Client) -> bool {
    client.application_tokens().list().is_ok()
}

#[allow(clippy::unwrap_used, reason = "part of a test")]
fn parent_and_child_continue_on_their_own_connections() {
    let sandbox = sandbox();
    let client = builder(&sandbox).build().unwrap();
    assert!(lists(&client));
    for _ in 0..10 {
        let child = in_child(|| lists(&client) && lists(&client));
        assert!(lists(&client));
        assert_well(child);
    }
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1, "the children inherit the auth token");
}

#[allow(clippy::unwrap_used, reason = "part of a test")]
fn a_fork_during_a_refresh_leaves_no_child_waiting() {
    let sandbox = sandbox();
    let client = builder(&sandbox).build().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 700 }));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.authenticate().unwrap());
        }
        eventually("the call", || sandbox.connections() > 0);
        // The thread that signs in does not exist in the children.
        let children: Vec<_> = (0..4).map(|_| in_child(|| lists(&client))).collect();
        children.into_iter().for_each(assert_well);
    });
    assert!(lists(&client));
}

#[allow(clippy::unwrap_used, reason = "part of a test")]
fn a_child_forked_while_its_parent_signs_in_waits_and_takes_the_token_from_the_store() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("fork"));
    let client = builder(&sandbox).store(Store::directory(&scratch.0)).build().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 700 }));
    thread::scope(|scope| {
        scope.spawn(|| client.authenticate().unwrap());
        eventually("the call", || sandbox.connections() > 0);
        let children: Vec<_> = (0..4).map(|_| in_child(|| lists(&client))).collect();
        children.into_iter().for_each(assert_well);
    });
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
}

/// The thread of an inherited connection does not exist in a child, so that a call on it would
/// hang.
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "part of a test")]
fn a_grandchild_with_the_pid_of_a_dead_ancestor_makes_its_own_connections() {
    use nix::sched::{CloneFlags, unshare};
    use nix::unistd::getpid;
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: a pid namespace needs root");
        return;
    }
    let sandbox = sandbox();
    assert_well(in_child(|| {
        // The pids of the children below start at 1.
        unshare(CloneFlags::CLONE_NEWPID).unwrap();
        let init = in_child(|| {
            let ancestor = in_child(|| {
                let client = builder(&sandbox).build().unwrap();
                assert!(lists(&client));
                let ancestor = getpid();
                let child = in_child(|| {
                    eventually("the end of its parent", || kill(ancestor, None).is_err());
                    let last = (ancestor.as_raw() - 1).to_string();
                    std::fs::write("/proc/sys/kernel/ns_last_pid", last).unwrap();
                    let grandchild = in_child(|| getpid() == ancestor && lists(&client));
                    assert_eq!(grandchild, ancestor);
                    is_well(grandchild)
                });
                assert_ne!(child, ancestor);
                true
            });
            // The ancestor ends at once, so its child becomes a child of this process.
            is_well(ancestor) && matches!(waitpid(None, None), Ok(WaitStatus::Exited(_, 0)))
        });
        is_well(init)
    }));
}

#[allow(clippy::unwrap_used, reason = "part of a test")]
fn children_work_while_threads_of_the_parent_are_busy() {
    let sandbox = sandbox();
    sandbox.settings(|settings| settings.limits = false);
    let client = builder(&sandbox).build().unwrap();
    assert!(lists(&client));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also if a child fails: the scope waits for the threads.
        let _end = SetAtEnd(&over);
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert!(lists(&client));
                }
            });
        }
        for _ in 0..30 {
            assert_well(in_child(|| lists(&client)));
        }
    });
}

struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "part of a test")]
fn every_thread_of_the_library_blocks_every_signal() {
    let sandbox = sandbox();
    // In a child, which has only the thread that forked and those that the library starts.
    let child = in_child(|| {
        let clock = clock();
        let client = builder(&sandbox).clock(clock.clone()).build().unwrap();
        assert!(lists(&client));
        clock.advance(Duration::from_secs(200 * 60));
        client.authenticate().unwrap();
        let own = nix::unistd::gettid().to_string();
        let mut others = 0;
        for entry in std::fs::read_dir("/proc/self/task").unwrap() {
            let name = entry.unwrap().file_name();
            if name.to_string_lossy() == own {
                continue;
            }
            let Ok(status) = std::fs::read_to_string(format!(
                "/proc/self/task/{}/status",
                name.to_string_lossy()
            )) else {
                continue; // The thread has ended since.
            };
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
            let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
            // All but KILL and STOP, which cannot be blocked, and the two that the C library keeps.
            let blockable = !((1 << 8) | (1 << 18) | (1 << 31) | (1 << 32));
            assert_eq!(blocked & blockable, blockable, "{status}");
            others += 1;
        }
        others > 0
    });
    assert_well(child);
}

#[allow(clippy::unwrap_used, reason = "part of a test")]
fn a_peer_that_closes_the_connection_during_a_write_does_not_kill_the_host() {
    let sandbox = sandbox();
    let child = in_child(|| {
        // SAFETY: no other thread of this child handles signals.
        unsafe {
            let default = nix::sys::signal::SigHandler::SigDfl;
            nix::sys::signal::signal(nix::sys::signal::Signal::SIGPIPE, default).unwrap();
        }
        sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::ResetBefore));
        for _ in 0..20 {
            let client = builder(&sandbox).application_token("x".repeat(8_000)).clock(clock());
            client.build().unwrap().authenticate().unwrap_err();
        }
        true
    });
    assert_well(child);
}

#[test]
fn a_client_works_on_both_sides_of_a_fork_and_leaves_signals_alone() {
    parent_and_child_continue_on_their_own_connections();
    a_fork_during_a_refresh_leaves_no_child_waiting();
    a_child_forked_while_its_parent_signs_in_waits_and_takes_the_token_from_the_store();
    #[cfg(target_os = "linux")]
    a_grandchild_with_the_pid_of_a_dead_ancestor_makes_its_own_connections();
    children_work_while_threads_of_the_parent_are_busy();
    #[cfg(target_os = "linux")]
    every_thread_of_the_library_blocks_every_signal();
    a_peer_that_closes_the_connection_during_a_write_does_not_kill_the_host();
}
