//! Replacing a file as a whole, so that a power failure leaves the old one or the new one: written
//! aside, synced, renamed, the directory synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Replaces what is at `path`, by way of `aside` in the same directory, which nobody else may use
/// at the same time. `adjust` gets the new file before it takes its place.
pub(crate) fn replace(
    path: &Path,
    aside: &Path,
    bytes: &[u8],
    adjust: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    // What another one left there when it was killed is in the way.
    let _ = fs::remove_file(aside);
    let written = write(aside, bytes, adjust).and_then(|()| fs::rename(aside, path));
    if written.is_err() {
        // On a full disk, what was half written must not stay.
        let _ = fs::remove_file(aside);
    }
    written?;
    sync_parent(path)
}

/// Makes durable that there is something at `path`, in the directory that holds it.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => platform::sync(directory),
        _ => platform::sync(Path::new(".")),
    }
}

/// Removes the file, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Options for a file that its owner alone may read, if it is made, and that is no link.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    platform::private(&mut options);
    options
}

fn write(
    path: &Path,
    bytes: &[u8],
    adjust: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = private().create_new(true).write(true).open(path)?;
    file.write_all(bytes)?;
    adjust(&file)?;
    file.sync_all()
}

#[cfg(unix)]
mod platform {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use nix::fcntl::OFlag;

    /// A link in the place of our file may lead to a file that we must not touch.
    pub(super) fn private(options: &mut OpenOptions) {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits());
    }

    pub(super) fn sync(directory: &Path) -> io::Result<()> {
        match File::open(directory)?.sync_all() {
            // Some file systems have nothing to sync there.
            Err(e)
                if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
            {
                Ok(())
            }
            synced => synced,
        }
    }
}

#[cfg(not(unix))]
mod platform {
    //! Windows keeps a user's files apart by itself, and has no directory to sync.

    use std::fs::OpenOptions;
    use std::io;
    use std::path::Path;

    pub(super) fn private(_: &mut OpenOptions) {}

    pub(super) fn sync(_: &Path) -> io::Result<()> {
        Ok(())
    }
}
