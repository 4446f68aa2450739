//! Where a session outlives its process. What goes wrong here is reported and never stops a
//! session: it goes on in memory.

use std::any::Any;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::directory::Directory;
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
pub struct Store(Option<Arc<dyn Place>>);

/// A place that holds small sealed texts by name, with a lock for each name.
pub(crate) trait Place: fmt::Debug + Send + Sync {
    /// Where it is, for a message; without a password.
    fn location(&self) -> String;

    /// What is held under the name, if anything.
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Replaces it as a whole.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Takes what cannot be used out of the way, for somebody to look at.
    fn set_aside(&self, name: &str) -> io::Result<()>;

    /// The lock, if nobody holds it. It is freed when dropped, and soon after its holder died.
    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>>;
}

/// Held while a process signs in.
pub(crate) type Lock = Box<dyn Any + Send>;

/// What came of asking for the lock.
pub(crate) enum Locked {
    /// It is ours until this is dropped.
    Held(#[allow(dead_code, reason = "held for its drop")] Lock),
    /// There is nobody to share with.
    Alone,
    /// Another process holds it.
    Busy,
}

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
        Store(Some(Arc::new(Directory::new(path))))
    }

    /// Keeps the session in Redis, for a fleet of processes on several machines that share one
    /// credential: one key for each credential, sealed as in a directory, with the same single
    /// refresh. The URL is of the form `redis://[user:password@]host[:port][/database]`.
    ///
    /// A server that does not answer is no error: the session goes on in memory and reports it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the URL is none of that form.
    #[cfg(feature = "redis")]
    pub fn redis(url: &str) -> Result<Self> {
        Ok(Store(Some(Arc::new(crate::redis::Redis::new(url)?))))
    }

    /// Keeps the session where that text says: a URL that starts with `redis://`, or else a
    /// directory. For settings that come from a file or a user.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the text is a URL that this build has no use for.
    pub fn at(location: &str) -> Result<Self> {
        let refuse = |problem| Err(Error::invalid_input("store", problem));
        match location.split_once("://") {
            #[cfg(feature = "redis")]
            Some(("redis", _)) => Store::redis(location),
            #[cfg(not(feature = "redis"))]
            Some(("redis", _)) => refuse("Redis is not part of this build"),
            Some(_) => refuse("is neither a directory nor a URL such as redis://host:6379/0"),
            None => Ok(Store::directory(location)),
        }
    }

    /// Refuses what cannot be a place.
    pub(crate) fn check(&self) -> Result<()> {
        match self.0.as_ref().map(|place| place.location()) {
            Some(location) if location.is_empty() => Err(Error::invalid_input("store", "is empty")),
            Some(location) if location.contains('\0') => {
                Err(Error::invalid_input("store", "has a NUL"))
            }
            _ => Ok(()),
        }
    }

    /// The state as some process last saved it, if there is a usable one.
    pub(crate) fn load(
        &self,
        seal: &Seal,
        now: Duration,
        clock: &dyn Clock,
    ) -> Result<Option<State>> {
        let Some(place) = &self.0 else { return Ok(None) };
        let sealed = match place.load(seal.name()) {
            Ok(None) => return Ok(None),
            Ok(Some(sealed)) => sealed,
            Err(e) => {
                if e.kind() == io::ErrorKind::InvalidData {
                    // Something else in its place: the next session shall not meet it again.
                    let _ = place.set_aside(seal.name());
                }
                return Err(self.trouble("read", &e));
            }
        };
        if let Some(plain) = seal.open(PURPOSE, &sealed) {
            // Another version's is replaced at the next write.
            return Ok(saved::read(&plain, seal.name(), now, clock));
        }
        place.set_aside(seal.name()).map_err(|e| self.trouble("clean up", &e))?;
        let damaged = format!("{} is damaged and was set aside", seal.name());
        Err(self.trouble("read", &damaged))
    }

    /// Saves the state for the next process. Only for who holds the lock.
    pub(crate) fn save(
        &self,
        seal: &Seal,
        state: &State,
        now: Duration,
        clock: &dyn Clock,
    ) -> Result<()> {
        let Some(place) = &self.0 else { return Ok(()) };
        let sealed = seal.seal(PURPOSE, &saved::write(&state.savable(), now, clock)?)?;
        place.save(seal.name(), &sealed).map_err(|e| self.trouble("write", &e))
    }

    /// Waits until no other process signs in with this credential, at most for `patience`. A
    /// holder that dies frees the lock at once.
    pub(crate) fn lock(&self, seal: &Seal, patience: Duration) -> Result<Locked> {
        let Some(place) = &self.0 else { return Ok(Locked::Alone) };
        let started = Instant::now();
        loop {
            if let Some(lock) = place.try_lock(seal.name()).map_err(|e| self.trouble("lock", &e))? {
                return Ok(Locked::Held(lock));
            }
            if started.elapsed() >= patience {
                return Ok(Locked::Busy);
            }
            thread::sleep(POLL);
        }
    }

    fn trouble(&self, verb: &str, problem: &dyn std::fmt::Display) -> Error {
        let location = self.0.as_ref().map(|place| place.location()).unwrap_or_default();
        Error::new(
            ErrorKind::Store,
            format!("cannot {verb} the store {location}, the session goes on in memory: {problem}"),
        )
    }
}

impl Default for Store {
    fn default() -> Self {
        Store::memory()
    }
}
