//! The application tokens of the workspace: create, list, update, revoke, audit, rotate.

use std::sync::Arc;
use std::time::Duration;

use crate::api::application_token::ApplicationToken;
use crate::api::new_application_token::{
    ApplicationTokenUpdate, CreatedApplicationToken, NewApplicationToken,
};
use crate::calls::application_tokens::TokenCalls;
use crate::calls::audit::{AuditOptions, AuditedToken};
use crate::calls::failures::SignInFailure;
use crate::calls::retry::Transport;
use crate::rotation;
use crate::rotation::options::{RotateOptions, Rotation};
use crate::types::claims::TokenClaims;
use crate::types::error::Result;
use crate::types::secret::Secret;

/// The calls for the application tokens of the client's workspace, returned by
/// [`Client::application_tokens`](crate::Client::application_tokens).
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// let tokens = client.application_tokens();
/// println!("{} application tokens", tokens.list()?.len());
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ApplicationTokens {
    transport: Arc<Transport>,
}

impl ApplicationTokens {
    pub(crate) fn new(transport: Arc<Transport>) -> Self {
        ApplicationTokens { transport }
    }

    /// Creates an application token. Its value is only in the returned [`CreatedApplicationToken`]
    /// and cannot be read again later.
    ///
    /// If the response contains no id, the id is found by comparing the list before and after. If
    /// several tokens match, the client may sign in with the new one, whose auth token usually
    /// contains the id. If the id stays unknown, or one of these calls fails, the value is returned
    /// without an id.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use emnify_core::NewApplicationToken;
    ///
    /// let new = NewApplicationToken::new().description("gateway 7").ip("192.0.2.0/24");
    /// let created = client.application_tokens().create(&new)?;
    /// let id = created.id(); // to revoke it later
    /// let secret = created.into_secret(); // store it: it cannot be read again
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` before anything is sent; otherwise the kind that fits the response, such as
    /// `Validation` or `Forbidden`. After `Network`, `Timeout` or `Server` a token may exist whose
    /// value is lost: find it in the list and revoke it.
    pub fn create(&self, new: &NewApplicationToken) -> Result<CreatedApplicationToken> {
        self.calls().create(new)
    }

    /// Returns all application tokens of the workspace, including expired and revoked ones. A row
    /// without an id is skipped, since no call can refer to it. Other missing fields are `None`.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// for token in client.application_tokens().list()? {
    ///     println!("{} {}", token.id(), token.description().unwrap_or("-"));
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call; `Protocol` if the response is not a list, or if all its pages together
    /// are longer than 64 MiB.
    pub fn list(&self) -> Result<Vec<ApplicationToken>> {
        self.calls().list()
    }

    /// Changes the description of the application token `id`.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use emnify_core::{ApplicationTokenUpdate, NewApplicationToken};
    ///
    /// # let created = client.application_tokens().create(&NewApplicationToken::new())?;
    /// # let Some(id) = created.id() else { return Ok(()) };
    /// let update = ApplicationTokenUpdate::new().description("gateway 7, hall 2");
    /// client.application_tokens().update(id, &update)?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `update` contains no change; `NotFound` if no token has this id.
    pub fn update(&self, id: u64, update: &ApplicationTokenUpdate) -> Result<()> {
        self.calls().update(id, update)
    }

    /// Revokes the application token `id`. This cannot be undone. Auth tokens that were obtained
    /// with it stay valid until they expire. Revoking it again is not an error.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// # let created = client.application_tokens().create(&emnify_core::NewApplicationToken::new())?;
    /// if let Some(id) = created.id() {
    ///     client.application_tokens().revoke(id)?;
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if no token has this id.
    pub fn revoke(&self, id: u64) -> Result<()> {
        self.calls().revoke(id)
    }

    /// Revokes, in the background, a token that was just created and is no longer wanted.
    /// Without an id the token stays, since guessing could revoke another one.
    #[cfg(feature = "__faces")]
    #[doc(hidden)]
    pub fn discard(&self, created: &CreatedApplicationToken) {
        self.calls().discard(created);
    }

    /// Returns the row of the application token that this client signs in with. `None` if the auth
    /// token does not contain its id, for example with user credentials.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// if let Some(own) = client.application_tokens().own()? {
    ///     println!("{} expires {}", own.id(), own.expiry_date().unwrap_or("never"));
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`list`](Self::list).
    pub fn own(&self) -> Result<Option<ApplicationToken>> {
        self.calls().own()
    }

    /// Returns all application tokens, each with its risks. It changes nothing.
    ///
    /// Besides the list it reads emnify's events, for [`RefusedLately`](crate::Finding::RefusedLately),
    /// unless [`AuditOptions::refused_within`] is zero. If that fails, or there are too many, the
    /// event [`AuditIncomplete`](crate::EventKind::AuditIncomplete) says so.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use emnify_core::{AuditOptions, Finding};
    ///
    /// for audited in client.application_tokens().audit(&AuditOptions::new())? {
    ///     if audited.findings.contains(&Finding::NoExpiry) {
    ///         println!("{} never expires", audited.token.id());
    ///     }
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`list`](Self::list).
    pub fn audit(&self, options: &AuditOptions) -> Result<Vec<AuditedToken>> {
        self.calls().audit(options)
    }

    /// Returns the sign-ins with application tokens that emnify refused, of all machines in the
    /// workspace, the latest first. `since` is how far to go back, counted on emnify's clock; emnify
    /// keeps them for 30 days.
    ///
    /// At most 20 pages of 100 are read. If there are more, the event
    /// [`AuditIncomplete`](crate::EventKind::AuditIncomplete) says so, and those that are missing
    /// need not be the oldest.
    ///
    /// After a rotation this tells which machines still use the old token.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use std::time::Duration;
    ///
    /// for failure in client.application_tokens().failures(Duration::from_secs(86_400))? {
    ///     println!("{:?} {}", failure.token_ids, failure.description);
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call, such as `Forbidden`.
    pub fn failures(&self, since: Duration) -> Result<Vec<SignInFailure>> {
        self.calls().failures(since)
    }

    /// Returns what the value of an application token says about itself. It needs no connection and
    /// verifies nothing. `None` if the value is opaque; [`identify`](Self::identify) asks emnify.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// use emnify_core::{ApplicationTokens, Secret};
    ///
    /// let found = Secret::from(sandbox.application_token()); // somewhere in public
    /// let claims = ApplicationTokens::inspect(&found).unwrap();
    /// assert_eq!((claims.id, claims.organisation_id), (Some(4711), Some(1234)));
    /// ```
    #[must_use]
    pub fn inspect(value: &Secret) -> Option<TokenClaims> {
        TokenClaims::read(value.reveal())
    }

    /// Returns the row of the application token with this value, to revoke one that was found in
    /// public. It signs in with the value once, because only emnify knows whether the id that the
    /// value claims is right. A token that the list shows as revoked is returned without that.
    ///
    /// Check the findings before you revoke: with [`Finding::Own`](crate::Finding::Own) it is the
    /// token that this client signs in with. Refused sign-ins are not looked for.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// # let new = emnify_core::NewApplicationToken::new();
    /// # let found = client.application_tokens().create(&new)?.into_secret();
    /// use emnify_core::Finding;
    ///
    /// let tokens = client.application_tokens();
    /// let leaked = tokens.identify(&found)?;
    /// if !leaked.findings.contains(&Finding::Own) {
    ///     tokens.revoke(leaked.token.id())?;
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - `InvalidInput` if the value cannot be an application token, or is an auth token.
    /// - `Rejected` if emnify refuses the value: it is expired, restricted to other addresses, or
    ///   none of emnify's.
    /// - `NotFound` if it belongs to another workspace, or emnify does not tell its id, or nothing
    ///   confirms the id: this client's own auth token must contain the id of a row, too, or, if a
    ///   user signed in, the row must be as old as the value says.
    /// - Those of [`list`](Self::list).
    pub fn identify(&self, value: &Secret) -> Result<AuditedToken> {
        self.calls().identify(value)
    }

    /// Replaces the application token that this client signs in with. It creates a new one, tests
    /// it, writes it to the credential file or passes it to [`RotateOptions::hand_over`], and
    /// revokes the old one, after the grace period if one is set. From then on the client uses the
    /// new one.
    ///
    /// The progress is kept in a journal in the client's store, which must be a directory. After a
    /// crash or an error, call this again with the same options: it continues where it stopped. It
    /// uses the options that it started with, and [`Rotation::ignored_options`] returns the ones
    /// that were not applied. A client that starts with the old token also finds the new one in the
    /// journal, so keep the directory. All clients that share a credential must share the store.
    /// Only one rotation runs in a store at a time; a call that waits for another rotation returns
    /// its result.
    ///
    /// Each request of a rotation may take as long as the client's timeout.
    ///
    /// The credential file is replaced as a whole. The new file has the same mode and, if allowed,
    /// the same owner. On Linux it also keeps the access control list, the users' extended
    /// attributes and the SELinux label; on other systems these are lost. If another program has
    /// changed the file meanwhile, the rotation stops and does not touch the file. Only a change in the
    /// last moment before the replacement would be lost.
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
    /// - `InvalidInput` if the store is not a directory, if the application token was passed as
    ///   text without `hand_over`, if the client signs in with user credentials, if the list does
    ///   not contain its application token, or if the old token's lifetime is not known and no
    ///   expiry date is set.
    /// - `Forbidden` if the application token is not allowed to revoke tokens, unless
    ///   [`RotateOptions::keep_old`] is set.
    /// - Those of any call, and `Store`, before the rotation starts.
    /// - `Rotation` from then on, with [`Error::rotation_state`](crate::Error::rotation_state). The
    ///   client continues with an application token that works. A new token that emnify refuses is
    ///   given up and revoked, after a minute at the earliest.
    pub fn rotate(&self, options: &RotateOptions) -> Result<Rotation> {
        rotation::rotate(&self.transport, options)
    }

    fn calls(&self) -> TokenCalls<'_> {
        TokenCalls::new(&self.transport)
    }
}

#[cfg(test)]
mod rotation_model;
