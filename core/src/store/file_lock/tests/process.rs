//! A process of these tests: this program, started again with a job in its environment.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::store::backend::Backend;
use crate::store::directory::Directory;
use crate::store::{Locked, Store};
use crate::sys::per_process::is_well_in_child;
use crate::sys::wait::Wait;

/// Longer than any test takes on a busy machine.
pub(super) const LONG: Duration = Duration::from_secs(60);

pub(super) const NAME: &str = "rotation";

/// A store's directory that an earlier version used. That version wrote the pid of the last holder,
/// which has ended, into the lock file.
pub(super) struct Used(pub(super) PathBuf);

impl Used {
    pub(super) fn new(name: &str) -> Self {
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

    pub(super) fn lock_file(&self) -> PathBuf {
        self.0.join(format!("{NAME}.lock"))
    }

    /// Returns the command that starts this program again, to do a job in this store.
    pub(super) fn start(&self, job: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["store::file_lock::tests::process::run", "--exact", "--ignored", "--nocapture"])
            .args(["--test-threads", "1"])
            .env("EMNIFY_LOCK_JOB", job)
            .env("EMNIFY_LOCK_STORE", &self.0)
            .stdout(Stdio::piped());
        command
    }

    pub(super) fn lock(&self) -> Locked {
        Store::directory(&self.0).lock(NAME, &Wait::new(LONG), LONG).unwrap()
    }

    pub(super) fn is_free(&self) -> bool {
        let locked =
            Store::directory(&self.0).lock(NAME, &Wait::new(LONG), Duration::ZERO).unwrap();
        matches!(locked, Locked::Acquired(_))
    }

    fn lock_of_another_name(&self) -> Locked {
        Store::directory(&self.0).lock("another", &Wait::new(LONG), LONG).unwrap()
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Does the job of a process that a test started.
#[test]
#[ignore = "started by the other tests, with an environment that they set"]
fn run() {
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
        ("serve", _) => serve(&used.0),
        ("ask", _) => println!("job: {}", if used.is_free() { "free" } else { "held" }),
        ("close", _) => println!("job: {}", close_all_and_lock(&used)),
        ("fork", _) => println!("job: {}", fork_while_holding(&used)),
        (other, _) => panic!("{other}"),
    }
}

/// Takes and frees locks. Each line of standard input is a command.
fn serve(store: &Path) {
    let directory = Directory::new(store);
    let mut held = BTreeMap::new();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (word, thread) = line.split_once(' ').unwrap();
        let done = match word {
            "lock" => directory
                .try_lock(NAME)
                .unwrap()
                .map(|lock| held.insert(thread.to_owned(), lock))
                .is_some(),
            "unlock" => held.remove(thread).is_some(),
            // More files than stay open, so that those are closed that are free.
            _ => (0..20)
                .all(|other| directory.try_lock(&format!("other-{other}")).unwrap().is_some()),
        };
        println!("job: {done}");
    }
}

/// Runs the critical section and returns whether another process was in it at the same time.
fn enter(store: &Path) -> &'static str {
    let inside = store.join("inside");
    // Longer than the pause before the other process asks again.
    let made = fs::File::options().write(true).create_new(true).open(&inside);
    thread::sleep(Duration::from_millis(30));
    match made.and_then(|_| fs::remove_file(&inside)) {
        Ok(()) => "alone",
        Err(_) => "overlap",
    }
}

/// Forks while the lock is held, in a process with one thread.
fn fork_while_holding(used: &Used) -> &'static str {
    let lock = used.lock();
    let mut inherited = Some(used.lock_of_another_name());
    let well = is_well_in_child(|| {
        // The inherited lock frees nothing in either process, and the child's table is empty.
        drop(inherited.take());
        !used.is_free()
    });
    if !well {
        return "the child took its parent's lock";
    }
    drop(lock);
    if !is_well_in_child(|| used.is_free()) {
        return "the child cannot take the lock that its parent freed";
    }
    let _lock = used.lock();
    match is_well_in_child(|| !used.is_free()) && !used.is_free() {
        true => "well",
        false => "the child freed its parent's lock",
    }
}

/// Closes all descriptors and opens other files, as a daemon does, and takes the lock again.
fn close_all_and_lock(used: &Used) -> String {
    let held = used.lock();
    for descriptor in 3..64 {
        let _ = nix::unistd::close(descriptor);
    }
    let others = [(); 8].map(|()| fs::File::open("/dev/null").unwrap());
    // The kernel freed the lock with the descriptor. Dropping the rest must not affect other files.
    drop(held);
    let _lock = used.lock();
    drop(others);
    report(used.start("ask").spawn().unwrap())
}

/// Returns what the process prints about its job.
pub(super) fn report(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find_map(|line| Some(line.split_once("job: ")?.1.to_owned()));
    said.unwrap_or_else(|| format!("{}: {text}", output.status))
}

/// Waits until the process prints that it holds the lock.
pub(super) fn wait_until_held(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("job: holding")));
}
