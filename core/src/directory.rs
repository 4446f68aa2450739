//! A directory that outlives the process: one small file for each credential, replaced as a whole
//! so that a power failure leaves the old or the new one, and a lock for one refresh at a time
//! across processes.

use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::path::PathBuf;

use crate::durable;
use crate::store::{Lock, Place};

/// What we write is a few kilobytes; what is longer is not ours.
const LONGEST: u64 = 256 * 1024;

/// A directory for sessions, made with mode 0700 at the first write if it is not there.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into() }
    }

    fn make(&self) -> io::Result<()> {
        if self.path.is_dir() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        platform::private_directory(&mut builder);
        builder.create(&self.path)
    }
}

impl Place for Directory {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.path.join(name);
        let file = match durable::private().read(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) if path.is_symlink() => return Err(foreign("is a symbolic link")),
            Err(e) => return Err(e),
        };
        // Whose it is, its seal tells.
        if !file.metadata()?.is_file() {
            return Err(foreign("is no regular file"));
        }
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Who writes holds the lock, so that nobody else writes aside.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.make()?;
        let aside = self.path.join(format!("{name}.new"));
        let give = |file: &fs::File| platform::give_to_owner_of(&self.path, file);
        durable::replace(&self.path.join(name), &aside, bytes, give)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        durable::remove(&self.path.join(name))?;
        durable::remove(&self.path.join(format!("{name}.lock")))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        fs::rename(self.path.join(name), self.path.join(format!("{name}.damaged")))
    }

    /// The kernel frees it however the process ends.
    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        self.make()?;
        let mut options = durable::private();
        options.create(true).truncate(false).read(true).write(true);
        let path = self.path.join(format!("{name}.lock"));
        Ok(platform::try_lock(&mut options, &path)?.map(|lock| Box::new(lock) as Lock))
    }
}

/// Something in the place of our file that is not ours.
fn foreign(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(unix)]
mod platform {
    //! Modes, owners, links and locks, as Unix has them.

    use std::fs::{self, DirBuilder, File, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, fchown};
    use std::path::Path;

    use nix::errno::Errno;
    use nix::fcntl::{Flock, FlockArg};
    use nix::unistd::geteuid;

    use super::holder;

    /// Freed explicitly: a child of a fork that holds the same open file must not keep it.
    pub(super) struct Lock(Option<Flock<File>>);

    impl Drop for Lock {
        fn drop(&mut self) {
            if let Some(Err((lock, _))) = self.0.take().map(Flock::unlock) {
                // Its own drop would panic. The descriptor was closed under us: nothing is held.
                std::mem::forget(lock);
            }
        }
    }

    pub(super) fn private_directory(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    /// What root writes into another one's directory is that one's to read.
    pub(super) fn give_to_owner_of(directory: &Path, file: &File) -> io::Result<()> {
        if !geteuid().is_root() {
            return Ok(());
        }
        let owner = fs::metadata(directory)?;
        fchown(file, Some(owner.uid()), Some(owner.gid()))
    }

    pub(super) fn try_lock(options: &mut OpenOptions, path: &Path) -> io::Result<Option<Lock>> {
        let file = options.open(path)?;
        let is_at_path = |file: &File| -> io::Result<bool> {
            let at_path = fs::symlink_metadata(path);
            Ok(at_path.is_ok_and(|m| file.metadata().is_ok_and(|f| f.ino() == m.ino())))
        };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => {
                let mut lock = Lock(Some(lock));
                let Some(file) = lock.0.as_deref_mut() else { return Ok(None) };
                if !is_at_path(file)? {
                    return Ok(None); // Somebody cleared it away while we took it.
                }
                holder::write(file)?;
                Ok(Some(lock))
            }
            Err((mut file, Errno::EWOULDBLOCK)) => {
                if holder::is_dead(&mut file) && is_at_path(&file)? {
                    // A child of the dead one inherited the open file, and the lock with it.
                    fs::remove_file(path)?;
                }
                Ok(None)
            }
            Err((_, errno)) => Err(errno.into()),
        }
    }
}

#[cfg(unix)]
mod holder {
    //! Who holds a lock. A child that was forked meanwhile has the same open file, so that the
    //! lock outlives its holder; whether that one lives is asked of `/proc`, where there is one.

    use std::fs::{self, File};
    use std::io::{self, Read, Seek, Write};

    /// Writes down that it is this process.
    pub(super) fn write(file: &mut File) -> io::Result<()> {
        let Some(own) = describe(std::process::id()) else { return Ok(()) };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(own.as_bytes())
    }

    /// Whether the process that wrote itself down is certainly gone.
    pub(super) fn is_dead(file: &mut File) -> bool {
        let mut written = String::new();
        if file.rewind().is_err() || file.take(256).read_to_string(&mut written).is_err() {
            return false;
        }
        let mut parts = written.split(' ');
        let (Some(process), Some(namespace)) = (parts.next(), parts.next()) else { return false };
        let Ok(process) = process.parse() else { return false };
        // Processes of another container have numbers of their own.
        namespace_of_processes().as_deref() == Some(namespace)
            && describe(process).as_deref() != Some(&written)
    }

    /// A process by its number, the namespace of that, and when it was started; `None` for one that
    /// is not there or has ended.
    fn describe(process: u32) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name stands in parentheses, and may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let (state, start) = (fields.next()?, fields.nth(18)?);
        let namespace = namespace_of_processes()?;
        (!matches!(state, "Z" | "X")).then(|| format!("{process} {namespace} {start}"))
    }

    fn namespace_of_processes() -> Option<String> {
        Some(fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
    }
}

#[cfg(windows)]
mod platform {
    //! Windows keeps a user's files apart by itself; a file opened without sharing is a lock.

    use std::fs::{DirBuilder, File, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::Path;

    const ERROR_SHARING_VIOLATION: i32 = 32;

    pub(super) type Lock = File;

    pub(super) fn private_directory(_: &mut DirBuilder) {}

    pub(super) fn give_to_owner_of(_: &Path, _: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn try_lock(options: &mut OpenOptions, path: &Path) -> io::Result<Option<Lock>> {
        match options.share_mode(0).open(path) {
            Err(e) if e.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
            opened => opened.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A directory of the test's own, removed at its end.
    struct Scratch(Directory);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("emnify-{}-{name}", std::process::id()));
            Scratch(Directory::new(path.join("made/on/demand")))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let top = self.0.path.ancestors().nth(3).unwrap();
            fs::remove_dir_all(top).unwrap();
        }
    }

    #[test]
    fn what_is_saved_is_loaded_and_nothing_else_stays() {
        let scratch = Scratch::new("save");
        assert_eq!(scratch.0.load("a").unwrap(), None);
        scratch.0.save("a", b"one").unwrap();
        scratch.0.save("a", b"two").unwrap();
        assert_eq!(scratch.0.load("a").unwrap().unwrap(), b"two");
        assert_eq!(fs::read_dir(&scratch.0.path).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_for_their_owner_alone() {
        use std::os::unix::fs::MetadataExt;
        let scratch = Scratch::new("mode");
        scratch.0.save("a", b"one").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&scratch.0.path.join("a")), 0o600);
        assert_eq!(mode(&scratch.0.path), 0o700);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_file_is_not_followed() {
        let scratch = Scratch::new("link");
        scratch.0.save("target", b"precious").unwrap();
        std::os::unix::fs::symlink("target", scratch.0.path.join("a")).unwrap();
        assert!(scratch.0.load("a").is_err());
        scratch.0.save("a", b"ours").unwrap();
        assert_eq!(scratch.0.load("target").unwrap().unwrap(), b"precious");
        assert_eq!(scratch.0.load("a").unwrap().unwrap(), b"ours");
    }

    #[test]
    fn a_lock_is_held_once_and_freed_with_its_holder() {
        let scratch = Scratch::new("lock");
        let lock = scratch.0.try_lock("a").unwrap();
        assert!(lock.is_some());
        assert!(scratch.0.try_lock("a").unwrap().is_none());
        assert!(scratch.0.try_lock("b").unwrap().is_some());
        drop(lock);
        assert!(scratch.0.try_lock("a").unwrap().is_some());
    }
}
