//! The client: set up from what is passed and, by core, from the environment; used until closed.

use std::sync::Arc;

use emnify_core::Result;
use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use crate::application_tokens::ApplicationTokens;
use crate::arguments::{self, OrDefault, wrong_type};
use crate::auth_token::AuthToken;
use crate::call::{at_once, into_core};
use crate::connection::Connection;
use crate::mfa::Mfa;
use crate::on_event::OnEvent;
use crate::settings::Settings;
use crate::status::Status;
use crate::trusted_device::TrustedDevice;
use crate::waiting::{interruptible, spawn};
use crate::{errors, not_pickled};

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
/// cannot be used is no error: the session goes on in memory, and on_event is told.
/// on_event: a function that is called with an Event when something happens to the session.
/// It runs in a thread that is making a call with this client, before that call returns or
/// raises; what happens in the background waits for the next call, of status() for example.
/// It may call the client. An exception in it goes to sys.unraisablehook and does not
/// disturb the call; only what is no Exception, such as KeyboardInterrupt, ends the call.
///
/// It can be used from any number of threads, in a child after a fork, and in a with
/// statement. What it refuses it refuses here, with an InvalidInputError that names the
/// argument.
///
/// Ctrl-C, or any other signal whose handler raises an exception, ends a call in the main
/// thread at once. What the call was doing goes on in the background, for its timeout at
/// most.
#[pyclass(frozen, weakref, module = "emnify_auth")]
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) mfa: Option<Mfa>,
}

impl Client {
    /// Makes a call that may wait for the network. An outcome that comes when the caller has been
    /// interrupted goes to `unwanted`.
    pub(crate) fn call_or_undo<T: Send + 'static>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send + 'static,
        unwanted: impl Fn(&emnify_core::Client, T) + Clone + Send + 'static,
    ) -> PyResult<T> {
        let client = self.connection.client(py)?;
        let undo = {
            let client = Arc::clone(&client);
            move |value| unwanted(&client, value)
        };
        let outcome = interruptible(py, self.mfa.as_ref(), move || call(&client), undo.clone());
        // Who was interrupted is not kept; the next caller will be told of the events.
        let interrupted =
            outcome.as_ref().is_err_and(|error| !error.is_instance_of::<PyException>(py));
        let delivered = if interrupted { Ok(()) } else { self.deliver(py) };
        match (delivered, outcome) {
            (Err(interrupt), Ok(value)) => {
                // Where there is no thread to be had, there is none to undo it either.
                let _ = spawn("emnify-call", move || undo(value));
                Err(interrupt)
            }
            (delivered, outcome) => {
                // The client may have been closed meanwhile. Its end can wait for the network, and
                // the interpreter must not wait with it.
                py.detach(move || drop(undo));
                delivered.and(outcome)
            }
        }
    }

    /// The same where an outcome that comes too late is good for nothing and does no harm.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        self.call_or_undo(py, call, |_, _| {})
    }

    /// The cached auth token, if it can be handed out at once.
    fn cached(&self, py: Python<'_>) -> PyResult<Option<AuthToken>> {
        let client = self.connection.glance();
        let auth_token = match client.as_ref() {
            Some(client) => at_once(py, || client.cached_auth_token())?,
            None => return Err(errors::closed(py)),
        };
        // Before on_event, which may close this client: its end must not come here.
        drop(client);
        if auth_token.is_some() {
            self.deliver(py)?;
        }
        Ok(auth_token.map(AuthToken))
    }

    fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        self.on_event.as_ref().map_or(Ok(()), |on_event| on_event.deliver(py))
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(
        signature = (
            application_token=None, *, application_token_file=None, base_url=None,
            timeout=OrDefault::Default, connect_timeout=OrDefault::Default, ca_bundle=None,
            proxy=None, store=None, on_event=None,
        ),
        text_signature = "(application_token=None, *, application_token_file=None, base_url=None, \
            timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None, store=None, \
            on_event=None)"
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
    ) -> PyResult<Self> {
        let mut builder = emnify_core::Client::builder();
        if let Some(token) = &application_token {
            builder = builder.application_token(arguments::text("application_token", token)?);
        }
        if let Some(path) = &application_token_file {
            let path = arguments::path("application_token_file", path)?;
            builder = builder.application_token_file(path);
        }
        Settings { base_url, timeout, connect_timeout, ca_bundle, proxy, store, on_event }
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
    #[classmethod]
    #[pyo3(
        signature = (
            username, password, *, mfa=None, trusted_device=None, base_url=None,
            timeout=OrDefault::Default, connect_timeout=OrDefault::Default, ca_bundle=None,
            proxy=None, store=None, on_event=None,
        ),
        text_signature = "($cls, username, password, *, mfa=None, trusted_device=None, \
            base_url=None, timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None, \
            store=None, on_event=None)"
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
        Settings { base_url, timeout, connect_timeout, ca_bundle, proxy, store, on_event }.build(
            cls.py(),
            builder,
            mfa,
        )
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

    /// The header that carries a valid auth token, for a call made by other means:
    /// {"Authorization": "Bearer …"}. It is a new dict with the secret in plain text: pass
    /// it on, and do not log it. Raises what authenticate() does.
    fn auth_headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let auth_token = self.authenticate(py)?;
        let headers = PyDict::new(py);
        let value = PyString::from_fmt(py, format_args!("Bearer {}", auth_token.0.reveal()))?;
        headers.set_item("Authorization", value)?;
        Ok(headers)
    }

    /// Tells that a server refused this auth token (HTTP 401): an AuthToken, or its text, with
    /// or without "Bearer " before it. If it is still the cached one it is dropped, so that
    /// the next authenticate() fetches another; a late report about an earlier token changes
    /// nothing.
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

    /// How the session stands. It asks nobody and waits for nothing, but tells on_event what
    /// happened in the background.
    fn status(&self, py: Python<'_>) -> PyResult<Status> {
        let client = self.connection.client(py)?;
        let status = into_core(py, move || Ok(client.status()))?;
        self.deliver(py)?;
        Ok(Status(status))
    }

    /// The application tokens of the workspace: create, list, update, revoke.
    #[getter]
    fn application_tokens(slf: Bound<'_, Self>) -> ApplicationTokens {
        ApplicationTokens(slf.unbind())
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
        self.on_event.as_ref().map_or(Ok(()), |on_event| on_event.traverse(&visit))?;
        self.mfa.as_ref().map_or(Ok(()), |mfa| mfa.traverse(&visit))
    }
}

/// Why neither a client nor what hangs on it has a copy.
pub(crate) fn not_copied() -> PyErr {
    not_pickled("a Client", "it holds secrets and connections; make one where it is needed")
}
