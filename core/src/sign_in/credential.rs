//! What a session signs in with, and where that comes from.

use std::fmt;
use std::sync::Arc;

use crate::http::{Call, Response};
use crate::sign_in::exchange::SignInMode;
pub(crate) use crate::sign_in::token_file::TokenFile;
use crate::sign_in::token_source::TokenSource;
use crate::sign_in::user::User;
use crate::sys::wait::Wait;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// Where the credential comes from.
#[derive(Debug)]
pub(crate) enum Credential {
    /// An application token, given as text.
    ApplicationToken(Secret),
    /// An application token in a file.
    ApplicationTokenFile(TokenFile),
    /// An application token that a function of the program returns.
    ApplicationTokenSource(TokenSource),
    /// A user.
    User(User),
    /// Another session, which switches to a workspace.
    Workspace(Workspace),
}

/// Makes a call with another session's auth token, which signs in in that mode if it must.
pub(crate) type SendAs =
    Arc<dyn Fn(&Call<'_>, &Wait, SignInMode) -> Result<Response> + Send + Sync>;

/// A workspace that another session switches to.
pub(crate) struct Workspace {
    pub(crate) id: u64,
    /// Makes a call as that session, in its own workspace.
    pub(crate) send: SendAs,
    /// Returns what the key of that session's store is derived from, which a rotation changes.
    pub(crate) key_material: KeyMaterial,
}

/// Returns what a store's key is derived from at present.
pub(crate) type KeyMaterial = Arc<dyn Fn() -> Result<Secret> + Send + Sync>;

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The credential at present.
#[derive(Debug)]
pub(crate) enum Current<'a> {
    ApplicationToken(Secret),
    User(&'a User),
    /// The workspace, and what the store's key is derived from.
    Workspace(&'a Workspace, Secret),
}

impl Credential {
    /// Reads the credential. If its file or source fails, returns the last good token and the error.
    pub(crate) fn current(&self) -> Result<(Current<'_>, Option<Error>)> {
        match self {
            Credential::ApplicationToken(token) => {
                Ok((Current::ApplicationToken(token.clone()), None))
            }
            Credential::User(user) => Ok((Current::User(user), None)),
            Credential::Workspace(workspace) => {
                let id = workspace.id.to_string();
                let key_material = [(workspace.key_material)()?.reveal(), "\n", &id].concat();
                Ok((Current::Workspace(workspace, Secret::from(key_material)), None))
            }
            Credential::ApplicationTokenFile(file) => {
                let (token, problem) = file.token()?;
                Ok((Current::ApplicationToken(token), problem))
            }
            Credential::ApplicationTokenSource(source) => {
                let (token, problem) = source.token()?;
                Ok((Current::ApplicationToken(token), problem))
            }
        }
    }

    /// Whether it can sign in without asking the user for a one-time code.
    pub(crate) fn works_unattended(&self) -> bool {
        match self {
            Credential::User(user) => user.mfa.is_none(),
            _ => true,
        }
    }

    /// Whether it has changed since it was last read.
    pub(crate) fn changed(&self) -> bool {
        match self {
            Credential::ApplicationTokenFile(file) => file.changed(),
            _ => false,
        }
    }
}

impl Current<'_> {
    /// Returns the application token; `None` if it is something else.
    pub(crate) fn application_token(&self) -> Option<&Secret> {
        match self {
            Current::ApplicationToken(token) => Some(token),
            _ => None,
        }
    }

    /// Returns what the store's key is derived from.
    pub(crate) fn key_material(&self) -> Secret {
        match self {
            Current::ApplicationToken(token) => token.clone(),
            Current::User(user) => user.key_material(),
            Current::Workspace(_, key_material) => key_material.clone(),
        }
    }
}
