//! What a machine signs in with, and where it comes from. A file is read anew at each sign-in, so
//! that a rotated secret is picked up; while it cannot be read, its last good content serves.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use zeroize::Zeroizing;

use crate::deadline::Deadline;
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Call};
use crate::input;
use crate::secret::Secret;
use crate::user::User;

/// A token and some white space around it; more is not read.
const LONGEST_FILE: u64 = 64 * 1024;

/// Where the credential comes from.
#[derive(Debug)]
pub(crate) enum Credential {
    /// An application token, given as text.
    ApplicationToken(Secret),
    /// An application token in a file.
    ApplicationTokenFile(TokenFile),
    /// A person.
    User(User),
    /// A person who is signed in, in another workspace.
    Workspace(Workspace),
}

/// Makes a call with another session's auth token.
pub(crate) type SendAs = Arc<dyn Fn(&Call<'_>, Deadline) -> Result<Answer> + Send + Sync>;

/// A workspace that a signed-in person switches to.
pub(crate) struct Workspace {
    pub(crate) id: u64,
    /// As the person, in the first workspace.
    pub(crate) send: SendAs,
    /// What the store's key is derived from.
    pub(crate) key_material: Secret,
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The credential as it is now.
#[derive(Debug)]
pub(crate) enum Current<'a> {
    ApplicationToken(Secret),
    User(&'a User),
    Workspace(&'a Workspace),
}

impl Credential {
    /// Reads the credential. The second part says what was wrong where an earlier content serves.
    pub(crate) fn current(&self) -> Result<(Current<'_>, Option<Error>)> {
        match self {
            Credential::ApplicationToken(token) => {
                Ok((Current::ApplicationToken(token.clone()), None))
            }
            Credential::User(user) => Ok((Current::User(user), None)),
            Credential::Workspace(workspace) => Ok((Current::Workspace(workspace), None)),
            Credential::ApplicationTokenFile(file) => {
                let (token, trouble) = file.token()?;
                Ok((Current::ApplicationToken(token), trouble))
            }
        }
    }

    /// The same credential in another workspace, if it is a person's: an application token is bound
    /// to its own.
    pub(crate) fn in_workspace(&self, id: u64, send: SendAs) -> Result<Credential> {
        let key_material = match self {
            Credential::User(user) => user.key_material(),
            Credential::Workspace(workspace) => workspace.key_material.clone(),
            _ => {
                let problem = "an application token is bound to its own workspace: create one in \
                               the other, or sign in with user credentials";
                return Err(Error::invalid_input("switch_workspace", problem));
            }
        };
        let key_material = Secret::from([key_material.reveal(), "\n", &id.to_string()].concat());
        Ok(Credential::Workspace(Workspace { id, send, key_material }))
    }

    /// Whether it can sign in while nobody is there to be asked for a one-time code.
    pub(crate) fn needs_nobody(&self) -> bool {
        match self {
            Credential::User(user) => user.mfa.is_none(),
            _ => true,
        }
    }

    /// Whether it is another than when it was last read.
    pub(crate) fn changed(&self) -> bool {
        match self {
            Credential::ApplicationTokenFile(file) => file.changed(),
            _ => false,
        }
    }
}

impl Current<'_> {
    /// What the store's key is derived from.
    pub(crate) fn key_material(&self) -> Secret {
        match self {
            Current::ApplicationToken(token) => token.clone(),
            Current::User(user) => user.key_material(),
            Current::Workspace(workspace) => workspace.key_material.clone(),
        }
    }
}

/// A file that holds an application token.
#[derive(Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    last_good: ArcSwapOption<Secret>,
    /// What the file was like when it was last looked at, whatever came of that.
    last_look: ArcSwapOption<Stamp>,
}

/// What changes when a file is written or replaced: its times, its size, its place.
type Stamp = [u64; 6];

impl TokenFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        TokenFile { path, last_good: ArcSwapOption::empty(), last_look: ArcSwapOption::empty() }
    }

    fn token(&self) -> Result<(Secret, Option<Error>)> {
        // Taken before reading: a change meanwhile is noticed the next time.
        self.last_look.store(stamp(&self.path).map(Arc::new));
        match (read(&self.path), self.last_good.load_full()) {
            (Ok(token), _) => {
                self.last_good.store(Some(Arc::new(token.clone())));
                Ok((token, None))
            }
            (Err(error), Some(token)) => Ok((Secret::clone(&token), Some(error))),
            (Err(error), None) => Err(error),
        }
    }

    /// What the file holds now.
    pub(crate) fn read_back(&self) -> Result<Secret> {
        read(&self.path)
    }

    /// Puts another application token into the file, which keeps its mode and, where that is
    /// allowed, its owner. It is durable when this returns.
    pub(crate) fn replace(&self, token: &Secret) -> Result<()> {
        // Where a link leads is replaced, not the link.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mut aside = OsString::from(".");
        aside.push(path.file_name().unwrap_or_default());
        aside.push(".emnify-new");
        let text = Zeroizing::new([token.reveal(), "\n"].concat());
        let like_the_old = |new: &File| keep_owner_and_mode(&path, new);
        durable::replace(&path, &path.with_file_name(aside), text.as_bytes(), like_the_old).map_err(
            |e| {
                let message =
                    format!("cannot write the credential file {}: {e}", self.path.display());
                Error::new(ErrorKind::Store, message)
            },
        )
    }

    fn changed(&self) -> bool {
        self.last_look.load().as_deref() != stamp(&self.path).as_ref()
    }
}

#[cfg(unix)]
fn keep_owner_and_mode(old: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let Ok(old) = fs::metadata(old) else { return Ok(()) };
    // Only root may give a file away; its group must not become another one that may read it.
    let group_stays = fchown(new, None, Some(old.gid())).is_ok();
    let _ = fchown(new, Some(old.uid()), None);
    let mode = old.mode() & if group_stays { 0o777 } else { 0o700 };
    // After the owner, whose change may reset it.
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn keep_owner_and_mode(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
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

fn read(path: &Path) -> Result<Secret> {
    const NAME: &str = "application_token_file";
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_FILE as usize));
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // Opening a pipe would wait for its writer.
        return Err(Error::invalid_input(
            NAME,
            format_args!("{}: is no regular file", path.display()),
        ));
    }
    File::open(path)
        .and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text))
        .map_err(|e| Error::invalid_input(NAME, format_args!("{}: {e}", path.display())))?;
    let token = Secret::from(text.trim());
    input::application_token(&format!("{NAME}: {}", path.display()), &token)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(file: &TokenFile) -> (String, bool) {
        let (token, trouble) = file.token().unwrap();
        (token.reveal().to_owned(), trouble.is_some())
    }

    #[test]
    fn a_file_that_is_missing_or_holds_no_token_is_named() {
        for path in ["/nonexistent/token", "/dev/null", "Cargo.toml"] {
            let error = TokenFile::new(path.into()).token();
            let message = error.unwrap_err().to_string();
            assert!(message.starts_with("application_token_file: "), "{message}");
            assert!(message.contains(path), "{message}");
        }
    }

    #[test]
    fn a_file_is_read_again_and_its_last_good_content_serves_while_it_cannot_be() {
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
}
