//! Where a session and the journal of a rotation outlive their process.

pub(crate) mod backend;
pub(crate) mod directory;
pub(crate) mod encryption;
mod file_lock;
#[cfg(feature = "redis")]
mod redis;
pub(crate) mod rotation_journal;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::store::backend::{Backend, LONGEST_ENTRY, Lock};
use crate::store::directory::Directory;
use zeroize::Zeroizing;

use crate::store::encryption::EntryKey;
use crate::sys::wait::Wait;
use crate::types::error::{Error, ErrorKind, Result};

/// What the bytes of a session are encrypted for, which is part of their key.
pub(crate) const SESSION: &str = "session";

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
pub struct Store(Option<Arc<dyn Backend>>);

/// What came of asking for the lock.
pub(crate) enum Locked {
    /// It is ours until this is dropped.
    Acquired(#[allow(dead_code, reason = "held for its drop")] Lock),
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

    /// Keeps the session in a directory of this machine, made if it is not there, and the journal
    /// of rotations. Each credential has its own files, mode 0600, encrypted with a key derived
    /// from the credential: who has the disk and not the credential learns nothing. Processes that
    /// share it sign in once for all.
    ///
    /// Once an application token was rotated, the way from an old one to the new one is here: such a
    /// directory is neither to be emptied nor on a file system that forgets. Keep the lock
    /// files (`*.lock`), too: removing one while it is held lets a second process in.
    ///
    /// A directory that cannot be read or written is no error: the session goes on in memory and
    /// reports it by [`EventKind::StoreTrouble`](crate::EventKind::StoreTrouble). A directory
    /// that the group or others can write to is not used either; the report has the `chmod` to run.
    /// In a volume that everyone can write to, name a subdirectory.
    ///
    /// What root writes into another user's directory belongs to that user.
    ///
    /// Two copies of this library in one process (say, the C library and the Python package) do not
    /// exclude each other: give each a directory of its own.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Store(Some(Arc::new(Directory::new(path))))
    }

    /// Keeps the session in Redis, for a fleet of processes on several machines that share one
    /// credential: one key for each credential, encrypted as in a directory, with the same single
    /// refresh. The URL is of the form `redis://[user:password@]host[:port][/database]`.
    ///
    /// A server that does not answer is no error: the session goes on in memory and reports it by
    /// [`EventKind::StoreTrouble`](crate::EventKind::StoreTrouble). An operation takes at most a
    /// second, and at most half of the time that the call has left. After a fault the server is not
    /// asked again for 5 to 10 s, and after several in a row for up to a minute.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the URL is none of that form.
    #[cfg(feature = "redis")]
    pub fn redis(url: &str) -> Result<Self> {
        Ok(Store(Some(Arc::new(crate::store::redis::Redis::new(url)?))))
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

    /// A place of a test's own.
    #[cfg(all(test, unix))]
    pub(crate) fn of_test(backend: impl Backend + 'static) -> Self {
        Store(Some(Arc::new(backend)))
    }

    /// The same store for a caller that waits as told.
    pub(crate) fn within(&self, wait: &Wait) -> Store {
        let backend = self.0.as_ref().and_then(|backend| backend.within(wait));
        backend.map_or_else(|| self.clone(), |backend| Store(Some(backend)))
    }

    /// Refuses what cannot be a place.
    pub(crate) fn check(&self) -> Result<()> {
        match self.0.as_ref().map(|backend| backend.location()) {
            Some(location) if location.is_empty() => Err(Error::invalid_input("store", "is empty")),
            Some(location) if location.contains('\0') => {
                Err(Error::invalid_input("store", "has a NUL"))
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing is kept here beyond the process.
    pub(crate) fn is_memory(&self) -> bool {
        self.0.is_none()
    }

    /// Whether what is kept here outlives a power failure.
    pub(crate) fn is_durable(&self) -> bool {
        self.0.as_ref().is_some_and(|backend| backend.is_durable())
    }

    /// Removes the session of the credential of that name, which works no more.
    pub(crate) fn forget(&self, name: &str) -> Result<()> {
        let Some(backend) = &self.0 else { return Ok(()) };
        backend.remove(name).map_err(|e| self.io_error("clean up", &e))
    }

    /// What was written for that purpose with the same credential, if it is there. Who holds the
    /// lock (`locked`) has what is damaged set aside: others could hit what is written meanwhile.
    pub(crate) fn read(
        &self,
        key: &EntryKey,
        purpose: &str,
        locked: bool,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let Some(backend) = &self.0 else { return Ok(None) };
        let name = name_for(key, purpose);
        let encrypted = match backend.load(&name) {
            Ok(None) => return Ok(None),
            Ok(Some(encrypted)) => encrypted,
            Err(e) => {
                if locked && e.kind() == io::ErrorKind::InvalidData {
                    // Something else in its place: the next session shall not meet it again.
                    let _ = backend.set_aside(&name);
                }
                return Err(self.io_error("read", &e));
            }
        };
        if let Some(plain) = key.decrypt(purpose, &encrypted) {
            return Ok(Some(plain));
        }
        if !locked {
            return Err(self.error("read", &format!("{name} is damaged")));
        }
        backend.set_aside(&name).map_err(|e| self.io_error("clean up", &e))?;
        Err(self.error("read", &format!("{name} is damaged and was set aside")))
    }

    /// Writes it, encrypted, in place of what was there. Only for who holds the lock.
    pub(crate) fn write(&self, key: &EntryKey, purpose: &str, plain: &[u8]) -> Result<()> {
        let Some(backend) = &self.0 else { return Ok(()) };
        let encrypted = key.encrypt(purpose, plain)?;
        if encrypted.len() > LONGEST_ENTRY {
            let problem = format!(
                "the entry has {} bytes, and at most {LONGEST_ENTRY} are read back",
                encrypted.len()
            );
            return Err(self.error("write", &problem));
        }
        backend.save(&name_for(key, purpose), &encrypted).map_err(|e| self.io_error("write", &e))
    }

    /// Waits until no other process holds the lock of that name, at most for `patience`. A holder
    /// that dies frees it at once.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the wait was interrupted; `Store` if the lock cannot be used.
    pub(crate) fn lock(&self, name: &str, wait: &Wait, patience: Duration) -> Result<Locked> {
        let Some(backend) = &self.0 else { return Ok(Locked::Alone) };
        let started = Instant::now();
        loop {
            if let Some(lock) = backend.try_lock(name).map_err(|e| self.io_error("lock", &e))? {
                return Ok(Locked::Acquired(lock));
            }
            if started.elapsed() >= patience {
                return Ok(Locked::Busy);
            }
            wait.until(POLL, "lock the store", || None::<()>)?;
        }
    }

    fn io_error(&self, verb: &str, error: &io::Error) -> Error {
        match backend::is_interrupted(error) {
            true => Error::cancelled(&format!("{verb} the store")),
            false => self.error(verb, error),
        }
    }

    fn error(&self, verb: &str, problem: &dyn std::fmt::Display) -> Error {
        let location = self.0.as_ref().map(|backend| backend.location()).unwrap_or_default();
        Error::new(ErrorKind::Store, format!("cannot {verb} the store {location}: {problem}"))
    }
}

/// The session has the plain name: it is what most stores hold and nothing else.
fn name_for(key: &EntryKey, purpose: &str) -> String {
    match purpose {
        SESSION => key.name().to_owned(),
        other => format!("{}.{other}", key.name()),
    }
}

impl Default for Store {
    fn default() -> Self {
        Store::memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::secret::Secret;

    #[test]
    fn an_entry_that_could_not_be_read_back_is_refused_before_anything_is_written() {
        let name = format!("emnify-long-entry-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let store = Store::directory(&path);
        let key = EntryKey::new(&Secret::from("secret"), "https://example.org").unwrap();
        let longest = (0..LONGEST_ENTRY).rev().find(|length| {
            key.encrypt(SESSION, &vec![b'x'; *length]).unwrap().len() <= LONGEST_ENTRY
        });
        let longest = vec![b'x'; longest.unwrap()];
        store.write(&key, SESSION, &longest).unwrap();
        let error = store.write(&key, SESSION, &[&longest[..], b"y"].concat()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.to_string().contains("at most 262144 are read back"), "{error}");
        assert_eq!(*store.read(&key, SESSION, true).unwrap().unwrap(), longest);
        std::fs::remove_dir_all(path).unwrap();
    }
}
