//! The application tokens of the workspace: create, list, update, revoke, audit, rotate.

use crate::api::application_token::{
    ApplicationToken, ApplicationTokenUpdate, CreatedApplicationToken, NewApplicationToken,
};
use crate::calls::application_tokens::TokenCalls;
use crate::calls::audit::{AuditOptions, AuditedToken};
use crate::calls::retry::Transport;
use crate::rotation;
use crate::rotation::options::{RotateOptions, Rotation};
use crate::types::error::Result;

/// The application tokens of the workspace that the client is signed in to. Made by
/// [`Client::application_tokens`](crate::Client::application_tokens).
#[derive(Debug, Clone, Copy)]
pub struct ApplicationTokens<'a> {
    transport: &'a Transport,
}

impl<'a> ApplicationTokens<'a> {
    pub(crate) fn new(transport: &'a Transport) -> Self {
        ApplicationTokens { transport }
    }

    /// Creates an application token. Its value is in what is returned and nowhere else.
    ///
    /// If the response contains no id, it is looked for in the list, which is read before and after.
    /// If another one like it was created at the same moment, the new value is tried, since its auth
    /// token hints at the id. Where doubt is left, or a call fails, the value is returned without an
    /// id.
    ///
    /// # Errors
    ///
    /// `InvalidInput` before anything was sent; `Validation`, `Forbidden` and the like as the
    /// server answers. After `Network`, `Timeout` or `Server` a token may have been created whose
    /// value nobody knows: it is in the list, and should be revoked.
    pub fn create(&self, new: &NewApplicationToken) -> Result<CreatedApplicationToken> {
        self.calls().create(new)
    }

    /// All application tokens of the workspace, expired and revoked ones too. A row without an id is
    /// passed over, since no call can name it; what else a row lacks is `None`.
    ///
    /// # Errors
    ///
    /// As for any call; `Protocol` if the response is not a list, or all pages of it together are
    /// longer than 64 MiB.
    pub fn list(&self) -> Result<Vec<ApplicationToken>> {
        self.calls().list()
    }

    /// Changes the description of the application token `id`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where nothing would change; `NotFound` where there is no such token.
    pub fn update(&self, id: u64, update: &ApplicationTokenUpdate) -> Result<()> {
        self.calls().update(id, update)
    }

    /// Revokes the application token `id` for good. Auth tokens that were obtained with it stay
    /// valid until they expire. Revoking a revoked one is no error.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such token.
    pub fn revoke(&self, id: u64) -> Result<()> {
        self.calls().revoke(id)
    }

    /// Revokes what was just created and nobody wants any more. Without an id it stays: a guess could
    /// hit one that works.
    #[doc(hidden)] // For the other faces of this library.
    pub fn discard(&self, created: &CreatedApplicationToken) {
        self.calls().discard(created);
    }

    /// The row of the application token that this client signs in with: its description, when it
    /// expires. `None` where the auth token does not tell which it is, as with user credentials.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub fn own(&self) -> Result<Option<ApplicationToken>> {
        self.calls().own()
    }

    /// All application tokens, each with what there is to say against it. Nothing is changed.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub fn audit(&self, options: &AuditOptions) -> Result<Vec<AuditedToken>> {
        self.calls().audit(options)
    }

    /// Replaces the application token that this client signs in with by a new one: creates that,
    /// proves that it works, puts it into the credential file or hands it to
    /// [`RotateOptions::hand_over`], and revokes the old one, after the grace period if one was
    /// asked for. The client goes on with the new one.
    ///
    /// All of it is kept in a journal in the client's store, which must be a directory. After a
    /// crash or an error call it again, with the same options: it goes on where it stopped, with
    /// what it began with, and [`Rotation::ignored_options`] names what did not apply. A client
    /// that starts with the old one finds the new one there, too: keep the directory, where only it
    /// leads from the one to the other. All who share a credential share the store. At most one
    /// rotation runs in it; who waits for another one's adopts what that came to.
    ///
    /// Each of its calls may take as long as the client's timeout.
    ///
    /// The credential file is replaced as a whole, by one with the same mode and, where that is
    /// allowed, the same owner; on Linux also with its access list, the extended attributes of users
    /// and SELinux's label, which are lost elsewhere. What another program wrote into it meanwhile
    /// stays: the file is compared right before the new one takes its place, and only what is
    /// written in the moment between the two is lost.
    ///
    /// ```no_run
    /// use emnify_core::{Client, RotateOptions, RotationState, Store};
    ///
    /// let client = Client::builder()
    ///     .application_token_file("/var/lib/gateway/token")
    ///     .store(Store::directory("/var/lib/gateway/emnify"))
    ///     .build()?;
    /// let options = RotateOptions::new().expiry_date("2027-05-29");
    /// let rotation = client.application_tokens().rotate(&options)?;
    /// assert_eq!(rotation.state(), RotationState::Done);
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the store is no directory, the application token came as text and there
    /// is no `hand_over`, the client signs in as a person, or it cannot be told which of the rows
    /// is its own, or how long the new one shall live. `Forbidden` where the application token may
    /// not revoke any, unless [`RotateOptions::keep_old`] is set. As for any call, before anything
    /// was begun. From then on `Rotation`, with
    /// [`Error::rotation_state`](crate::Error::rotation_state): the client goes on with an
    /// application token that works. One that is refused is given up, at the earliest a minute
    /// later, and revoked.
    pub fn rotate(&self, options: &RotateOptions) -> Result<Rotation> {
        rotation::rotate(self.transport, options)
    }

    fn calls(&self) -> TokenCalls<'a> {
        TokenCalls::new(self.transport)
    }
}
