//! The client. Some of its methods are in `authentication`, `builder`, `request`, `task_request` and `pages`.

pub(crate) mod application_tokens;
mod authentication;
mod builder;
mod call;
mod check;
mod connection;
pub(crate) mod pages;
pub(crate) mod replacement;
mod request;
mod rotate;
pub(crate) mod task_request;

use std::sync::Arc;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::calls::events::OnEvent;
use crate::calls::into_core::into_core;
use crate::calls::user_functions::SignInFunctions;
use crate::calls::waking::Entrance;
use crate::client::application_tokens::ApplicationTokens;
use crate::client::connection::Connection;
use crate::convert::arguments::{self, Timeout};
use crate::convert::errors::not_pickled;

/// Keeps a program signed in to emnify.
///
/// It sends nothing before the first call.
///
/// application_token: the application token to sign in with. Default: the environment variable
/// EMNIFY_APPLICATION_TOKEN.
/// application_token_file: a file that contains the application token. It is read at each
/// sign-in, so that the client notices a rotation. Default: EMNIFY_APPLICATION_TOKEN_FILE.
/// application_token_source: a function that returns the application token, for example from a
/// secret manager. It is called at each sign-in that a call makes, in the thread of that call, and
/// must not use this client. Renewals in the background use its last result. If it raises an
/// exception, its last result is used and on_event is called; if there is none, the call raises
/// that exception, and calls that waited for the same sign-in raise InvalidInputError.
/// Without any of these the client signs in as the user in EMNIFY_USERNAME and EMNIFY_PASSWORD.
/// base_url: the URL of the API. Default: EMNIFY_BASE_PATH, else emnify's address.
/// timeout: how long one call may take, including all waits and retries, in seconds or as a
/// timedelta.
/// connect_timeout: how much of this time connecting may take.
/// ca_bundle: a file or directory of PEM certificates, or PEM certificates as bytes. Only these
/// authorities are trusted.
/// Default: SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else the system's certificate
/// authorities, else a bundled set.
/// proxy: the URL of an HTTP proxy. Default: HTTPS_PROXY, ALL_PROXY, except for hosts in
/// NO_PROXY.
/// interface: the network interface that all connections are made from, such as "wwan0", on Linux
/// and macOS. Before Linux 5.7 this needs the capability CAP_NET_RAW. Default: the system chooses.
/// Applies to connections to emnify, or to the proxy; not to looking up names or to a store in
/// Redis.
/// local_address: the IPv4 or IPv6 address of this machine that all connections are made from, for
/// an application token that is limited to it. Otherwise like interface, and on all systems.
/// store: a directory, or the URL of a Redis or Valkey server, such as redis://host:6379/0, that
/// keeps the session, encrypted, when the process ends; ~/ at the beginning is the directory in
/// HOME. rediss:// uses TLS, redis+unix:///path a socket. A password that is not in the URL comes
/// from EMNIFY_STORE_PASSWORD, or else from the file that EMNIFY_STORE_PASSWORD_FILE names.
/// Processes that share a store sign in once for all. Default: EMNIFY_STORE, else memory. If the
/// store cannot be used, the session continues in memory and on_event is called. A directory that
/// the group or others can write to is not used. If one process contains two copies of this
/// library (for example this package and the C library), give each its own directory.
/// on_event: a function that is called with an Event when something happens to the session. It
/// runs in a thread that is making a call with this client, before that call returns or raises.
/// Events from the background are reported during the next call, for example status(). The
/// function may call the client: the events of these calls are reported during the next call, and
/// those that repeat what it was just told are dropped. An exception that it raises goes to
/// sys.unraisablehook and does not affect the call. Exceptions that are not an Exception, such as
/// KeyboardInterrupt, end the call. Each event also goes to the logger "emnify_auth" of Python's
/// logging.
/// auto_renew: whether a thread renews the auth token on time, also without calls, and signs in
/// again after an outage. It starts at the first call that needs an auth token, and in a forked
/// child at the child's first. It runs no Python code, so it never asks for a one-time code, and
/// does not delay the end of the program.
/// fleet_size: about how many clients sign in from the same public address. emnify limits sign-ins
/// by address. After the first refusal because of that limit, a client of a fleet waits for 300 s
/// and up to 4.2 s for each client, drawn at random, instead of 300 s: then a large fleet needs
/// fewer calls, and gets signed in even if emnify counts refused calls. The first attempt is never
/// delayed. Default: EMNIFY_FLEET_SIZE, else unknown.
/// pacing: whether calls are delayed to stay within emnify's rate limits, for all threads of
/// this client together: 500 calls at once, then 5 per second (2,000 in any 300 s). In
/// addition, lists and statistics have 5 at once, then 10 per second; other calls have 25 at
/// once, then 50 per second. A call that would have to wait longer than its timeout raises
/// RateLimitedError.
/// retries: how often a call is repeated after temporary failures, within its timeout: see
/// request(). Signing in has limits of its own.
///
/// A client can be used from any number of threads, in a child process after a fork, and in a
/// with statement. An invalid argument raises an InvalidInputError that names it.
///
/// In the main thread, Ctrl-C ends a call at once, and so does any other signal whose handler
/// raises an exception. A request that was already sent continues in the background, at most
/// until the call's timeout.
///
///     >>> with Client() as client:
///     ...     sim = client.get("/api/v1/sim/500001").json()
///     >>> sim["id"]
///     500001
#[pyclass(frozen, weakref, module = "emnify_auth")]
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) on_event: OnEvent,
    pub(crate) functions: SignInFunctions,
    pub(crate) base_url: Arc<str>,
    pub(crate) entrance: Arc<Entrance>,
}

#[pymethods]
impl Client {
    /// The URL of the API, without a slash at its end. Send the auth token only to its origin:
    /// scheme, host and port.
    #[getter]
    fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the timeout of a call in seconds: the given one, or else the client's.
    #[pyo3(name = "_timeout", signature = (timeout=None))]
    fn timeout(&self, py: Python<'_>, timeout: Option<Timeout>) -> PyResult<f64> {
        let timeout = match timeout {
            Some(Timeout(timeout)) => timeout,
            None => self.connection.client(py)?.timeout(),
        };
        Ok(timeout.as_secs_f64())
    }

    /// The calls for the application tokens of the workspace: create, list, update, revoke, own,
    /// audit and rotate.
    #[getter]
    fn application_tokens(slf: Bound<'_, Self>) -> ApplicationTokens {
        ApplicationTokens(slf.unbind())
    }

    /// Returns a client for the workspace with this id. This client stays in its own workspace.
    /// The new client signs in at once, so an invalid id raises an exception here. It has the
    /// same settings, reports to the same on_event, and continues to work after this one is
    /// closed.
    ///
    /// timeout: how long this call may take, in seconds or as a timedelta. Default: the client's
    /// timeout.
    ///
    /// The server decides who may switch. Users may switch to the workspaces that they belong to.
    /// At present emnify refuses application tokens (AuthenticationError, HTTP 401) and calls
    /// this temporary.
    ///
    /// Raises what any call raises, such as AuthenticationError, ForbiddenError or NotFoundError.
    #[pyo3(signature = (id, *, timeout=None))]
    fn switch_workspace(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        timeout: Option<Timeout>,
    ) -> PyResult<Self> {
        let id = arguments::id(id)?;
        let own_timeout = self.connection.client(py)?.timeout();
        let client = self.call(py, timeout, move |client| client.switch_workspace(id))?;
        Ok(Client {
            connection: Connection::new(client.with_timeout(own_timeout)),
            on_event: self.on_event.share(py),
            functions: self.functions.share(py),
            base_url: Arc::clone(&self.base_url),
            entrance: Arc::default(),
        })
    }

    /// Closes the connections and erases the secrets. Calls in progress are completed; later
    /// calls, even of status(), raise InvalidInputError. A client may be closed more than once,
    /// or never.
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

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let client = self.connection.borrow();
        let Some(client) = client.as_ref() else { return Ok("<Client closed>".to_owned()) };
        let store = client.store().unwrap_or_else(|| "memory".to_owned());
        let (url, store) = (PyString::new(py, &self.base_url), PyString::new(py, &store));
        let credential = client.credential();
        Ok(format!(
            "<Client credential='{credential}' base_url={} store={}>",
            url.repr()?,
            store.repr()?
        ))
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_copied())
    }

    /// The functions often refer to the client. There is no `__clear__`, since a client does not
    /// change: the collector breaks the cycle at another object.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.on_event.traverse(&visit)?;
        self.functions.traverse(&visit)
    }
}

/// Returns the error for pickling or copying a client, or an object that uses one.
pub(crate) fn not_copied() -> PyErr {
    not_pickled("a Client", "it contains secrets and connections; create one where it is needed")
}
