//! Keeps entries in a directory, one small file each. A file is replaced as a whole, so that a
//! power failure leaves the old content or the new. Each entry has a lock file.

use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::store::backend::{Backend, LONGEST_ENTRY, Lock};
use crate::store::file_lock;
use crate::sys::atomic_file;

/// A directory of entries, which is created with mode 0700 at the first write if it is missing.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into() }
    }

    /// Returns the entry's path, unless others can write to the directory.
    fn entry(&self, name: &str) -> io::Result<PathBuf> {
        platform::refuse_if_others_can_write(&self.path)?;
        Ok(self.path.join(name))
    }

    /// Creates the directory and its missing parents. Each is durable in its own parent.
    fn make(&self) -> io::Result<()> {
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.is_dir();
        let missing: Vec<&Path> = self.path.ancestors().take_while(is_missing).collect();
        let mut builder = DirBuilder::new();
        platform::private_directory(&mut builder);
        for path in missing.into_iter().rev() {
            match builder.create(path) {
                // Another process was first.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                created => created?,
            }
            atomic_file::sync_parent(path)?;
        }
        Ok(())
    }
}

impl Backend for Directory {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.entry(name)?;
        let file = match atomic_file::private().read(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) if path.is_symlink() => return Err(unusable("is a symbolic link")),
            Err(e) => return Err(e),
        };
        if !file.metadata()?.is_file() {
            return Err(unusable("is not a regular file"));
        }
        // Fails on a read-only file system; the file then still belongs to root.
        let _ = platform::give_to_owner_of(&self.path, &file);
        let mut bytes = Vec::new();
        file.take(LONGEST_ENTRY as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > LONGEST_ENTRY {
            return Err(unusable("is too long"));
        }
        Ok(Some(bytes))
    }

    /// Only for the holder of the lock, since all writers use the same temporary file.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.make()?;
        let path = self.entry(name)?;
        let aside = self.path.join(format!("{name}.new"));
        let give = |file: &fs::File| platform::give_to_owner_of(&self.path, file);
        atomic_file::replace(&path, &aside, bytes, give)
    }

    /// The lock file is kept: another process may be about to lock it.
    fn remove(&self, name: &str) -> io::Result<()> {
        atomic_file::remove(&self.entry(name)?)
    }

    fn is_durable(&self) -> bool {
        true
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn is_volatile(&self) -> bool {
        /// The type of a file system in memory: see statfs(2).
        const TMPFS: u32 = 0x0102_1994;
        rustix::fs::statfs(&self.path).is_ok_and(|found| found.f_type as u32 == TMPFS)
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        fs::rename(self.entry(name)?, self.path.join(format!("{name}.damaged")))
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        self.make()?;
        let path = self.entry(&format!("{name}.lock"))?;
        let lock = file_lock::try_lock(&path, || platform::open_lock_file(&self.path, &path))?;
        Ok(lock.map(|lock| Box::new(lock) as Lock))
    }
}

/// Creates the error for something that has the entry's name but is not an entry.
fn unusable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(unix)]
mod platform {
    //! Modes, owners and links on Unix.

    use std::fs::{self, DirBuilder, File};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, fchown};
    use std::path::Path;

    use nix::unistd::geteuid;

    use crate::sys::atomic_file;
    use crate::sys::random;

    /// The mode bits that let the group and others write, add and remove files.
    const WRITABLE_BY_OTHERS: u32 = 0o022;

    pub(super) fn private_directory(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    /// Refuses a directory that others can write to: they could restore an old entry or replace the
    /// lock file, even if the directory has the sticky bit.
    pub(super) fn refuse_if_others_can_write(directory: &Path) -> io::Result<()> {
        let mode = match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => metadata.mode() & 0o7777,
            // If the directory is needed, using it fails.
            _ => return Ok(()),
        };
        if mode & WRITABLE_BY_OTHERS == 0 {
            return Ok(());
        }
        let quoted = directory.display().to_string().replace('\'', "'\\''");
        let message = format!(
            "other users can write to this directory (mode {mode:04o}); run: chmod go-w '{quoted}'"
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }

    /// Returns the directory's owner, if this process is root and the owner is another user.
    fn other_owner(directory: &Path) -> io::Result<Option<(u32, u32)>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let owner = fs::metadata(directory)?;
        Ok(Some((owner.uid(), owner.gid())).filter(|(user, _)| *user != geteuid().as_raw()))
    }

    /// Gives a file that root owns in another user's directory to that user, who must be able to
    /// read it. Does nothing if the file has several links: the user may have linked a file of
    /// root's here.
    pub(super) fn give_to_owner_of(directory: &Path, file: &File) -> io::Result<()> {
        let Some((user, group)) = other_owner(directory)? else { return Ok(()) };
        let metadata = file.metadata()?;
        if metadata.uid() != geteuid().as_raw() || metadata.nlink() != 1 {
            return Ok(());
        }
        fchown(file, Some(user), Some(group))
    }

    /// Opens the lock file, and creates it if it is missing.
    pub(super) fn open_lock_file(directory: &Path, path: &Path) -> io::Result<File> {
        match create_lock_file(directory, path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            created => created?,
        }
        let file = atomic_file::private().read(true).write(true).open(path)?;
        give_to_owner_of(directory, &file)?;
        Ok(file)
    }

    fn create_lock_file(directory: &Path, path: &Path) -> io::Result<()> {
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        let create = |path: &Path| atomic_file::private().create_new(true).write(true).open(path);
        if other_owner(directory)?.is_none() {
            return create(path).map(drop);
        }
        // It gets its name only after its owner. Otherwise, if root was killed in between, the
        // owner could never open it.
        let aside = path.with_extension(random::name()?);
        let file = create(&aside)?;
        let linked = give_to_owner_of(directory, &file).and_then(|()| fs::hard_link(&aside, path));
        fs::remove_file(&aside)?;
        linked
    }
}

#[cfg(windows)]
mod platform {
    //! On Windows, a user's directories are not open to other users by default.

    use std::fs::{DirBuilder, File};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::Path;

    use crate::sys::atomic_file;

    pub(super) fn private_directory(_: &mut DirBuilder) {}

    pub(super) fn refuse_if_others_can_write(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn give_to_owner_of(_: &Path, _: &File) -> io::Result<()> {
        Ok(())
    }

    /// Opens the lock file without sharing, which locks it.
    pub(super) fn open_lock_file(_: &Path, path: &Path) -> io::Result<File> {
        let mut options = atomic_file::private();
        options.create(true).truncate(false).read(true).write(true).share_mode(0).open(path)
    }
}

#[cfg(test)]
mod tests;
