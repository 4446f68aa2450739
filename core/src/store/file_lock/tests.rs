//! Locks between real processes. Each process is this program, started again with a job in its
//! environment.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is a test")]

mod model;
mod process;

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::process::{LONG, NAME, Used, report, wait_until_held};
use crate::store::backend::Backend;
use crate::store::directory::Directory;
use crate::store::{Locked, Store};
use crate::sys::wait::Wait;

/// Pairs of processes that ask for the lock at the same instant.
const ROUNDS: u32 = 200;

/// Pairs that run at the same time, each with its own store.
const PAIRS: u32 = 3;

/// The time from the start of a process until it asks for the lock; a busy machine may need longer.
const LEAD: Duration = Duration::from_millis(150);

/// The system calls that take a lock, replace a file and free the lock, with their names on all
/// processors.
const CALLS: [&str; 14] = [
    "mkdir",
    "mkdirat",
    "openat",
    "statx",
    "fstat",
    "newfstatat",
    "fcntl",
    "write",
    "fsync",
    "rename",
    "renameat",
    "unlink",
    "unlinkat",
    "close",
];

#[test]
fn two_processes_never_hold_the_lock_at_the_same_time() {
    let (overlaps, rounds) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for pair in 0..PAIRS {
            let (overlaps, rounds) = (&overlaps, &rounds);
            scope.spawn(move || {
                let used = Used::new(&format!("pair-{pair}"));
                while rounds.fetch_add(1, Ordering::Relaxed) < ROUNDS {
                    let instant = (SystemTime::now() + LEAD).duration_since(UNIX_EPOCH).unwrap();
                    let job = format!("enter {}", instant.as_nanos());
                    let children = [(); 2].map(|()| used.start(&job).spawn().unwrap());
                    for said in children.map(report) {
                        assert!(["alone", "overlap"].contains(&&*said), "{said}");
                        overlaps.fetch_add(u32::from(said == "overlap"), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    println!("{ROUNDS} rounds, {overlaps:?} overlaps");
    assert_eq!(overlaps.into_inner(), 0);
}

#[test]
fn a_killed_holder_is_replaced_within_a_second_also_while_its_child_lives() {
    for job in ["hold", "hold with a child"] {
        let used = Used::new(&job.replace(' ', "-"));
        let mut holder = used.start(job).spawn().unwrap();
        wait_until_held(&mut holder);
        assert!(!used.is_free(), "{job}");
        holder.kill().unwrap();
        let killed = Instant::now();
        let _lock = used.lock();
        assert!(killed.elapsed() < Duration::from_secs(1), "{job}: {:?}", killed.elapsed());
        holder.wait().unwrap();
    }
}

#[test]
fn two_threads_never_hold_the_lock_at_the_same_time() {
    let used = Used::new("threads");
    let (inside, overlap) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let Locked::Acquired(_lock) = used.lock() else { continue };
                    overlap.fetch_or(inside.swap(true, Ordering::AcqRel), Ordering::AcqRel);
                    thread::sleep(Duration::from_micros(100));
                    inside.store(false, Ordering::Release);
                }
            });
        }
    });
    assert!(!overlap.into_inner());
}

#[test]
fn asking_for_a_held_lock_again_does_not_free_it_for_another_process() {
    let used = Used::new("close");
    let lock = used.lock();
    // Closing a second descriptor of the file would free it.
    assert!(!used.is_free());
    assert_eq!(report(used.start("ask").spawn().unwrap()), "held");
    drop(lock);
    assert_eq!(report(used.start("ask").spawn().unwrap()), "free");
}

/// Each rotation locks files of another name.
#[test]
#[cfg(target_os = "linux")]
fn few_files_stay_open_after_many_names_were_locked() {
    let used = Used::new("names");
    let store = Store::directory(&used.0);
    let held = used.lock();
    for number in 0..100 {
        let name = format!("name-{number}");
        let _lock = store.lock(&name, &Wait::new(LONG), LONG).unwrap();
    }
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    let open = open.filter(|path| path.starts_with(&used.0)).count();
    assert!(open <= 20, "{open} files are open");
    assert_eq!(report(used.start("ask").spawn().unwrap()), "held");
    drop(held);
}

#[test]
fn a_host_that_closes_all_descriptors_can_still_lock() {
    let used = Used::new("closed");
    assert_eq!(report(used.start("close").spawn().unwrap()), "held");
}

#[test]
fn a_forked_child_does_not_inherit_the_lock() {
    let used = Used::new("forked");
    assert_eq!(report(used.start("fork").spawn().unwrap()), "well");
}

#[test]
fn a_holder_killed_at_any_system_call_is_replaced_and_leaves_the_old_or_the_new_value() {
    let used = Used::new("any-call");
    let store = used.0.to_str().unwrap();
    let mut paths = vec!["-P".to_owned(), store.to_owned()];
    for name in [NAME.to_owned(), format!("{NAME}.new"), format!("{NAME}.lock")] {
        paths.extend(["-P".to_owned(), format!("{store}/{name}")]);
    }
    let prepare = || Directory::new(&used.0).save(NAME, b"old").unwrap();
    let check = |is_saved: bool| {
        let ended = Instant::now();
        let _lock = used.lock();
        assert!(ended.elapsed() < Duration::from_secs(1), "{:?}", ended.elapsed());
        let value = Directory::new(&used.0).load(NAME).unwrap().unwrap();
        assert!(value == b"new" || (value == b"old" && !is_saved), "{value:?}");
    };
    let Some(killed) = kill_at_each(&used, &CALLS, &paths, prepare, check) else { return };
    println!("killed at each of {killed} system calls");
    assert!(killed >= 15, "{killed}");
}

#[test]
fn root_killed_at_any_system_call_leaves_no_lock_file_that_the_owner_cannot_open() {
    use std::os::unix::fs::{MetadataExt, chown};
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    const USER: u32 = 12_345;
    let used = Used::new("root");
    chown(&used.0, Some(USER), Some(USER)).unwrap();
    let prepare = || {
        let _ = fs::remove_file(used.lock_file());
    };
    let check = |_| {
        let owner = fs::metadata(used.lock_file()).map(|metadata| metadata.uid());
        assert!(owner.is_err() || owner.is_ok_and(|owner| owner == USER));
        let _lock = used.lock();
        assert_eq!(fs::metadata(used.lock_file()).unwrap().uid(), USER);
    };
    let calls = ["fchown", "link", "linkat", "unlink", "unlinkat"];
    let Some(killed) = kill_at_each(&used, &calls, &[], prepare, check) else { return };
    println!("killed at each of {killed} system calls");
    assert!(killed >= 4, "{killed}");
}

/// Starts a process that takes the lock and saves, and kills it as it enters each of these system
/// calls for the first, second, … time. Returns the number of kills; `None` without `strace`.
fn kill_at_each(
    used: &Used,
    calls: &[&str],
    only: &[String],
    prepare: impl Fn(),
    check: impl Fn(bool),
) -> Option<u32> {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: strace is not installed");
        return None;
    }
    let mut killed = 0;
    for call in calls {
        for time in 1.. {
            prepare();
            let save = used.start("save");
            let mut traced = Command::new("strace");
            traced.args(["-f", "-qq", "-o", "/dev/null"]).args(only);
            traced.arg("-e").arg(format!("inject=?{call}:signal=KILL:when={time}"));
            traced.arg(save.get_program()).args(save.get_args()).stdout(Stdio::piped());
            traced.envs(save.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let said = report(traced.spawn().unwrap());
            let is_saved = said == "saved";
            assert!(is_saved || said.contains("signal: 9"), "{said}");
            check(is_saved);
            if is_saved {
                break;
            }
            killed += 1;
        }
    }
    Some(killed)
}
