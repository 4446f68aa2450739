//! A directory that outlives the process: one small file for each credential, replaced as a whole
//! so that a power failure leaves the old or the new one, and a lock for one refresh at a time
//! across processes.

use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::store::backend::{Backend, LONGEST_ENTRY, Lock};
use crate::store::file_lock;
use crate::sys::atomic_file;

/// A directory for sessions, made with mode 0700 at the first write if it is not there.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into() }
    }

    /// The path of that entry, in a directory that only its owner can write to.
    fn entry(&self, name: &str) -> io::Result<PathBuf> {
        platform::refuse_if_others_can_write(&self.path)?;
        Ok(self.path.join(name))
    }

    /// Creates the directory and those above it that are missing. Each is durable in the one above.
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
        // Whether it is ours, its encryption tells.
        if !file.metadata()?.is_file() {
            return Err(unusable("is not a regular file"));
        }
        // On a file system that is read only it stays root's.
        let _ = platform::give_to_owner_of(&self.path, &file);
        let mut bytes = Vec::new();
        file.take(LONGEST_ENTRY as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > LONGEST_ENTRY {
            return Err(unusable("is too long"));
        }
        Ok(Some(bytes))
    }

    /// Only for the holder of the lock, since another writer would use the same temporary file.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.make()?;
        let path = self.entry(name)?;
        let aside = self.path.join(format!("{name}.new"));
        let give = |file: &fs::File| platform::give_to_owner_of(&self.path, file);
        atomic_file::replace(&path, &aside, bytes, give)
    }

    /// The lock file stays: another process may be about to lock it.
    fn remove(&self, name: &str) -> io::Result<()> {
        atomic_file::remove(&self.entry(name)?)
    }

    fn is_durable(&self) -> bool {
        true
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

/// Something in the place of our file that cannot be used.
fn unusable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(unix)]
mod platform {
    //! Modes, owners and links, as Unix has them.

    use std::fs::{self, DirBuilder, File};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, fchown};
    use std::path::Path;

    use nix::unistd::geteuid;

    use crate::sys::atomic_file;
    use crate::sys::random;

    /// The mode bits with which the group and others may write, add and remove files.
    const WRITABLE_BY_OTHERS: u32 = 0o022;

    pub(super) fn private_directory(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    /// Others could bring back an old entry, or replace the lock file. A sticky bit does not help.
    pub(super) fn refuse_if_others_can_write(directory: &Path) -> io::Result<()> {
        let mode = match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => metadata.mode() & 0o7777,
            // Fails where it is used, if it has to be there.
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

    /// The owner of the directory, if root works in another user's.
    fn other_owner(directory: &Path) -> io::Result<Option<(u32, u32)>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let owner = fs::metadata(directory)?;
        Ok(Some((owner.uid(), owner.gid())).filter(|(user, _)| *user != geteuid().as_raw()))
    }

    /// A file of root's in another user's directory is for that user to read. One with a second name
    /// may be a file from elsewhere that the user linked here.
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
        // It appears with its owner: if root was killed in between, the owner could never open it.
        let aside = path.with_extension(format!("{:x}", random::draw().to_bits()));
        let file = create(&aside)?;
        let linked = give_to_owner_of(directory, &file).and_then(|()| fs::hard_link(&aside, path));
        fs::remove_file(&aside)?;
        linked
    }
}

#[cfg(windows)]
mod platform {
    //! Windows keeps a user's files apart by itself.

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

    /// Without sharing, which is the lock.
    pub(super) fn open_lock_file(_: &Path, path: &Path) -> io::Result<File> {
        let mut options = atomic_file::private();
        options.create(true).truncate(false).read(true).write(true).share_mode(0).open(path)
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

    #[test]
    fn a_removed_entry_leaves_the_lock_file_to_those_who_are_about_to_lock_it() {
        let scratch = Scratch::new("remove");
        let lock = scratch.0.try_lock("a").unwrap();
        scratch.0.save("a", b"one").unwrap();
        scratch.0.remove("a").unwrap();
        assert_eq!(scratch.0.load("a").unwrap(), None);
        assert!(scratch.0.try_lock("a").unwrap().is_none());
        drop(lock);
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let scratch = Scratch::new("long");
        scratch.0.save("a", &vec![0; LONGEST_ENTRY]).unwrap();
        assert_eq!(scratch.0.load("a").unwrap().unwrap().len(), LONGEST_ENTRY);
        scratch.0.save("a", &vec![0; LONGEST_ENTRY + 1]).unwrap();
        assert_eq!(scratch.0.load("a").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new("others");
        scratch.0.save("a", b"one").unwrap();
        let set = |mode| fs::set_permissions(&scratch.0.path, fs::Permissions::from_mode(mode));
        for mode in [0o777, 0o1777, 0o2775, 0o702] {
            set(mode).unwrap();
            let refusals = [
                scratch.0.load("a").map(drop),
                scratch.0.save("a", b"two"),
                scratch.0.remove("a"),
                scratch.0.set_aside("a"),
                scratch.0.try_lock("a").map(drop),
            ];
            for refusal in refusals {
                let message = refusal.unwrap_err().to_string();
                let advice = format!("run: chmod go-w '{}'", scratch.0.path.display());
                assert!(message.ends_with(&advice), "{mode:o}: {message}");
            }
            assert_eq!(fs::read_dir(&scratch.0.path).unwrap().count(), 1, "{mode:o}");
        }
        for mode in [0o700, 0o755] {
            set(mode).unwrap();
            assert_eq!(scratch.0.load("a").unwrap().unwrap(), b"one");
        }
    }

    #[cfg(unix)]
    #[test]
    fn root_gives_away_only_what_is_its_own_and_has_one_name() {
        use std::os::unix::fs::{MetadataExt, chown};
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root");
            return;
        }
        const USER: u32 = 12_345;
        let scratch = Scratch::new("owner");
        let at = |name: &str| scratch.0.path.join(name);
        let owner = |name: &str| fs::metadata(at(name)).unwrap().uid();
        for name in ["mine", "linked", "other", "mine.lock", "linked.lock", "other.lock"] {
            scratch.0.save(name, b"one").unwrap();
        }
        for name in ["linked", "linked.lock"] {
            fs::hard_link(at(name), at(&format!("{name}.twin"))).unwrap();
        }
        for name in ["other", "other.lock"] {
            chown(at(name), Some(54_321), None).unwrap();
        }
        chown(&scratch.0.path, Some(USER), Some(USER)).unwrap();
        for (name, expected) in [("mine", USER), ("linked", 0), ("other", 54_321), ("new", USER)] {
            let _ = scratch.0.load(name).unwrap();
            assert!(scratch.0.try_lock(name).unwrap().is_some());
            assert_eq!(owner(&format!("{name}.lock")), expected, "{name}");
            if name != "new" {
                assert_eq!(owner(name), expected, "{name}");
            }
        }
        scratch.0.save("new", b"one").unwrap();
        assert_eq!(owner("new"), USER);
        let names = fs::read_dir(&scratch.0.path).unwrap().count();
        assert_eq!(names, 10, "nothing else stays");
    }
}
