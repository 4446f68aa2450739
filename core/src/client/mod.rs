//! The public face: one [`Client`] for a machine that is signed in to emnify.

pub(crate) mod application_tokens;
pub(crate) mod builder;

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use crate::calls::pages::Pages;
use crate::calls::request::{Method, Request};
use crate::calls::retry::Transport;
use crate::client::application_tokens::ApplicationTokens;
use crate::client::builder::ClientBuilder;
use crate::http::Call;
use crate::session::Replacement;
use crate::store::Store;
use crate::sys::wait::{Interrupt, Wait};
use crate::types::auth_token::{AuthToken, SCHEME};
use crate::types::error::{Error, Result};
use crate::types::event::Event;
use crate::types::status::Status;

/// Said where an application token's switch is refused.
const NO_SWITCH: &str = "emnify may not let application tokens switch workspaces yet: create an \
                         application token there, or sign in with user credentials";

/// A client of emnify's API that keeps itself signed in.
///
/// Cloning is cheap, and clones share the session. It can be used from any number of threads: one
/// of them signs in, the others wait for it. Calls block: inside an async runtime, make them on a
/// thread that may.
///
/// ```no_run
/// use emnify_core::Client;
///
/// let client = Client::builder().application_token_file("/etc/emnify/token").build()?;
/// let auth_token = client.authenticate()?;
/// println!("Authorization: Bearer {}", auth_token.reveal());
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<Transport>,
    /// Whether `cancel` also ends exchanges.
    cancellable: bool,
}

impl Client {
    pub(crate) fn new(transport: Transport, cancellable: bool) -> Self {
        let interrupt = match cancellable {
            true => Interrupt::new(),
            false => Interrupt::between_exchanges(),
        };
        let transport = Transport { interrupt: Some(interrupt), ..transport };
        Client { transport: Arc::new(transport), cancellable }
    }

    /// Starts setting up a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// A client set up by the environment alone: `EMNIFY_APPLICATION_TOKEN` or
    /// `EMNIFY_APPLICATION_TOKEN_FILE`, and what [`ClientBuilder`] reads besides. It is the same as
    /// `Client::builder().build()`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where neither is set, or a value is refused; the message names it.
    pub fn from_env() -> Result<Self> {
        Client::builder().build()
    }

    /// An auth token that is valid now: the cached one, or a new one. Ask each time you need one,
    /// and keep none: this is fast, and knows when to renew.
    ///
    /// # Errors
    ///
    /// `Rejected` where the application token is refused, `Locked` where it was refused too often;
    /// `Network`, `Tls`, `Timeout`, `RateLimited`, `Server` where emnify cannot be asked;
    /// `Protocol` where the answer makes no sense; `InvalidInput` where the credential file cannot
    /// be read.
    pub fn authenticate(&self) -> Result<AuthToken> {
        self.transport.session.authenticate(|| self.transport.wait())
    }

    /// The auth token that [`authenticate`](Self::authenticate) would hand out without waiting, if
    /// there is one: for callers that must not block.
    pub fn cached_auth_token(&self) -> Option<AuthToken> {
        self.transport.session.cached()
    }

    /// Cancels all calls of this client and its clones, in all threads and for good: each fails with
    /// the kind `Cancelled`, also those that are made from now on. A cached auth token is still
    /// handed out. A client for another workspace goes on.
    ///
    /// Calls that wait for a response end at once if the client was made
    /// [`cancellable`](ClientBuilder::cancellable), and otherwise as they would have. An
    /// application token whose creation was left in the middle is revoked in the background, if its
    /// id is found and the process lives long enough; a rotation goes on when it is called again.
    pub fn cancel(&self) {
        self.transport.interrupt.iter().for_each(Interrupt::trigger);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.transport.interrupt.as_ref().is_some_and(Interrupt::is_triggered)
    }

    /// Takes the events that happened since the last time, the oldest first: at most 64. Empty if an
    /// observer gets them.
    pub fn take_events(&self) -> Vec<Event> {
        iter::from_fn(|| self.take_event()).collect()
    }

    /// Takes the oldest event.
    #[doc(hidden)] // For the other faces of this library.
    pub fn take_event(&self) -> Option<Event> {
        self.transport.session.take_event()
    }

    /// Returns a client of the same session whose calls end when `interrupt` is triggered. `waited`
    /// is part of the time of each call.
    #[doc(hidden)] // For the other faces of this library.
    pub fn interruptible(&self, interrupt: Interrupt, waited: Duration) -> Client {
        let transport =
            Transport { interrupt: Some(interrupt), waited, ..self.transport.as_ref().clone() };
        Client { transport: Arc::new(transport), ..self.clone() }
    }

    /// Reports that a server refused `auth_token` (HTTP 401). If it is still the cached one, the
    /// next [`authenticate`](Self::authenticate) signs in, and returns the old one if that fails. A
    /// late report about an earlier token changes nothing. Nor does one soon after the last (1 to 5
    /// minutes): a server that refuses a new token too would refuse any.
    pub fn invalidate(&self, auth_token: &AuthToken) {
        self.transport.session.invalidate(auth_token);
    }

    /// The same for callers who kept only the text, perhaps as the header's value `Bearer …`.
    pub fn invalidate_text(&self, auth_token: &str) {
        let text = auth_token.strip_prefix(SCHEME).unwrap_or(auth_token);
        self.transport.session.invalidate_text(text);
    }

    /// Returns the auth token to replay a call with whose own token got a 401; without one the 401
    /// is the call's result. It signs in if that may help, while other calls go on with the cached
    /// token. For the faces' adapters, which do not make the call through this library.
    #[doc(hidden)]
    pub fn replacement_of(&self, refused: &AuthToken) -> Option<Replacement> {
        self.transport.session.after_401(refused, &self.transport.wait()).ok()
    }

    /// Ends the waits that failed attempts to sign in have caused: call it when the network link
    /// comes up. After a 429 or refused credentials the wait goes on, since it does not depend on
    /// the link.
    pub fn retry_now(&self) {
        self.transport.session.retry_now();
    }

    /// Returns a client for another workspace, which renews itself; this one goes on in its own. It
    /// signs in at once, so that an id which does not work is told here.
    ///
    /// The server decides who may switch. Today it refuses application tokens (`Rejected`, HTTP 401),
    /// which emnify calls temporary; a user may switch to the workspaces that they belong to.
    ///
    /// # Errors
    ///
    /// `Rejected`, `Forbidden`, `NotFound` and the like as the server answers.
    pub fn switch_workspace(&self, id: u64) -> Result<Client> {
        let first = self.transport.unattended();
        let send = Arc::new(move |call: &Call<'_>, wait: &Wait| first.send(call, wait));
        let session = Arc::new(self.transport.session.in_workspace(id, send));
        session.authenticate(|| self.transport.wait()).map_err(|error| {
            let is_refused = matches!(error.http_status(), Some(401 | 403));
            match self.transport.session.given_application_token() {
                Ok(Some(_)) if is_refused => error.with_advice(NO_SWITCH),
                _ => error,
            }
        })?;
        Ok(Client::new(Transport { session, ..self.transport.unattended() }, self.cancellable))
    }

    /// Where all calls go: what was passed or found in the environment, with no slash at its end. An
    /// auth token belongs to its origin: scheme, host and port.
    pub fn base_url(&self) -> &str {
        self.transport.http.base_url().trim_end_matches('/')
    }

    /// How the session stands. It asks nobody, and holds no secret.
    pub fn status(&self) -> Status {
        self.transport.session.status()
    }

    /// Any other call of the API, with the session's auth token. The path starts with a slash and is
    /// relative to the base URL; a query may stand behind it.
    ///
    /// ```no_run
    /// # let client = emnify_core::Client::from_env()?;
    /// use emnify_core::Method;
    ///
    /// let sim: serde_json::Value = client.request(Method::Get, "/api/v1/sim/7").send()?.json()?;
    /// client
    ///     .request(Method::Patch, "/api/v1/endpoint/7")
    ///     .json(&serde_json::json!({ "name": "gateway 7" }))
    ///     .send()?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request::new(Arc::clone(&self.transport), method, path)
    }

    /// The rows of a collection, page after page, each row once.
    ///
    /// ```no_run
    /// # let client = emnify_core::Client::from_env()?;
    /// for sim in client.paginate("/api/v1/sim") {
    ///     println!("{}", sim?["iccid"]);
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn paginate(&self, path: &str) -> Pages {
        Pages::new(self.request(Method::Get, path))
    }

    /// The application tokens of the workspace.
    pub fn application_tokens(&self) -> ApplicationTokens<'_> {
        ApplicationTokens::new(&self.transport)
    }
}

/// Everything public can go to, and be shared by, any thread.
const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<Client>();
    any_thread::<ClientBuilder>();
    any_thread::<AuthToken>();
    any_thread::<Error>();
    any_thread::<Event>();
    any_thread::<Store>();
};
