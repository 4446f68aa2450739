//! Locks between real processes: this same program, run again with a job to do in the environment.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::store::backend::Backend;
use crate::store::directory::Directory;
use crate::store::{Locked, Store};
use crate::sys::per_process::is_well_in_child;
use crate::sys::wait::Wait;

/// Pairs of processes that ask for the lock at the same instant.
const ROUNDS: u32 = 200;

/// Pairs that run at the same time, each in a store of its own.
const PAIRS: u32 = 3;

/// From when a process is started until it asks for the lock; a busy machine may need longer.
const LEAD: Duration = Duration::from_millis(150);

/// The system calls, by their names on all processors, with which a lock is taken, a file is replaced, and the lock is freed.
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

/// Longer than any test takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const NAME: &str = "rotation";

/// A store's directory that has been used: an earlier version wrote the pid of its last holder, which
/// has ended, into the lock file.
struct Used(PathBuf);

impl Used {
    fn new(name: &str) -> Self {
        let name = format!("emnify-lock-{name}-{}", std::process::id());
        let used = Used(std::env::temp_dir().join(name));
        let _ = fs::remove_dir_all(&used.0);
        let directory = Directory::new(&used.0);
        directory.save(NAME, b"from an earlier run").unwrap();
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let holder = format!("{} {} 1", ended.id(), namespace.display());
        fs::write(used.lock_file(), holder).unwrap();
        used
    }

    fn lock_file(&self) -> PathBuf {
        self.0.join(format!("{NAME}.lock"))
    }

    /// Starts this program again, as a process that does that job in this store.
    fn start(&self, job: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["store::file_lock::tests::process", "--exact", "--ignored", "--nocapture"])
            .args(["--test-threads", "1"])
            .env("EMNIFY_LOCK_JOB", job)
            .env("EMNIFY_LOCK_STORE", &self.0)
            .stdout(Stdio::piped());
        command
    }

    fn lock(&self) -> Locked {
        Store::directory(&self.0).lock(NAME, &Wait::new(LONG), LONG).unwrap()
    }

    fn is_free(&self) -> bool {
        let locked =
            Store::directory(&self.0).lock(NAME, &Wait::new(LONG), Duration::ZERO).unwrap();
        matches!(locked, Locked::Acquired(_))
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a process of these tests does.
#[test]
#[ignore = "run by the other tests, in an environment that they set"]
fn process() {
    let Ok(job) = std::env::var("EMNIFY_LOCK_JOB") else { return };
    let path = PathBuf::from(std::env::var_os("EMNIFY_LOCK_STORE").unwrap());
    let used = std::mem::ManuallyDrop::new(Used(path));
    match job.split_once(' ').unwrap_or((&job, "")) {
        ("enter", instant) => {
            let instant = UNIX_EPOCH + Duration::from_nanos(instant.parse().unwrap());
            if let Ok(wait) = instant.duration_since(SystemTime::now()) {
                thread::sleep(wait);
            }
            let _lock = used.lock();
            println!("job: {}", enter(&used.0));
        }
        ("hold", "") => {
            let _lock = used.lock();
            println!("job: holding");
            thread::sleep(LONG);
        }
        ("hold", "with a child") => {
            let _lock = used.lock();
            is_well_in_child(|| {
                println!("job: holding");
                // It outlives its parent.
                thread::sleep(Duration::from_secs(10));
                true
            });
        }
        ("save", _) => {
            let directory = Directory::new(&used.0);
            let lock = directory.try_lock(NAME).unwrap();
            assert!(lock.is_some());
            directory.save(NAME, b"new").unwrap();
            drop(lock);
            println!("job: saved");
        }
        ("ask", _) => println!("job: {}", if used.is_free() { "free" } else { "held" }),
        ("close", _) => println!("job: {}", close_all_and_lock(&used)),
        ("fork", _) => println!("job: {}", fork_while_holding(&used)),
        (other, _) => panic!("{other}"),
    }
}

/// The critical section: whether another process is in it, too.
fn enter(store: &Path) -> &'static str {
    let inside = store.join("inside");
    // For longer than the other one pauses before it asks again.
    let made = fs::File::options().write(true).create_new(true).open(&inside);
    thread::sleep(Duration::from_millis(30));
    match made.and_then(|_| fs::remove_file(&inside)) {
        Ok(()) => "alone",
        Err(_) => "overlap",
    }
}

/// In a process with one thread.
fn fork_while_holding(used: &Used) -> &'static str {
    let lock = used.lock();
    let mut inherited = Some(used.lock_of_another_name());
    let well = is_well_in_child(|| {
        // What was inherited frees nothing, neither here nor there, and the table is empty.
        drop(inherited.take());
        !used.is_free()
    });
    if !well {
        return "the child took the lock of its parent";
    }
    drop(lock);
    if !is_well_in_child(|| used.is_free()) {
        return "the child cannot take what its parent freed";
    }
    let _lock = used.lock();
    match is_well_in_child(|| !used.is_free()) && !used.is_free() {
        true => "well",
        false => "the child freed the lock of its parent",
    }
}

/// As a daemon does, which closes all descriptors and opens files of its own.
fn close_all_and_lock(used: &Used) -> String {
    let held = used.lock();
    for descriptor in 3..64 {
        let _ = nix::unistd::close(descriptor);
    }
    let others = [(); 8].map(|()| fs::File::open("/dev/null").unwrap());
    // The kernel freed it with the descriptor; what is left of it stays out of the way.
    drop(held);
    let _lock = used.lock();
    drop(others);
    report(used.start("ask").spawn().unwrap())
}

impl Used {
    fn lock_of_another_name(&self) -> Locked {
        Store::directory(&self.0).lock("another", &Wait::new(LONG), LONG).unwrap()
    }
}

/// What the process says about its job.
fn report(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find_map(|line| Some(line.split_once("job: ")?.1.to_owned()));
    said.unwrap_or_else(|| format!("{}: {text}", output.status))
}

/// Waits until the process says that it holds the lock.
fn wait_until_held(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("job: holding")));
}

#[test]
fn of_two_processes_that_ask_at_the_same_instant_one_holds_it_at_a_time() {
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
fn of_two_threads_one_holds_it_at_a_time() {
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

#[test]
fn a_host_that_closes_all_descriptors_can_still_lock() {
    let used = Used::new("closed");
    assert_eq!(report(used.start("close").spawn().unwrap()), "held");
}

#[test]
fn a_child_forked_while_its_parent_held_the_lock_has_no_part_in_it() {
    let used = Used::new("forked");
    assert_eq!(report(used.start("fork").spawn().unwrap()), "well");
}

#[test]
fn a_holder_killed_at_any_system_call_is_replaced_and_leaves_the_old_value_or_the_new() {
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

/// Kills a process that takes the lock and saves, as it enters each of these system calls for the
/// first, the second, … time. Returns how often it was killed; `None` without `strace`.
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
