//! The client: set up from what is passed and, by core, from the environment; used until closed.

pub(crate) mod application_tokens;
mod builder;
mod call;
mod connection;
pub(crate) mod pages;
mod request;

use std::sync::Arc;

use emnify_core::Method;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use crate::calls::asking::Lines;
use crate::calls::into_core::into_core;
use crate::calls::mfa::Mfa;
use crate::calls::on_event::OnEvent;
use crate::calls::replacement::Replacement;
use crate::calls::waiting::interruptible;
use crate::client::application_tokens::ApplicationTokens;
use crate::client::builder::Settings;
use crate::client::connection::Connection;
use crate::client::pages::Pages;
use crate::client::request::Extras;
use crate::convert::arguments::{self, OrDefault, wrong_type};
use crate::convert::errors::not_pickled;
use crate::values::auth_token::AuthToken;
use crate::values::response::Response;
use crate::values::status::Status;
use crate::values::trusted_device::TrustedDevice;

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
/// thread at once. What the call was doing goes on in the background, for its timeout at
/// most.
///
///     >>> with Client() as client:
///     ...     sim = client.get("/api/v1/sim/500001").json()
///     >>> sim["id"]
///     500001
#[pyclass(frozen, weakref, module = "emnify_auth")]
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) on_event: OnEvent,
    pub(crate) mfa: Option<Mfa>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) base_url: Arc<str>,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(
        signature = (
            application_token=None, *, application_token_file=None, base_url=None,
            timeout=OrDefault::Default, connect_timeout=OrDefault::Default, ca_bundle=None,
            proxy=None, store=None, on_event=None, pacing=OrDefault::Default,
        ),
        text_signature = "(application_token=None, *, application_token_file=None, base_url=None, \
            timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None, store=None, \
            on_event=None, pacing=True)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        application_token: Option<Bound<'_, PyAny>>,
        application_token_file: Option<Bound<'_, PyAny>>,
        base_url: Option<Bound<'_, PyAny>>,
        timeout: OrDefault<'_>,
        connect_timeout: OrDefault<'_>,
        ca_bundle: Option<Bound<'_, PyAny>>,
        proxy: Option<Bound<'_, PyAny>>,
        store: Option<Bound<'_, PyAny>>,
        on_event: Option<Bound<'_, PyAny>>,
        pacing: OrDefault<'_>,
    ) -> PyResult<Self> {
        let mut builder = emnify_core::Client::builder();
        if let Some(token) = &application_token {
            builder = builder.application_token(arguments::text("application_token", token)?);
        }
        if let Some(path) = &application_token_file {
            let path = arguments::path("application_token_file", path)?;
            builder = builder.application_token_file(path);
        }
        Settings { base_url, timeout, connect_timeout, ca_bundle, proxy, store, on_event, pacing }
            .build(py, builder, None)
    }

    /// A client that signs in as a person, for what an application token cannot do.
    ///
    /// mfa: a function that asks the person for the one-time code that emnify sent, and
    /// returns it, or None to give up. It is called where a code is due, in the thread that
    /// makes the call, and may take its time; it must not call this client, which waits for
    /// it. An exception in it is raised by the call that asked. Without it, a call that needs
    /// a code raises MfaRequiredError.
    /// trusted_device: a device that does without the code for 90 days once one was given on
    /// it.
    ///
    /// The other arguments are those of Client.
    ///
    ///     >>> with Client.from_user("user@example.com", "password") as client:
    ///     ...     client.authenticate().organisation_id
    ///     1234
    #[classmethod]
    #[pyo3(
        signature = (
            username, password, *, mfa=None, trusted_device=None, base_url=None,
            timeout=OrDefault::Default, connect_timeout=OrDefault::Default, ca_bundle=None,
            proxy=None, store=None, on_event=None, pacing=OrDefault::Default,
        ),
        text_signature = "($cls, username, password, *, mfa=None, trusted_device=None, \
            base_url=None, timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None, \
            store=None, on_event=None, pacing=True)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn from_user(
        cls: &Bound<'_, PyType>,
        username: &Bound<'_, PyAny>,
        password: &Bound<'_, PyAny>,
        mfa: Option<Bound<'_, PyAny>>,
        trusted_device: Option<Bound<'_, PyAny>>,
        base_url: Option<Bound<'_, PyAny>>,
        timeout: OrDefault<'_>,
        connect_timeout: OrDefault<'_>,
        ca_bundle: Option<Bound<'_, PyAny>>,
        proxy: Option<Bound<'_, PyAny>>,
        store: Option<Bound<'_, PyAny>>,
        on_event: Option<Bound<'_, PyAny>>,
        pacing: OrDefault<'_>,
    ) -> PyResult<Self> {
        let username = arguments::text("username", username)?;
        let password = arguments::text("password", password)?;
        let mut builder = emnify_core::Client::builder().user(username, password);
        if let Some(device) = &trusted_device {
            let device = device
                .cast::<TrustedDevice>()
                .map_err(|_| wrong_type("trusted_device", "a TrustedDevice", device))?;
            builder = builder.trusted_device(device.get().device.clone());
        }
        let mfa = match &mfa {
            Some(function) => Some(Mfa::new(arguments::function("mfa", function)?)),
            None => None,
        };
        Settings { base_url, timeout, connect_timeout, ca_bundle, proxy, store, on_event, pacing }
            .build(cls.py(), builder, mfa)
    }

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
        self.deliver(py)
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
        let replacement = self.call(py, move |client| Ok(client.replacement_of(&refused)))?;
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
        let status = into_core(py, move || Ok(client.status()))?;
        self.deliver(py)?;
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

    /// Makes any other call of the API, signed in, and returns its answer.
    ///
    /// method: "GET", "HEAD", "POST", "PUT", "PATCH" or "DELETE".
    /// path: starts with a slash and is relative to base_url, as "/api/v1/sim". The auth token
    /// goes nowhere else: no path leads to another host, and redirects are not followed.
    /// json: what is sent as JSON, whatever json.dumps takes; None is nothing.
    /// content: bytes, or a text as UTF-8, sent as they are instead. A header Content-Type says
    /// what they are; without one they are JSON.
    /// params: a mapping or pairs that are added to the query. A value is a str, an int, a
    /// float, a bool ("true" or "false") or a sequence of these, each of them a parameter of
    /// that name; None is left out.
    /// headers: a mapping or pairs of str. Authorization, Host and those of the connection are
    /// set here and cannot be passed.
    ///
    /// A 401 is answered by signing in anew and making the call once more. What may pass by
    /// itself is tried up to three times within the timeout where that is safe: GET, HEAD, PUT
    /// and DELETE always, POST and PATCH only if nothing was sent.
    ///
    /// Raises InvalidInputError before anything is sent; where the status is no success (2xx),
    /// the class that says so, such as NotFoundError or ValidationError; and what
    /// authenticate() does. A call that Ctrl-C interrupts goes on in the background, and may
    /// be carried out.
    ///
    ///     >>> client.request("GET", "/api/v1/sim", params={"per_page": 2}).status_code
    ///     200
    #[pyo3(signature = (method, path, *, json=None, content=None, params=None, headers=None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn request(
        &self,
        py: Python<'_>,
        method: &Bound<'_, PyAny>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let method = request::method(method)?;
        request::send(self, py, method, path, &Extras { json, content, params, headers })
    }

    /// Reads: request("GET", path, …).
    #[pyo3(signature = (path, *, params=None, headers=None))]
    fn get(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json: None, content: None, params, headers };
        request::send(self, py, Method::Get, path, &extras)
    }

    /// Creates, or does something: request("POST", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None))]
    fn post(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers };
        request::send(self, py, Method::Post, path, &extras)
    }

    /// Changes: request("PATCH", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None))]
    fn patch(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers };
        request::send(self, py, Method::Patch, path, &extras)
    }

    /// Replaces: request("PUT", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None))]
    fn put(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers };
        request::send(self, py, Method::Put, path, &extras)
    }

    /// Removes: request("DELETE", path, …).
    #[pyo3(signature = (path, *, params=None, headers=None))]
    fn delete(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json: None, content: None, params, headers };
        request::send(self, py, Method::Delete, path, &extras)
    }

    /// The rows of a collection, page after page, each row once. A page is fetched when its
    /// first row is asked for, each within the timeout and tried again as with get().
    ///
    /// path, params: as for request(); what is wrong with the path is told at the first row.
    /// per_page: rows with each call; more of them are fewer calls. Default: 100.
    ///
    ///     >>> iccids = [sim["iccid"] for sim in client.paginate("/api/v1/sim", per_page=500)]
    ///     >>> len(iccids)
    ///     300
    #[pyo3(signature = (path, *, params=None, per_page=None))]
    fn paginate(
        slf: Bound<'_, Self>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        per_page: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Pages> {
        Pages::new(slf, path, params, per_page)
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
            mfa: self.mfa.as_ref().map(|mfa| mfa.share(py)),
            lines: Arc::clone(&self.lines),
            base_url: Arc::clone(&self.base_url),
        })
    }

    /// Closes the connections and forgets the secrets. Calls under way go on to their end;
    /// later ones, status() among them, raise InvalidInputError. Closing twice is no error;
    /// nor is not closing at all.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.connection.take() {
            None => Ok(()),
            // It waits for a thread to end, and that perhaps for the network.
            Some(client) => interruptible(
                py,
                None,
                move || {
                    drop(client);
                    Ok(())
                },
                |()| {},
            ),
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
        self.mfa.as_ref().map_or(Ok(()), |mfa| mfa.traverse(&visit))
    }
}

/// Why neither a client nor what hangs on it has a copy.
pub(crate) fn not_copied() -> PyErr {
    not_pickled("a Client", "it holds secrets and connections; make one where it is needed")
}
