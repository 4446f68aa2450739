//! The client, from its use to its end. `builder`, `request` and `pages` have more of its methods.

pub(crate) mod application_tokens;
mod builder;
mod call;
mod connection;
pub(crate) mod pages;
mod request;

use std::sync::Arc;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::calls::into_core::into_core;
use crate::calls::on_event::OnEvent;
use crate::calls::replacement::Replacement;
use crate::client::application_tokens::ApplicationTokens;
use crate::client::connection::Connection;
use crate::convert::arguments::{self, wrong_type};
use crate::convert::errors::not_pickled;
use crate::values::auth_token::AuthToken;
use crate::values::status::Status;

/// Keeps a program signed in to emnify.
///
/// It signs in with an application token, passed here, or as a file that holds it, or by
/// the environment variables EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE; else
/// as the user of EMNIFY_USERNAME and EMNIFY_PASSWORD. Nothing is sent before the first
/// call.
///
/// base_url: where the API is; default: EMNIFY_BASE_PATH, else emnify itself.
/// timeout: seconds that one call may take, with everything that it waits for: up to three
/// attempts to sign in, and the time between them.
/// connect_timeout: the part of it that connecting may take.
/// ca_bundle: a file or directory of certificates in PEM form; these authorities are
/// trusted and no others. Default: SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else
/// the system's.
/// proxy: the URL of an HTTP proxy; default: HTTPS_PROXY, ALL_PROXY, less what NO_PROXY
/// names.
/// store: a directory, or a URL such as redis://host:6379/0, where the session outlives the
/// process, encrypted; processes that share it sign in once for all. Default: memory. One that
/// cannot be used is no error: the session goes on in memory, and on_event is told. A directory
/// that the group or others can write to is not used. Two copies of this library in one process
/// (say, this package and the C library) need a directory each.
/// on_event: a function that is called with an Event when something happens to the session.
/// It runs in a thread that is making a call with this client, before that call returns or
/// raises; what happens in the background waits for the next call, of status() for example.
/// It may call the client. An exception in it goes to sys.unraisablehook and does not
/// disturb the call; only what is no Exception, such as KeyboardInterrupt, ends the call.
/// Each event also goes to the logger "emnify_auth" of Python's logging.
/// pacing: whether calls that come too fast for emnify's limits are delayed, over all threads
/// of this client: 500 calls at once, then 5 a second; of these 25 at once, then 50 a second;
/// of lists and statistics 5 at once, then 10 a second. What would wait beyond the timeout
/// raises RateLimitedError.
///
/// It can be used from any number of threads, in a child after a fork, and in a with
/// statement. What it refuses it refuses here, with an InvalidInputError that names the
/// argument.
///
/// Ctrl-C, or any other signal whose handler raises an exception, ends a call in the main
/// thread at once. A request that was sent already goes on in the background, for the
/// timeout at most.
///
///     >>> with Client() as client:
///     ...     sim = client.get("/api/v1/sim/500001").json()
///     >>> sim["id"]
///     500001
#[pyclass(frozen, weakref, module = "emnify_auth")]
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) on_event: OnEvent,
    pub(crate) mfa: Option<Py<PyAny>>,
    pub(crate) base_url: Arc<str>,
}

#[pymethods]
impl Client {
    /// An auth token that is valid now: the cached one, or a new one. Ask each time you need
    /// one, and keep none: this is fast, and knows when to renew.
    ///
    /// A valid token is renewed in the background, so that no call waits or fails while
    /// there is one. Without one, what may pass by itself is tried up to three times within
    /// the timeout.
    ///
    /// Raises AuthenticationError where the credentials are refused, MfaRequiredError where a
    /// one-time code is due and nobody supplies it, AccountLockedError where they were
    /// refused too often; NetworkError, TlsError, RequestTimeoutError, RateLimitedError,
    /// ServerError where emnify cannot be asked; ProtocolError where the answer makes no
    /// sense. While no attempt may be made, a call that has not the time to wait
    /// raises the last attempt's error; retry_after says for how long.
    fn authenticate(&self, py: Python<'_>) -> PyResult<AuthToken> {
        match self.cached(py)? {
            Some(auth_token) => Ok(auth_token),
            None => self.call(py, emnify_core::Client::authenticate).map(AuthToken),
        }
    }

    /// The cached auth token if it can be handed out at once, else None.
    #[pyo3(name = "_cached")]
    fn cached_auth_token(&self, py: Python<'_>) -> PyResult<Option<AuthToken>> {
        self.cached(py)
    }

    /// Tells on_event what it has yet to be told.
    #[pyo3(name = "_tell")]
    fn tell(&self, py: Python<'_>) -> PyResult<()> {
        let client = self.connection.client(py)?;
        self.deliver(py, &client)
    }

    /// The header that carries a valid auth token, for a call made by other means:
    /// {"Authorization": "Bearer …"}. It is a new dict with the secret in plain text: pass
    /// it on, and do not log it. Raises what authenticate() does.
    ///
    ///     >>> client.auth_headers().keys()
    ///     dict_keys(['Authorization'])
    fn auth_headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let auth_token = self.authenticate(py)?;
        let headers = PyDict::new(py);
        let value = PyString::from_fmt(py, format_args!("Bearer {}", auth_token.0.reveal()))?;
        headers.set_item("Authorization", value)?;
        Ok(headers)
    }

    /// Reports that a server refused this auth token (HTTP 401): an AuthToken, or its text, with
    /// or without "Bearer " before it. If it is still the cached one, the next authenticate()
    /// signs in, and returns the old one if that fails. A late report about an earlier token
    /// changes nothing. Nor does one soon after the last (1 to 5 minutes): a server that refuses
    /// a new token too would refuse any.
    ///
    ///     >>> auth_token = client.authenticate()
    ///     >>> client.invalidate(auth_token)
    ///     >>> client.status().signed_in
    ///     False
    fn invalidate(&self, py: Python<'_>, token: &Bound<'_, PyAny>) -> PyResult<()> {
        let client = self.connection.client(py)?;
        if let Ok(token) = token.cast::<AuthToken>() {
            let token = &token.get().0;
            return into_core(py, move || {
                client.invalidate(token);
                Ok(())
            });
        }
        if token.is_instance_of::<PyString>() {
            let text = arguments::text("token", token)?;
            return into_core(py, move || {
                client.invalidate_text(text);
                Ok(())
            });
        }
        Err(wrong_type("token", "an AuthToken or a str", token))
    }

    /// Returns what an adapter replays a call with whose auth token got a 401; None: the 401 is
    /// the call's result. It signs in if that may help; other calls go on with the cached token.
    #[pyo3(name = "_replacement")]
    fn replacement(&self, py: Python<'_>, token: &AuthToken) -> PyResult<Option<Replacement>> {
        let refused = token.0.clone();
        let replacement = self.call(py, |client| client.replacement_of(&refused))?;
        Ok(replacement.map(Replacement))
    }

    /// Ends the waits that failed attempts to sign in have caused: call it when the network link
    /// comes up. After a 429 or refused credentials the wait goes on, since it does not depend on
    /// the link. It sends nothing and waits for nothing.
    ///
    ///     >>> client.retry_now()
    fn retry_now(&self, py: Python<'_>) -> PyResult<()> {
        let client = self.connection.client(py)?;
        into_core(py, move || {
            client.retry_now();
            Ok(())
        })
    }

    /// How the session stands. It asks nobody and waits for nothing, but tells on_event what
    /// happened in the background.
    fn status(&self, py: Python<'_>) -> PyResult<Status> {
        let client = self.connection.client(py)?;
        let status = into_core(py, || Ok(client.status()))?;
        self.deliver(py, &client)?;
        Ok(Status(status))
    }

    /// Where the API is: what was passed, or found in EMNIFY_BASE_PATH, else emnify's own URL.
    /// It has no slash at its end. An auth token belongs to its origin: scheme, host and port.
    #[getter]
    fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The application tokens of the workspace: create, list, update, revoke, audit, rotate.
    #[getter]
    fn application_tokens(slf: Bound<'_, Self>) -> ApplicationTokens {
        ApplicationTokens(slf.unbind())
    }

    /// Returns a client for the workspace with this id; this one goes on in its own. It signs
    /// in at once, so that an id which does not work is told here, and renews itself, also after
    /// this one is closed. It has the same settings: on_event is told what happens to either.
    ///
    /// The server decides who may switch. Today it refuses application tokens
    /// (AuthenticationError, HTTP 401), which emnify calls temporary; a user may switch to the
    /// workspaces that they belong to.
    ///
    /// Raises AuthenticationError, ForbiddenError, NotFoundError and the like as emnify answers.
    fn switch_workspace(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let id = arguments::id(id)?;
        let client = self.call(py, move |client| client.switch_workspace(id))?;
        Ok(Client {
            connection: Connection::new(client),
            on_event: self.on_event.share(py),
            mfa: self.mfa.as_ref().map(|mfa| mfa.clone_ref(py)),
            base_url: Arc::clone(&self.base_url),
        })
    }

    /// Closes the connections and forgets the secrets. Calls under way go on to their end;
    /// later ones, status() among them, raise InvalidInputError. Closing twice is no error;
    /// nor is not closing at all.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.connection.take() {
            None => Ok(()),
            Some(client) => into_core(py, move || {
                drop(client);
                Ok(())
            }),
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().connection.client(slf.py())?;
        Ok(slf)
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<&Bound<'_, PyAny>>,
        exc_value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = (exc_type, exc_value, traceback);
        self.close(py)
    }

    fn __repr__(&self) -> &'static str {
        if self.connection.glance().is_some() { "<Client>" } else { "<Client closed>" }
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_copied())
    }

    /// The functions often lead back to the client. What leads there can be cleared, as a client
    /// does not change after it was made.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.on_event.traverse(&visit)?;
        visit.call(&self.mfa)
    }
}

/// Why neither a client nor what hangs on it has a copy.
pub(crate) fn not_copied() -> PyErr {
    not_pickled("a Client", "it holds secrets and connections; make one where it is needed")
}
