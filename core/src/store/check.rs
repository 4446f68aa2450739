//! Checks whether a store works: that it can be locked, written and read, and outlives a reboot.

use std::time::Duration;

use crate::store::encryption::EntryKey;
use crate::store::{Locked, SESSION, Store};
use crate::sys::wait::Wait;
use crate::types::check::{Check, CheckSubject, Verdict};
use crate::types::error::{ErrorKind, Result};

/// The name of the entry that is written and removed.
const NAME: &str = "check";

/// How long another check in the same store may take.
const PATIENCE: Duration = Duration::from_secs(2);

impl Store {
    /// Checks the store, and the session's entry if the key of the session is known. In a
    /// directory, an empty lock file stays.
    pub(crate) fn check(&self, key: Option<&EntryKey>, wait: &Wait) -> Result<Check> {
        let Some(location) = self.location() else {
            let found = "none is set: the session ends with the process";
            return Ok(Check::new(CheckSubject::Store, Verdict::Ok, "looking for a store", found));
        };
        let tried = format!("locking, writing and reading {location}");
        let check = |verdict, found| Check::new(CheckSubject::Store, verdict, tried.clone(), found);
        let is_volatile = match self.within(wait).try_out(key, wait) {
            Ok(is_volatile) => is_volatile,
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                let failed = Check::failed(CheckSubject::Store, tried.clone(), "", &error);
                let advice = error.io_error().and_then(|e| platform::advice(&location, e));
                return Ok(Check { advice: failed.advice.clone().or(advice), ..failed });
            }
        };
        if is_volatile {
            let check =
                check(Verdict::Warning, "it works, but is in memory until a reboot (tmpfs)");
            return Ok(check.with_advice("use a directory on a disk, such as one in /var/lib"));
        }
        Ok(check(Verdict::Ok, "it works"))
    }

    /// Locks, writes, reads and removes an entry. Returns whether a reboot would remove it.
    fn try_out(&self, key: Option<&EntryKey>, wait: &Wait) -> Result<bool> {
        let Some(backend) = &self.0 else { return Ok(false) };
        if let Some(key) = key {
            self.read(key, SESSION, false)?;
        }
        let lock = self.lock(NAME, wait, PATIENCE)?;
        if matches!(lock, Locked::Busy) {
            return Err(self.error("lock", &"another process has held the lock for 2 s"));
        }
        backend.save(NAME, NAME.as_bytes()).map_err(|e| self.io_error("write", &e))?;
        let is_volatile = backend.is_volatile();
        let read = backend.load(NAME).map_err(|e| self.io_error("read", &e));
        backend.remove(NAME).map_err(|e| self.io_error("clean up", &e))?;
        match read? {
            Some(bytes) if bytes == NAME.as_bytes() => Ok(is_volatile),
            _ => Err(self.error("read", &"it did not return what was written")),
        }
    }
}

#[cfg(unix)]
mod platform {
    use std::fs;
    use std::io::{Error, ErrorKind};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use nix::unistd::geteuid;

    /// Returns what to do about a directory that cannot be used.
    pub(super) fn advice(directory: &str, error: &Error) -> Option<String> {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Some("free space on this file system".into())
            }
            ErrorKind::ReadOnlyFilesystem => {
                Some("use a directory on a file system that can be written to".into())
            }
            ErrorKind::PermissionDenied => {
                // If the directory is missing, the one that it would be created in.
                let existing =
                    |path: &Path| Some((path.display().to_string(), fs::metadata(path).ok()?));
                let (path, found) = Path::new(directory).ancestors().find_map(existing)?;
                let (owner, own) = (found.uid(), geteuid().as_raw());
                Some(match owner == own {
                    true => format!("run: chmod u+rwx {path}"),
                    false => format!(
                        "{path} belongs to the user {owner}, and this process runs as the user \
                         {own}: run it as {owner}, or use another directory"
                    ),
                })
            }
            _ => None,
        }
    }
}

#[cfg(not(unix))]
mod platform {
    pub(super) fn advice(_: &str, _: &std::io::Error) -> Option<String> {
        None
    }
}
