//! Where a session outlives its process. What goes wrong here is reported and never stops a
//! session: it goes on in memory.

use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::directory::{Directory, Lock};
use crate::error::{Error, ErrorKind, Result};
use crate::saved;
use crate::seal::Seal;
use crate::state::State;

/// What the sealed bytes are for.
const PURPOSE: &str = "session";

/// How often a lock that another process holds is tried again.
const POLL: Duration = Duration::from_millis(20);

/// Where a session is kept.
///
/// ```
/// use emnify_core::Store;
///
/// // For as long as the process runs; the default.
/// let store = Store::memory();
/// // Across restarts, and shared by all processes with the same credential.
/// let store = Store::directory("/var/lib/gateway/emnify");
/// ```
#[derive(Debug, Clone)]
pub struct Store(Option<Directory>);

impl Store {
    /// Keeps the session in memory: it ends with the process.
    pub fn memory() -> Self {
        Store(None)
    }

    /// Keeps the session in a directory of this machine, made if it is not there. Each credential
    /// has one file, mode 0600, sealed with a key derived from the credential: who has the disk and
    /// not the credential learns nothing. Processes that share it sign in once for all.
    ///
    /// A directory that cannot be read or written is no error: the session goes on in memory and
    /// reports it by [`EventKind::StoreTrouble`](crate::EventKind::StoreTrouble).
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Store(Some(Directory::new(path)))
    }

    /// The state as some process last saved it, if there is a usable one.
    pub(crate) fn load(&self, seal: &Seal, clock: &dyn Clock) -> Result<Option<State>> {
        let Some(directory) = &self.0 else { return Ok(None) };
        let Some(sealed) = directory.load(seal.name()).map_err(|e| self.trouble("read", &e))?
        else {
            return Ok(None);
        };
        if let Some(state) =
            seal.open(PURPOSE, &sealed).and_then(|plain| saved::read(&plain, clock))
        {
            return Ok(Some(state));
        }
        directory.set_aside(seal.name()).map_err(|e| self.trouble("clean up", &e))?;
        let damaged = format_args!("a damaged file was set aside as {}.damaged", seal.name());
        Err(self.trouble("read", &damaged))
    }

    /// Saves the state for the next process.
    pub(crate) fn save(&self, seal: &Seal, state: &State, clock: &dyn Clock) -> Result<()> {
        let Some(directory) = &self.0 else { return Ok(()) };
        let sealed = seal.seal(PURPOSE, &saved::write(state, clock)?)?;
        directory.save(seal.name(), &sealed).map_err(|e| self.trouble("write", &e))
    }

    /// Waits until no other process signs in with this credential, at most for `patience`; `None`
    /// where there is nobody to wait for. A holder that dies frees the lock at once.
    pub(crate) fn lock(&self, seal: &Seal, patience: Duration) -> Result<Option<Lock>> {
        let Some(directory) = &self.0 else { return Ok(None) };
        let started = Instant::now();
        loop {
            let lock = directory.try_lock(seal.name()).map_err(|e| self.trouble("lock", &e))?;
            if lock.is_some() {
                return Ok(lock);
            }
            if started.elapsed() >= patience {
                let held = io::Error::other("another process has held the lock for too long");
                return Err(self.trouble("lock", &held));
            }
            thread::sleep(POLL);
        }
    }

    fn trouble(&self, verb: &str, problem: &dyn std::fmt::Display) -> Error {
        let path = self.0.as_ref().map(|directory| directory.path().display().to_string());
        let path = path.unwrap_or_default();
        Error::new(ErrorKind::Store, format!("cannot {verb} the store {path}: {problem}"))
    }
}

impl Default for Store {
    fn default() -> Self {
        Store::memory()
    }
}
