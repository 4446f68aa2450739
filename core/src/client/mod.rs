//! The public API: a [`Client`] keeps a machine signed in to emnify.

pub(crate) mod application_tokens;
mod authentication;
pub(crate) mod builder;
pub(crate) mod check;
#[cfg(feature = "__faces")]
mod faces;
mod metrics;
#[cfg(feature = "__parsers")]
pub mod parsers;

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use crate::calls::method::Method;
use crate::calls::pages::Pages;
use crate::calls::request::Request;
use crate::calls::retry::Transport;
use crate::client::application_tokens::ApplicationTokens;
use crate::client::builder::ClientBuilder;
use crate::client::check::Given;
use crate::http::Call;
use crate::session::policy::Need;
use crate::sign_in::exchange::SignInMode;
use crate::sys::interrupt::Interrupt;
use crate::sys::wait::Wait;
use crate::types::error::Result;
use crate::types::event::Event;
use crate::types::status::Status;

/// Advice for an application token that is not allowed to switch workspaces.
const NO_SWITCH: &str = "emnify may not yet allow application tokens to switch workspaces: create \
                         an application token in that workspace, or sign in with user credentials";

/// A client of emnify's API that keeps itself signed in.
///
/// Cloning is cheap, and clones share the session. A client can be used from any number of threads:
/// one of them signs in while the others wait. Dropping it waits for nothing.
///
/// # Blocking
///
/// All methods block the calling thread until emnify has responded, except those that return a
/// future ([`authenticate_async`](Self::authenticate_async), [`Request::send_async`]) and those that
/// make no request. A blocking method that is called in an asynchronous runtime works, but holds
/// that runtime's thread up. A future does not survive a `fork`: in the child it never completes, so
/// drop it there and create another.
///
/// ```no_run
/// use emnify_core::Client;
///
/// let client = Client::builder().application_token_file("/etc/emnify/token").build()?;
/// let auth_token = client.authenticate()?;
/// println!("Authorization: {}", auth_token.authorization().reveal());
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<Transport>,
    /// Whether `cancel` also ends a call that waits for a response.
    cancellable: bool,
    given: Given,
}

impl Client {
    pub(crate) fn new(transport: Transport, cancellable: bool, given: Given) -> Self {
        let interrupt = match cancellable {
            true => Interrupt::new(),
            false => Interrupt::between_exchanges(),
        };
        let transport = Transport { interrupt: Some(interrupt), ..transport };
        Client { transport: Arc::new(transport), cancellable, given }
    }

    /// Returns a builder with default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Creates a client from environment variables, which are read now. It is the same as
    /// `Client::builder().build()`.
    ///
    /// | variable | setting |
    /// |---|---|
    /// | `EMNIFY_APPLICATION_TOKEN` or `EMNIFY_APPLICATION_TOKEN_FILE`, or else `EMNIFY_USERNAME` and `EMNIFY_PASSWORD` | what to sign in with |
    /// | `EMNIFY_BASE_PATH` | [`base_url`](ClientBuilder::base_url) |
    /// | `EMNIFY_STORE` | [`store`](ClientBuilder::store) |
    /// | `EMNIFY_FLEET_SIZE` | [`fleet_size`](ClientBuilder::fleet_size) |
    /// | `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` | [`proxy`](ClientBuilder::proxy) |
    /// | `SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE` | [`ca_bundle`](ClientBuilder::ca_bundle) |
    ///
    /// ```no_run
    /// let client = emnify_core::Client::from_env()?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if no credential is set or a value is invalid; the message names the
    /// variable.
    pub fn from_env() -> Result<Self> {
        Client::builder().build()
    }

    /// Returns a client of the same session whose calls take at most `timeout`, with all waits and
    /// retries.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let auth_token = client.with_timeout(Duration::from_secs(5)).authenticate()?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use = "the client itself is not changed"]
    pub fn with_timeout(&self, timeout: Duration) -> Client {
        let transport = Transport { timeout, ..self.transport.as_ref().clone() };
        Client { transport: Arc::new(transport), ..self.clone() }
    }

    /// Cancels all current and later calls of this client and its clones, in all threads. They fail
    /// with the kind `Cancelled`. This cannot be undone. A cached auth token is still returned, but
    /// no longer renewed. A client for another workspace is not cancelled.
    ///
    /// A call that waits for a response ends at once if the client is
    /// [`cancellable`](ClientBuilder::cancellable); otherwise when the response arrives or the
    /// timeout ends. If the creation of an application token is cancelled, the token is revoked in
    /// the background, if its id is found and the process runs long enough. A cancelled rotation
    /// continues when `rotate` is called again.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// client.authenticate()?;
    /// client.cancel(); // for example from a handler of SIGTERM
    /// assert!(client.is_cancelled());
    /// let error = client.application_tokens().list().unwrap_err();
    /// assert_eq!(error.kind(), emnify_core::ErrorKind::Cancelled);
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn cancel(&self) {
        self.transport.interrupt.iter().for_each(Interrupt::trigger);
        self.transport.session.cancelled();
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.transport.interrupt.as_ref().is_some_and(Interrupt::is_triggered)
    }

    /// Returns the events since the last call, the oldest first: at most 64. Empty if an observer
    /// gets the events.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// client.authenticate()?;
    /// for event in client.take_events() {
    ///     println!("{} {}: {event}", event.level(), event.kind());
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn take_events(&self) -> Vec<Event> {
        iter::from_fn(|| self.transport.session.take_event()).collect()
    }

    /// Returns a client for another workspace, which keeps itself signed in there. This client
    /// stays in its own workspace. The new client signs in at once, so an invalid id fails here.
    ///
    /// The server decides who may switch. Users may switch to the workspaces that they belong to.
    /// At present the server refuses application tokens (`Rejected`, HTTP 401); emnify calls this
    /// temporary.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .user("user@example.com", "password").build()?;
    /// let other = client.switch_workspace(5678)?;
    /// assert_eq!(other.authenticate()?.organisation_id(), Some(5678));
    /// assert_eq!(client.authenticate()?.organisation_id(), Some(1234));
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call, such as `Rejected`, `Forbidden` or `NotFound`.
    pub fn switch_workspace(&self, id: u64) -> Result<Client> {
        let (attended, unattended) = (self.transport.uninterrupted(), self.transport.unattended());
        let send = Arc::new(move |call: &Call<'_>, wait: &Wait, mode| match mode {
            SignInMode::Interactive => attended.send(call, wait),
            SignInMode::Unattended | SignInMode::Background => unattended.send(call, wait),
        });
        let session = Arc::new(self.transport.session.in_workspace(id, send));
        session.authenticate(Need::Valid, || self.transport.wait()).map_err(|error| {
            let is_refused = matches!(error.http_status(), Some(401 | 403));
            match self.transport.session.given_application_token() {
                Ok(Some(_)) if is_refused => error.with_advice(NO_SWITCH),
                _ => error,
            }
        })?;
        let transport = Transport { session, ..self.transport.uninterrupted() };
        Ok(Client::new(transport, self.cancellable, self.given))
    }

    /// Returns the base URL of all calls, without a slash at its end. Send the auth token only to
    /// its origin: scheme, host and port.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let url = format!("{}/api/v1/sim", client.base_url()); // for your own HTTP client
    /// # assert_eq!(client.base_url(), sandbox.url());
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.transport.http.base_url().trim_end_matches('/')
    }

    /// Returns the status of the session. It makes no request.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// client.authenticate()?;
    /// let status = client.status();
    /// assert!(status.signed_in && status.last_error.is_none());
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> Status {
        self.transport.session.deliver_events();
        self.transport.session.status()
    }

    /// Returns a builder for any request to the API, with the session's auth token. The path starts
    /// with a slash and is relative to the base URL; it may contain a query.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use emnify_core::Method;
    ///
    /// let sim: serde_json::Value =
    ///     client.request(Method::Get, "/api/v1/sim/500001").send()?.json()?;
    /// client
    ///     .request(Method::Patch, "/api/v1/endpoint/100001")
    ///     .json(&serde_json::json!({ "name": "gateway 7" }))
    ///     .send()?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request::new(Arc::clone(&self.transport), method, path)
    }

    /// Returns an iterator over the rows of a collection. It reads page after page and returns each
    /// row once.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// for sim in client.paginate("/api/v1/sim") {
    ///     println!("{}", sim?["iccid"]);
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn paginate(&self, path: &str) -> Pages {
        Pages::new(self.request(Method::Get, path))
    }

    /// Returns the calls for the application tokens of the workspace.
    #[must_use]
    pub fn application_tokens(&self) -> ApplicationTokens {
        ApplicationTokens::new(Arc::clone(&self.transport))
    }
}
