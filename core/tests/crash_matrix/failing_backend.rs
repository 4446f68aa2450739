//! A store that fails, or kills its process, at one of its writes.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use emnify_core::{Backend, Lock};
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;

use crate::process::{FAILED, Run};

/// A backend that fails, or kills the process, when it writes the entry that the run names.
#[derive(Debug)]
pub(super) struct FailingBackend {
    inner: Arc<dyn Backend>,
    /// How many entries of the journal were written.
    entries: AtomicU32,
    run: Run,
}

impl FailingBackend {
    pub(super) fn new(inner: Arc<dyn Backend>, run: Run) -> Self {
        FailingBackend { inner, entries: AtomicU32::new(0), run }
    }
}

fn die() {
    kill(getpid(), Signal::SIGKILL).unwrap();
}

impl Backend for FailingBackend {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.inner.load(name)
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !is_journal(name) {
            return self.inner.save(name, bytes);
        }
        let entry = self.entries.fetch_add(1, Ordering::Relaxed) + 1;
        let is_killed =
            |after| self.run.kill.is_some_and(|kill| kill.at == entry && kill.after == after);
        if is_killed(false) {
            die();
        }
        if self.run.disk_full_at == Some(entry) {
            fs::write(self.run.directory.join(FAILED), "")?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.inner.save(name, bytes)?;
        if is_killed(true) {
            die();
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn is_durable(&self) -> bool {
        self.inner.is_durable()
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        self.inner.set_aside(name)
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        self.inner.try_lock(name)
    }
}

/// Whether that is the name of a file of the journal.
pub(super) fn is_journal(name: &str) -> bool {
    name.ends_with(".rotation")
}
