//! A file that contains an application token. It is read again at each sign-in, so that a rotated
//! token is noticed. While it cannot be read, its last good content is used. A rotation replaces
//! the file as a whole and keeps its owner, mode, access list and extended attributes. It does not
//! replace what another program wrote meanwhile.

mod platform;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use zeroize::Zeroizing;

use crate::api::validate;
use crate::sign_in::token_source::LastGood;
use crate::sys::atomic_file;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// The most bytes that are read: enough for a token and some white space.
const LONGEST_FILE: u64 = 64 * 1024;

/// As many bytes as a new token may have. They are written to find out whether the disk has room.
const ROOM: [u8; 1024] = [0; 1024];

/// A file that contains an application token.
#[derive(Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    last_good: LastGood,
    /// The stamp of the file when it was last read, successfully or not.
    last_stamp: ArcSwapOption<Stamp>,
}

/// What changes when a file is written or replaced: its times, size and inode.
type Stamp = [u64; 6];

impl TokenFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        TokenFile { path, last_good: LastGood::default(), last_stamp: ArcSwapOption::empty() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file's mode if that lets other users read or change it.
    pub(crate) fn exposed_mode(&self) -> Option<u32> {
        platform::exposed_mode(&self.path)
    }

    /// Reads the token. If that fails, returns the last good content and the error.
    pub(crate) fn token(&self) -> Result<(Secret, Option<Error>)> {
        // Before reading, so that a change meanwhile is noticed the next time.
        self.last_stamp.store(stamp(&self.path).map(Arc::new));
        self.last_good.or(read(&self.path))
    }

    /// Whether the file changed since it was last read.
    pub(crate) fn changed(&self) -> bool {
        self.last_stamp.load().as_deref() != stamp(&self.path).as_ref()
    }

    /// Reads the token that the file contains now.
    pub(crate) fn read_back(&self) -> Result<Secret> {
        read(&self.path)
    }

    /// Checks whether the file can be replaced, without changing it: creates the temporary file
    /// beside it, with its attributes, and removes that file.
    pub(crate) fn check_replaceable(&self) -> Result<()> {
        let (path, aside) = self.paths();
        let create = || {
            platform::refuse_fixed(&path)?;
            // An earlier run that was killed may have left it.
            atomic_file::remove(&aside)?;
            platform::keep_attributes(&path, &atomic_file::create(&aside, &ROOM)?)
        };
        let created = create();
        created.and(atomic_file::remove(&aside)).map_err(|e| self.unwritable(&e))
    }

    /// Replaces the token in the file, which contained `expected` when it was read (`None`: no
    /// token). The file keeps its mode, access list and extended attributes and, if this process
    /// may set it, its owner. The change is durable when this returns.
    ///
    /// # Errors
    ///
    /// `Conflict` if another program changed the file since; its content is then kept. The content
    /// is compared when the new file is complete on the disk and only remains to be renamed. So
    /// only a change between the comparison and the renaming is lost.
    pub(crate) fn replace(&self, expected: Option<&Secret>, token: &Secret) -> Result<()> {
        let (path, aside) = self.paths();
        let text = Zeroizing::new([token.reveal(), "\n"].concat());
        let mut is_changed = false;
        let complete = |new: &File| {
            platform::keep_attributes(&path, new)?;
            new.sync_all()?;
            is_changed = read(&path).ok().as_ref() != expected;
            if is_changed { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(()) }
        };
        let replaced = atomic_file::replace(&path, &aside, text.as_bytes(), complete);
        if is_changed {
            let message = format!(
                "another program changed the credential file {} while it was being replaced; the \
                 other program's content was kept",
                self.path.display()
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        replaced.map_err(|e| self.unwritable(&e))
    }

    /// Returns the file's path, with links resolved, and that of the temporary file beside it.
    fn paths(&self) -> (PathBuf, PathBuf) {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mut aside = OsString::from(".");
        aside.push(path.file_name().unwrap_or_default());
        aside.push(".emnify-new");
        let aside = path.with_file_name(aside);
        (path, aside)
    }

    fn unwritable(&self, e: &io::Error) -> Error {
        let message = format!("cannot write the credential file {}: {e}", self.path.display());
        Error::new(ErrorKind::Store, message).with_io_error(e)
    }
}

fn read(path: &Path) -> Result<Secret> {
    const NAME: &str = "application_token_file";
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_FILE as usize));
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // Opening a pipe would wait until something writes to it.
        let problem = format!("{}: is not a regular file", path.display());
        return Err(Error::invalid_input(NAME, problem));
    }
    File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text)).map_err(
        |e| {
            let problem = format!("{}: {e}", path.display());
            Error::invalid_input(NAME, problem).with_io_error(&e)
        },
    )?;
    let token = Secret::from(text.trim());
    validate::application_token(&format!("{NAME}: {}", path.display()), &token)?;
    Ok(token)
}

#[cfg(unix)]
fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let m = fs::metadata(path).ok()?;
    let [mtime, mtime_nsec, ctime, ctime_nsec] =
        [m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()].map(|part| part as u64);
    Some([mtime, mtime_nsec, ctime, ctime_nsec, m.size(), m.ino()])
}

#[cfg(not(unix))]
fn stamp(path: &Path) -> Option<Stamp> {
    use std::time::UNIX_EPOCH;
    let metadata = fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some([modified.as_secs(), u64::from(modified.subsec_nanos()), metadata.len(), 0, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(file: &TokenFile) -> (String, bool) {
        let (token, problem) = file.token().unwrap();
        (token.reveal().to_owned(), problem.is_some())
    }

    #[test]
    fn the_error_names_a_file_that_is_missing_or_contains_no_token() {
        for path in ["/nonexistent/token", "/dev/null", "Cargo.toml"] {
            let error = TokenFile::new(path.into()).token();
            let message = error.unwrap_err().to_string();
            assert!(message.starts_with("application_token_file: "), "{message}");
            assert!(message.contains(path), "{message}");
        }
    }

    #[test]
    fn a_file_is_read_again_and_while_it_is_unreadable_its_last_good_content_is_used() {
        let path = std::env::temp_dir().join(format!("emnify-credential-{}", std::process::id()));
        let file = TokenFile::new(path.clone());
        fs::write(&path, "first\n").unwrap();
        assert_eq!(token(&file), ("first".into(), false));
        assert!(!file.changed());
        fs::write(&path, "").unwrap();
        assert!(file.changed());
        assert_eq!(token(&file), ("first".into(), true));
        fs::write(&path, "second").unwrap();
        assert_eq!(token(&file), ("second".into(), false));
        fs::remove_file(&path).unwrap();
        assert_eq!(token(&file), ("second".into(), true));
    }

    #[test]
    fn a_change_by_another_program_is_kept() {
        let path = std::env::temp_dir().join(format!("emnify-meanwhile-{}", std::process::id()));
        let file = TokenFile::new(path.clone());
        let (old, new) = (Secret::from("old"), Secret::from("new"));
        for (found, expected, is_replaced) in [
            ("old\n", Some(&old), true),
            ("provisioned", Some(&old), false),
            ("", Some(&old), false),
            ("", None, true),
            ("provisioned", None, false),
        ] {
            fs::write(&path, found).unwrap();
            let replaced = file.replace(expected, &new);
            assert_eq!(replaced.is_ok(), is_replaced, "{found}: {replaced:?}");
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, if is_replaced { "new\n" } else { found });
        }
        fs::remove_file(&path).unwrap();
    }
}
