//! Keeps sessions and the journal of rotations beyond the end of the process, in a directory or in
//! Redis.

pub(crate) mod backend;
mod check;
pub(crate) mod directory;
pub(crate) mod encryption;
mod file_lock;
mod location;
#[cfg(feature = "redis")]
mod redis;
pub(crate) mod rotation_journal;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::http::tls::Roots;
use crate::store::backend::{Backend, LONGEST_ENTRY, Lock};
use crate::store::directory::Directory;
use crate::store::encryption::EntryKey;
#[cfg(feature = "redis")]
use crate::store::redis::Redis;
use crate::sys::clock::Clock;
use crate::sys::wait::Wait;
use crate::types::error::{Error, ErrorKind, Result};

/// The purpose that the entries of sessions are encrypted for, which is part of their key.
pub(crate) const SESSION: &str = "session";

/// Where a session is kept beyond the end of the process.
///
/// ```
/// use emnify_core::Store;
///
/// // Only in memory, until the process ends; the default.
/// let store = Store::memory();
/// // In a directory: survives restarts, and is shared by all processes with the same credential.
/// let store = Store::directory("/var/lib/gateway/emnify");
/// // From a setting: a directory, or the URL of Redis.
/// let store = Store::at("/var/lib/gateway/emnify")?;
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Store(Option<Arc<dyn Backend>>);

/// The result of asking for the lock.
pub(crate) enum Locked {
    /// The caller holds it until this is dropped.
    Acquired(#[allow(dead_code, reason = "held for its drop")] Lock),
    /// The store is in memory, so no other process shares it.
    NotShared,
    /// Another process holds it.
    Busy,
}

impl Store {
    /// Keeps the session in memory, until the process ends.
    #[must_use]
    pub fn memory() -> Self {
        Store(None)
    }

    /// Keeps the session and the journal of rotations in a directory of this machine, which is
    /// created if it is missing. Each credential has its own files, with mode 0600 and encrypted
    /// with a key derived from the credential, so that the disk alone reveals nothing. Of several
    /// processes that share the directory, one signs in for all.
    ///
    /// After a rotation, the directory leads from the old application token to the new one. So do
    /// not empty it, and do not put it on a temporary file system. Keep the lock files (`*.lock`),
    /// too: if one is removed while it is locked, a second process can lock a new one.
    ///
    /// If the directory cannot be read or written, the session continues in memory and reports
    /// [`EventKind::StoreError`](crate::EventKind::StoreError). A directory that the group or
    /// others can write to is not used either, and the event contains the `chmod` to run. On a
    /// volume that everyone can write to, use a subdirectory.
    ///
    /// Files that root creates in another user's directory belong to that user.
    ///
    /// On Windows the files have the permissions of the directory that contains them: below the
    /// user's profile (`%LOCALAPPDATA%`) only that user, administrators and the system can read them.
    ///
    /// Two copies of this library in one process (for example the C library and the Python package)
    /// cannot lock each other out: give each its own directory.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Store(Some(Arc::new(Directory::new(path))))
    }

    /// Keeps the session in Redis or Valkey (version 6 or later), for a fleet of processes on
    /// several machines that share one credential. Each credential has one key, encrypted like the
    /// files of a directory, and one process signs in for all. The URL has one of these forms:
    ///
    /// - `redis://[user[:password]@]host[:port][/database]`
    /// - `rediss://…`, the same with TLS; the certificates that the client trusts apply
    /// - `redis+unix:///path[?db=…&user=…&pass=…]`, a socket of this machine
    ///
    /// If the URL contains no password, it is taken from the environment variable
    /// `EMNIFY_STORE_PASSWORD`, or else from the file that `EMNIFY_STORE_PASSWORD_FILE` names, which
    /// is read again at each connection.
    ///
    /// If the server fails, the session continues in memory and reports
    /// [`EventKind::StoreError`](crate::EventKind::StoreError). An operation takes at most one
    /// second, and at most half of the time that the call has left. After a fault the server is not
    /// used for 5 to 10 s, and after several in a row for up to a minute.
    ///
    /// Each client has one connection per process, and another one while it signs in. A user of an
    /// access control list needs the keys `emnify-auth:*` and the commands `select`, `set`, `get`,
    /// `getrange`, `del`, `rename`, `pexpire` and `eval`.
    ///
    /// ```
    /// # use emnify_core::Store;
    /// let store = Store::redis("rediss://emnify@redis.example.com:6380/0")?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the URL has another form.
    #[cfg(feature = "redis")]
    pub fn redis(url: &str) -> Result<Self> {
        Ok(Store(Some(Arc::new(Redis::new("store", url)?))))
    }

    /// Replaces the store's backend by the result of `wrap`. A store in memory has no backend and
    /// does not change.
    #[cfg(feature = "__faces")]
    #[doc(hidden)]
    #[must_use]
    pub fn with_backend(self, wrap: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>) -> Self {
        Store(self.0.map(wrap))
    }

    /// Returns this store for operations that end with the wait.
    pub(crate) fn within(&self, wait: &Wait) -> Store {
        let backend = self.0.as_ref().and_then(|backend| backend.within(wait));
        backend.map_or_else(|| self.clone(), |backend| Store(Some(backend)))
    }

    /// Returns where it is, without a password; `None` for memory.
    pub(crate) fn location(&self) -> Option<String> {
        self.0.as_ref().map(|backend| backend.location())
    }

    /// Checks the location, and returns the store for a client that trusts these certificates and
    /// has this clock.
    pub(crate) fn for_client(self, roots: &Roots, clock: &Arc<dyn Clock>) -> Result<Store> {
        let Some(backend) = &self.0 else { return Ok(self) };
        let location = backend.location();
        if location.is_empty() {
            return Err(Error::invalid_input("store", "is empty"));
        }
        if location.contains('\0') {
            return Err(Error::invalid_input("store", "contains a NUL"));
        }
        let own = backend.for_client(roots, clock)?;
        Ok(own.map_or(self, |backend| Store(Some(backend))))
    }

    /// Whether nothing is kept beyond the end of the process.
    pub(crate) fn is_memory(&self) -> bool {
        self.0.is_none()
    }

    /// Whether entries survive a power failure.
    pub(crate) fn is_durable(&self) -> bool {
        self.0.as_ref().is_some_and(|backend| backend.is_durable())
    }

    /// Removes the session of the credential of that name, which no longer works.
    pub(crate) fn forget(&self, name: &str) -> Result<()> {
        let Some(backend) = &self.0 else { return Ok(()) };
        backend.remove(name).map_err(|e| self.io_error("clean up", &e))
    }

    /// Reads the entry that was written for this purpose with the same credential, if there is one.
    /// If the caller holds the lock (`locked`), a damaged entry is set aside; without the lock,
    /// that could hit an entry that is being written.
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
                    // Something else has the entry's name: keep the next session from finding it.
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

    /// Encrypts and writes the entry in place of the previous one. Only for the holder of the lock.
    pub(crate) fn write(&self, key: &EntryKey, purpose: &str, plain: &[u8]) -> Result<()> {
        let Some(backend) = &self.0 else { return Ok(()) };
        let encrypted = key.encrypt(purpose, plain)?;
        if encrypted.len() > LONGEST_ENTRY {
            let problem =
                format!("the entry has {} bytes; the limit is {LONGEST_ENTRY}", encrypted.len());
            return Err(self.error("write", &problem));
        }
        backend.save(&name_for(key, purpose), &encrypted).map_err(|e| self.io_error("write", &e))
    }

    /// Waits for the lock of that name, but at most for `patience`. If its holder dies, the lock
    /// becomes free.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the wait was interrupted; `Store` if the lock cannot be used.
    pub(crate) fn lock(&self, name: &str, wait: &Wait, patience: Duration) -> Result<Locked> {
        let Some(backend) = &self.0 else { return Ok(Locked::NotShared) };
        let started = Instant::now();
        loop {
            if let Some(lock) = backend.try_lock(name).map_err(|e| self.io_error("lock", &e))? {
                return Ok(Locked::Acquired(lock));
            }
            let left = patience.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(Locked::Busy);
            }
            let pause = backend.poll_interval().min(left);
            wait.until(pause, "lock the store", || None::<()>)?;
        }
    }

    fn io_error(&self, verb: &str, error: &io::Error) -> Error {
        match backend::is_interrupted(error) {
            true => Error::cancelled(&format!("{verb} the store")),
            false => self.error(verb, error).with_io_error(error),
        }
    }

    fn error(&self, verb: &str, problem: &dyn std::fmt::Display) -> Error {
        let location = self.location().unwrap_or_default();
        Error::new(ErrorKind::Store, format!("cannot {verb} the store {location}: {problem}"))
    }
}

/// Returns the entry's name. A session has the plain name, since most stores hold nothing else.
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
    fn an_entry_that_is_too_long_to_be_read_back_is_not_written() {
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
        assert!(error.to_string().contains("the limit is 262144"), "{error}");
        assert_eq!(*store.read(&key, SESSION, true).unwrap().unwrap(), longest);
        std::fs::remove_dir_all(path).unwrap();
    }
}
