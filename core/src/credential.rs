//! What a machine signs in with, and where it comes from.

use std::fmt;
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::http::{Answer, Call};
use crate::secret::Secret;
pub(crate) use crate::token_file::TokenFile;
use crate::user::User;

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
