//! A lock on a file that one thread of one process holds at a time. The kernel frees it when the
//! process ends, however that happens.
//!
//! Two copies of this library in one process (for example the C library and the Python package)
//! cannot lock each other out: to the kernel they are one process, and each has its own table.

#[cfg(all(test, unix))]
mod tests;

pub(crate) use platform::try_lock;

#[cfg(unix)]
mod platform {
    //! Uses the kernel's record lock (fcntl), which a forked child does not inherit and which works
    //! on NFS. The lock belongs to the process: the kernel would also grant it to a second thread,
    //! and frees it when the process closes any descriptor of the file. So a table records what the
    //! threads of this process hold. It is consulted before the file is opened, and no descriptor
    //! of a file that is locked is ever closed.

    use std::collections::BTreeMap;
    use std::collections::btree_map::Entry;
    use std::fs::{self, File, Metadata};
    use std::io;
    use std::mem;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use crate::sys::per_process::{PerProcess, Process};

    /// So many files stay open. Each application token has one, and so each rotation adds one.
    const MOST_OPEN: usize = 16;

    /// The lock files that this process has open. A forked child starts with an empty table.
    static TABLE: PerProcess<Mutex<BTreeMap<Id, Kept>>> = PerProcess::new();

    /// Device and inode of a file, which are the same under all of its names.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Id(u64, u64);

    /// An open lock file.
    struct Kept {
        file: File,
        is_locked: bool,
    }

    /// A lock, held until it is dropped. Dropping it in a forked child has no effect.
    #[derive(Debug)]
    pub(crate) struct FileLock {
        id: Id,
        process: Process,
    }

    /// Returns the lock on the file at `path` if neither a thread of this process nor another
    /// process holds it. `open` opens the file for writing, and creates it if it is missing.
    pub(crate) fn try_lock(
        path: &Path,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<Option<FileLock>> {
        let mut table = table();
        let id = match Id::at(path)? {
            Some(id) if table.get(&id).is_some_and(|kept| kept.is_open_as(id)) => id,
            _ => keep(&mut table, open()?)?,
        };
        let Some(kept) = table.get_mut(&id).filter(|kept| !kept.is_locked) else {
            return Ok(None);
        };
        if !set(&kept.file, true)? {
            return Ok(None);
        }
        match Id::at(path) {
            Ok(Some(now)) if now == id => {
                kept.is_locked = true;
                Ok(Some(FileLock { id, process: Process::current() }))
            }
            // The file was removed or replaced meanwhile, so other processes lock another one.
            missed => {
                set(&kept.file, false)?;
                missed.map(|_| None)
            }
        }
    }

    impl Kept {
        /// Whether the descriptor is still this file's: the host may have closed it, and its number
        /// may belong to another file now.
        fn is_open_as(&self, id: Id) -> bool {
            self.file.metadata().is_ok_and(|metadata| Id::new(&metadata) == id)
        }
    }

    impl Drop for FileLock {
        fn drop(&mut self) {
            if self.process != Process::current() {
                return;
            }
            if let Some(kept) = table().get_mut(&self.id) {
                if kept.is_open_as(self.id) {
                    // If this fails, the lock ends with the process.
                    let _ = set(&kept.file, false);
                }
                kept.is_locked = false;
            }
        }
    }

    impl Id {
        fn new(metadata: &Metadata) -> Self {
            Id(metadata.dev(), metadata.ino())
        }

        /// Returns the id of the file at `path`; `None` if there is none.
        fn at(path: &Path) -> io::Result<Option<Self>> {
            match fs::symlink_metadata(path) {
                Ok(metadata) => Ok(Some(Id::new(&metadata))),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(e),
            }
        }
    }

    fn table() -> MutexGuard<'static, BTreeMap<Id, Kept>> {
        TABLE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the file to the table, which keeps it open. If there are many, closes those that are free.
    fn keep(table: &mut BTreeMap<Id, Kept>, file: File) -> io::Result<Id> {
        let id = match file.metadata() {
            Ok(metadata) => Id::new(&metadata),
            Err(e) => {
                mem::forget(file);
                return Err(e);
            }
        };
        if table.len() >= MOST_OPEN {
            let (locked, free) = mem::take(table).into_iter().partition(|(_, kept)| kept.is_locked);
            *table = locked;
            close(free);
        }
        match table.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(Kept { file, is_locked: false });
            }
            // The host closed our descriptor, so closing it might close another file; or the file
            // was just moved here, and closing one of its descriptors would free the lock.
            Entry::Occupied(kept) => mem::forget(mem::replace(&mut kept.into_mut().file, file)),
        }
        Ok(id)
    }

    /// Closes the files, except descriptors that the host has closed before.
    fn close(free: BTreeMap<Id, Kept>) {
        for (id, kept) in free {
            if !kept.is_open_as(id) {
                mem::forget(kept);
            }
        }
    }

    /// Locks or unlocks the whole file. Returns `false` if another process holds the lock.
    fn set(file: &File, locked: bool) -> io::Result<bool> {
        let kind = if locked { libc::F_WRLCK } else { libc::F_UNLCK };
        let whole = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        loop {
            match fcntl(file, FcntlArg::F_SETLK(&whole)) {
                Ok(_) => return Ok(true),
                Err(Errno::EACCES | Errno::EAGAIN) => return Ok(false),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

#[cfg(windows)]
mod platform {
    //! A file that is open without sharing is locked until it is closed.

    use std::fs::File;
    use std::io;
    use std::path::Path;

    const ERROR_SHARING_VIOLATION: i32 = 32;

    pub(crate) type FileLock = File;

    /// Returns the lock on the file, unless it is held. `open` opens the file without sharing, and
    /// creates it if it is missing.
    pub(crate) fn try_lock(
        _: &Path,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<Option<FileLock>> {
        match open() {
            Err(e) if e.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
            opened => opened.map(Some),
        }
    }
}
