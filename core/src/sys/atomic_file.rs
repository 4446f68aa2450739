//! Replaces a file as a whole, so that a power failure leaves either the old or the new content.
//! The new content is written to another file and synced; then that is renamed and the directory
//! synced.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::sys::signal_mask;

/// Replaces the file at `path`. The new content is first written to `aside` in the same directory,
/// which no one else may use at the same time. `adjust` gets the new file before it is renamed.
pub(crate) fn replace(
    path: &Path,
    aside: &Path,
    bytes: &[u8],
    adjust: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    // A process that was killed may have left a file there.
    let _ = fs::remove_file(aside);
    let written = write(aside, bytes, adjust).and_then(|()| fs::rename(aside, path));
    if written.is_err() {
        // On a full disk, a partly written file must not stay.
        let _ = fs::remove_file(aside);
    }
    written?;
    sync_parent(path)
}

/// Makes the directory entry of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => platform::sync(directory),
        _ => platform::sync(Path::new(".")),
    }
}

/// Removes the file, if it exists.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Returns options for opening a file. They do not follow a symbolic link; a file that they create
/// is readable by its owner only.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    platform::private(&mut options);
    options
}

/// Creates a private file with this content, which is not yet durable.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = private().create_new(true).write(true).open(path)?;
    match signal_mask::write_all(&mut file, bytes) {
        Err(e) if e.kind() == io::ErrorKind::FileTooLarge => {
            let message = format!("{e}: this process's limit is too low; raise it (ulimit -f)");
            Err(io::Error::new(e.kind(), message))
        }
        written => written.map(|()| file),
    }
}

fn write(
    path: &Path,
    bytes: &[u8],
    adjust: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let file = create(path, bytes)?;
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

    /// A symbolic link at this path may lead to a file that we must not change.
    pub(super) fn private(options: &mut OpenOptions) {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits());
    }

    pub(super) fn sync(directory: &Path) -> io::Result<()> {
        match File::open(directory)?.sync_all() {
            // Some file systems cannot sync a directory.
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
    //! Windows keeps users' files apart by default, and cannot sync a directory.

    use std::fs::OpenOptions;
    use std::io;
    use std::path::Path;

    pub(super) fn private(_: &mut OpenOptions) {}

    pub(super) fn sync(_: &Path) -> io::Result<()> {
        Ok(())
    }
}
