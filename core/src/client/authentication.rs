//! The public methods about auth tokens: getting one, waiting or not, and reporting a refused one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::session::policy::Need;
use crate::sign_in::exchange::SIGN_IN;
use crate::sys::interrupt::TriggerOnDrop;
use crate::types::auth_token::{AuthToken, without_scheme};
use crate::types::error::{Error, Result};

impl Client {
    /// Returns an auth token that is valid now: the cached one, or a new one. Call this each time
    /// you need an auth token, and do not keep it: the cached one is returned at once. The first
    /// call after 50 to 75 % of its lifetime, drawn at random, starts its renewal in the background.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let auth_token = client.authenticate()?;
    /// assert_eq!(client.authenticate()?, auth_token); // cached
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - `Rejected` if emnify refuses the credentials, `Locked` if they were refused too often.
    /// - `MfaRequired` if a one-time code is required and was not supplied.
    /// - `Network`, `Proxy`, `Tls`, `Timeout`, `RateLimited` or `Server` if emnify cannot be
    ///   reached or does not process the request.
    /// - `Protocol` if the response is not what emnify's API sends.
    /// - `InvalidInput` if the credential file cannot be read.
    pub fn authenticate(&self) -> Result<AuthToken> {
        self.transport.session.authenticate(Need::Valid, || self.transport.wait())
    }

    /// Returns an auth token that stays valid for at least `valid_for`, for a program that cannot
    /// ask for another one meanwhile: the cached one, or a new one. Do not ask for nearly the whole
    /// lifetime of an auth token, since that signs in at each call.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use std::time::Duration;
    ///
    /// // For a job that runs for an hour and cannot ask again.
    /// let auth_token = client.authenticate_for(Duration::from_secs(3_600))?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`authenticate`](Self::authenticate), and `InvalidInput` if `valid_for` is not less
    /// than the lifetime of emnify's auth tokens.
    pub fn authenticate_for(&self, valid_for: Duration) -> Result<AuthToken> {
        self.transport.session.authenticate(Need::ValidFor(valid_for), || self.transport.wait())
    }

    /// Returns a future for an auth token that is valid now, like
    /// [`authenticate`](Self::authenticate). It works in any asynchronous runtime and never blocks
    /// the thread that polls it: a cached token is ready at once, and all tasks share one sign-in,
    /// which a thread of this library makes. That thread also runs the program's functions; only
    /// the observer runs on the thread that polls if a token is cached. The timeout starts now.
    /// Dropping the future cancels the wait; a request under way continues.
    ///
    /// ```
    /// # use emnify_core::{Client, ErrorKind};
    /// # let client = Client::builder().application_token("a.b.c").base_url("http://127.0.0.1:9").build()?;
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// match client.authenticate_async().await {
    ///     Ok(auth_token) => println!("Authorization: {}", auth_token.authorization().reveal()),
    ///     Err(error) => eprintln!("{error}"),
    /// }
    /// # });
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`authenticate`](Self::authenticate), and `Resource` if no thread can be created.
    pub fn authenticate_async(
        &self,
    ) -> impl Future<Output = Result<AuthToken>> + Send + 'static + use<> {
        let transport = self.transport.asynchronous();
        let signed_in = Arc::clone(&transport.session).authenticate_async(transport.wait());
        TriggerOnDrop::of(transport.interrupt).around(signed_in)
    }

    /// Returns an auth token that is valid now, without waiting. If there is none, starts a sign-in
    /// on a thread of this library. Calls no function of the program: events wait for another call.
    ///
    /// ```
    /// # use emnify_core::{Client, ErrorKind};
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// match client.try_authenticate() {
    ///     Ok(auth_token) => println!("signed in until {:?}", auth_token.expires_at()),
    ///     Err(error) if error.kind() == ErrorKind::Pending => println!("not yet: ask again"),
    ///     Err(error) => eprintln!("{error}; try again in {:?}", error.retry_after()),
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - `Pending` while a sign-in is in progress.
    /// - The error of the last attempt while the client backs off. Then the next call starts
    ///   another attempt.
    /// - `Resource` if no thread can be created.
    /// - `MfaRequired` if a person may have to enter a one-time code.
    pub fn try_authenticate(&self) -> Result<AuthToken> {
        if self.is_cancelled() {
            return Err(Error::cancelled(SIGN_IN));
        }
        self.transport.session.try_authenticate()
    }

    /// Returns the auth token that [`authenticate`](Self::authenticate) would return without
    /// waiting, if there is one. For callers that must not block.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// assert!(client.cached_auth_token().is_none());
    /// client.authenticate()?;
    /// assert!(client.cached_auth_token().is_some());
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn cached_auth_token(&self) -> Option<AuthToken> {
        self.transport.session.cached()
    }

    /// Returns how long `auth_token` is still valid, measured with a clock that counts from the
    /// request for the token and that is never set. For programs that schedule something, such as a
    /// reconnection. If `auth_token` is not the cached one, the wall clock is used.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let auth_token = client.authenticate()?;
    /// let reconnect_in = client.valid_for(&auth_token) / 2;
    /// assert!(!reconnect_in.is_zero());
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn valid_for(&self, auth_token: &AuthToken) -> Duration {
        self.transport.session.valid_for(auth_token)
    }

    /// Reports that a server refused `auth_token` (HTTP 401). If it is still the cached one, the
    /// next [`authenticate`](Self::authenticate) signs in, and returns the old token if that fails.
    ///
    /// A report about an earlier auth token is ignored. So is a report less than a minute after the
    /// previous one. This limit grows to 5 minutes if the new auth tokens are reported, too:
    /// signing in does not help then.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let auth_token = client.authenticate()?;
    /// // … the server responds to your call with 401 …
    /// client.invalidate(&auth_token);
    /// assert_ne!(client.authenticate()?, auth_token);
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn invalidate(&self, auth_token: &AuthToken) {
        self.transport.session.invalidate(auth_token);
    }

    /// Reports that a server refused an auth token, like [`invalidate`](Self::invalidate), by the
    /// token's text or the header value `Bearer …`.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let header = client.authenticate()?.authorization();
    /// // … the server responds to your call with 401 …
    /// client.invalidate_text(header.reveal());
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn invalidate_text(&self, auth_token: &str) {
        self.transport.session.invalidate_text(without_scheme(auth_token));
    }

    /// Ends the back-off after failed attempts to sign in. Call this when the network link comes
    /// up. The back-off after a 429 or refused credentials continues, since it does not depend on
    /// the link.
    ///
    /// ```
    /// # let client = emnify_core::Client::builder().application_token("a.b.c").base_url("http://127.0.0.1:9").build()?;
    /// # fn wait_for_the_link() {}
    /// wait_for_the_link();
    /// client.retry_now();
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn retry_now(&self) {
        self.transport.session.retry_now();
    }
}
