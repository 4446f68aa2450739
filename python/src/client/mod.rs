//! The client. Some of its methods are in `builder`, `request` and `pages`.

pub(crate) mod application_tokens;
mod builder;
mod call;
mod connection;
pub(crate) mod pages;
pub(crate) mod replacement;
mod request;

use std::sync::Arc;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::calls::events::OnEvent;
use crate::calls::into_core::into_core;
use crate::client::application_tokens::ApplicationTokens;
use crate::client::connection::Connection;
use crate::client::replacement::Replacement;
use crate::convert::arguments::{self, Timeout, wrong_type};
use crate::convert::errors::not_pickled;
use crate::values::auth_token::AuthToken;
use crate::values::plain;

/// Keeps a program signed in to emnify.
///
/// It sends nothing before the first call.
///
/// application_token: the application token to sign in with. Default: the environment variable
/// EMNIFY_APPLICATION_TOKEN.
/// application_token_file: a file that contains the application token. It is read at each
/// sign-in, so that the client notices a rotation. Default: EMNIFY_APPLICATION_TOKEN_FILE.
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
/// function may call the client. An exception that it raises goes to sys.unraisablehook and does
/// not affect the call. Exceptions that are not an Exception, such as KeyboardInterrupt, end the
/// call. Each event also goes to the logger "emnify_auth" of Python's logging.
/// auto_renew: whether a thread renews the auth token on time, also without calls, and signs in
/// again after an outage. It starts at the first call that needs an auth token, and in a forked
/// child at the child's first. It runs no Python code, so it never asks for a one-time code, and
/// does not delay the end of the program.
/// fleet_size: about how many clients sign in from the same public address. emnify limits sign-ins
/// by address. After the first refusal because of that limit, a client of a fleet waits for 300 s
/// and up to 4.2 s for each client, drawn at random, instead of 60 to 300 s: then a large fleet is
/// signed in sooner and with fewer calls. The first attempt is never delayed. Default:
/// EMNIFY_FLEET_SIZE, else unknown.
/// pacing: whether calls are delayed to stay within emnify's rate limits, for all threads of
/// this client together: 500 calls at once, then 5 per second (2,000 in any 300 s). In
/// addition, lists and statistics have 5 at once, then 10 per second; other calls have 25 at
/// once, then 50 per second. A call that would have to wait longer than its timeout raises
/// RateLimitedError.
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
    pub(crate) mfa: Option<Py<PyAny>>,
    pub(crate) base_url: Arc<str>,
}

#[pymethods]
impl Client {
    /// Returns an auth token that is valid now: the cached one, or a new one. Call this each
    /// time you need an auth token, and do not keep it: the cached one is returned at once, and
    /// renewed in time.
    ///
    /// The first call after a random point between 50 and 75 % of the token's lifetime starts a
    /// renewal in the background; without calls nothing is renewed. In the last minute of the
    /// lifetime, calls wait for the renewal, and return the old token if it fails.
    ///
    /// Without a valid token the call signs in; temporary failures are retried, three attempts
    /// in all within the timeout. After that the client waits before the next attempt: calls
    /// whose timeout ends sooner raise the last error, and its retry_after is the rest of the
    /// wait in seconds.
    ///
    /// timeout: how long this call may take, in seconds or as a timedelta. Default: the client's
    /// timeout.
    ///
    /// Raises AuthenticationError if emnify refuses the credentials, AccountLockedError if it
    /// refused them too often, and MfaRequiredError if a one-time code is required and was not
    /// supplied; NetworkError, ProxyError, TlsError, RequestTimeoutError, RateLimitedError or
    /// ServerError if emnify cannot be reached or does not process the request; ProtocolError if
    /// the response is not one that emnify sends.
    #[pyo3(signature = (*, timeout=None))]
    fn authenticate(&self, py: Python<'_>, timeout: Option<Timeout>) -> PyResult<AuthToken> {
        match self.cached(py)? {
            Some(auth_token) => Ok(auth_token),
            None => self.call(py, timeout, emnify_core::Client::authenticate).map(AuthToken),
        }
    }

    /// Returns an auth token that stays valid for at least valid_for, in seconds or as a
    /// timedelta, for a program that cannot ask for another one meanwhile: the cached one, or a
    /// new one. Do not ask for nearly the whole lifetime of an auth token, since that signs in at
    /// each call.
    ///
    /// Raises the same exceptions as authenticate(), and InvalidInputError if valid_for is not
    /// less than the lifetime of emnify's auth tokens.
    ///
    ///     >>> auth_token = client.authenticate_for(3600)
    #[pyo3(signature = (valid_for, *, timeout=None))]
    fn authenticate_for(
        &self,
        py: Python<'_>,
        valid_for: &Bound<'_, PyAny>,
        timeout: Option<Timeout>,
    ) -> PyResult<AuthToken> {
        let valid_for = arguments::duration("valid_for", valid_for)?;
        self.call(py, timeout, move |client| client.authenticate_for(valid_for)).map(AuthToken)
    }

    /// Returns the cached auth token if it is valid, else None.
    #[pyo3(name = "_cached")]
    fn cached_auth_token(&self, py: Python<'_>) -> PyResult<Option<AuthToken>> {
        self.cached(py)
    }

    /// Logs the requests and reports the events that were not reported yet.
    #[pyo3(name = "_report_events")]
    fn report_events(&self, py: Python<'_>) -> PyResult<()> {
        let client = self.connection.client(py)?;
        self.deliver(py, &client)
    }

    /// Returns the header with a valid auth token, for requests that another library sends:
    /// {"Authorization": "Bearer …"}. The new dict contains the secret in plain text: do not log
    /// it. Call this for each request. Raises the same exceptions as authenticate().
    ///
    ///     >>> client.auth_headers().keys()
    ///     dict_keys(['Authorization'])
    #[pyo3(signature = (*, timeout=None))]
    fn auth_headers<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<Timeout>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let auth_token = self.authenticate(py, timeout)?;
        let headers = PyDict::new(py);
        let value = PyString::from_fmt(py, format_args!("Bearer {}", auth_token.0.reveal()))?;
        headers.set_item("Authorization", value)?;
        Ok(headers)
    }

    /// Reports that a server refused an auth token (HTTP 401). If it is still the cached one,
    /// the next authenticate() signs in, and returns the old token if that fails.
    ///
    /// token: an AuthToken, or its text, with or without "Bearer " before it.
    ///
    /// A report about an earlier auth token is ignored. So is a report less than a minute after
    /// the previous one. This limit grows to 5 minutes if the new auth tokens are reported,
    /// too: signing in does not help then.
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

    /// Returns another auth token for a request that got a 401. None if there is none; then the
    /// 401 is the result of the request. It signs in if that may help. Meanwhile other calls use
    /// the cached auth token.
    #[pyo3(name = "_replacement")]
    fn replacement(&self, py: Python<'_>, token: &AuthToken) -> PyResult<Option<Replacement>> {
        let refused = token.0.clone();
        let replacement = self.call(py, None, |client| client.replacement_of(&refused))?;
        Ok(replacement.map(Replacement))
    }

    /// Ends the wait after failed attempts to sign in. Call this when the network link comes up.
    /// The wait after a 429 or refused credentials continues, since it does not depend on the
    /// link. This method sends nothing and returns at once.
    ///
    ///     >>> client.retry_now()
    fn retry_now(&self, py: Python<'_>) -> PyResult<()> {
        let client = self.connection.client(py)?;
        into_core(py, move || {
            client.retry_now();
            Ok(())
        })
    }

    /// Returns the status of the session. It sends nothing and returns at once. It also reports
    /// events from the background to on_event.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let client = self.connection.client(py)?;
        let status = into_core(py, || Ok(client.status()))?;
        self.deliver(py, &client)?;
        plain::status(py, &status)
    }

    /// Returns metrics in the OpenMetrics text format, for Prometheus: when the auth token and
    /// the application token expire, sign-ins, their failures by kind, the back-off, and when the
    /// session in the store was written. They contain no secret. It sends nothing, returns at
    /// once, and calls no function of the program. emnify_auth.prometheus has a collector for
    /// prometheus_client.
    ///
    /// If the application token itself does not show when it expires, a renewal in the background
    /// looks that up in the list, once a day from the first call on.
    ///
    ///     >>> "emnify_signed_in 0" in client.metrics()
    ///     True
    fn metrics(&self, py: Python<'_>) -> PyResult<String> {
        let client = self.connection.client(py)?;
        into_core(py, || Ok(client.metrics()))
    }

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
    /// The server decides who may switch. Users may switch to the workspaces that they belong to.
    /// At present emnify refuses application tokens (AuthenticationError, HTTP 401) and calls
    /// this temporary.
    ///
    /// Raises what any call raises, such as AuthenticationError, ForbiddenError or NotFoundError.
    fn switch_workspace(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let id = arguments::id(id)?;
        let client = self.call(py, None, move |client| client.switch_workspace(id))?;
        Ok(Client {
            connection: Connection::new(client),
            on_event: self.on_event.share(py),
            mfa: self.mfa.as_ref().map(|mfa| mfa.clone_ref(py)),
            base_url: Arc::clone(&self.base_url),
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
        visit.call(&self.mfa)
    }
}

/// Returns the error for pickling or copying a client, or an object that uses one.
pub(crate) fn not_copied() -> PyErr {
    not_pickled("a Client", "it contains secrets and connections; create one where it is needed")
}
