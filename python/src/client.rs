//! The client: set up from what is passed and, by core, from the environment; used until closed.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::application_tokens::ApplicationTokens;
use crate::arguments::{self, OrDefault, wrong_type};
use crate::auth_token::AuthToken;
use crate::call::into_core;
use crate::{errors, not_pickled};

/// Core's client, until it is closed. Read without a lock, which a fork could leave held
/// for ever in the child.
pub(crate) struct Connection(ArcSwapOption<emnify_core::Client>);

impl Connection {
    /// The client, kept alive by the call that asks for it even if another thread closes it.
    pub(crate) fn client(&self, py: Python<'_>) -> PyResult<Arc<emnify_core::Client>> {
        self.0.load_full().ok_or_else(|| errors::closed(py))
    }
}

/// Keeps a program signed in to emnify.
///
/// It signs in with an application token, passed here, or as a file that holds it, or by
/// the environment variables EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE.
/// Nothing is sent before the first call.
///
/// base_url: where the API is; default: EMNIFY_BASE_PATH, else emnify itself.
/// timeout: seconds that one call may take, with everything that it waits for.
/// connect_timeout: the part of it that connecting may take.
/// ca_bundle: a file or directory of certificates in PEM form; these authorities are
/// trusted and no others. Default: SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else
/// the system's.
/// proxy: the URL of an HTTP proxy; default: HTTPS_PROXY, ALL_PROXY, less what NO_PROXY
/// names.
///
/// It can be used from any number of threads, in a child after a fork, and in a with
/// statement. What it refuses it refuses here, with an InvalidInputError that names the
/// argument.
#[pyclass(frozen, weakref, module = "emnify_auth")]
pub(crate) struct Client(Arc<Connection>);

#[pymethods]
impl Client {
    #[new]
    #[pyo3(
        signature = (
            application_token=None, *, application_token_file=None, base_url=None,
            timeout=OrDefault::Default, connect_timeout=OrDefault::Default, ca_bundle=None,
            proxy=None,
        ),
        text_signature = "(application_token=None, *, application_token_file=None, base_url=None, \
            timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None)"
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
    ) -> PyResult<Self> {
        let mut builder = emnify_core::Client::builder();
        if let Some(token) = &application_token {
            builder = builder.application_token(arguments::text("application_token", token)?);
        }
        if let Some(path) = &application_token_file {
            let path = arguments::path("application_token_file", path)?;
            builder = builder.application_token_file(path);
        }
        if let Some(url) = &base_url {
            builder = builder.base_url(arguments::text("base_url", url)?);
        }
        if let OrDefault::Given(seconds) = &timeout {
            builder = builder.timeout(arguments::seconds("timeout", seconds)?);
        }
        if let OrDefault::Given(seconds) = &connect_timeout {
            builder = builder.connect_timeout(arguments::seconds("connect_timeout", seconds)?);
        }
        if let Some(path) = &ca_bundle {
            builder = builder.ca_bundle(arguments::path("ca_bundle", path)?);
        }
        if let Some(url) = &proxy {
            builder = builder.proxy(arguments::text("proxy", url)?);
        }
        let client = into_core(py, move || builder.build())?;
        Ok(Client(Arc::new(Connection(ArcSwapOption::from_pointee(client)))))
    }

    /// An auth token that is valid now: the cached one, or a new one. Ask each time you need
    /// one, and keep none: this is fast, and knows when to renew.
    ///
    /// Raises AuthenticationError where the application token is refused, AccountLockedError
    /// where it was refused too often; NetworkError, TlsError, RequestTimeoutError,
    /// RateLimitedError, ServerError where emnify cannot be asked; ProtocolError where the
    /// answer makes no sense.
    fn authenticate(&self, py: Python<'_>) -> PyResult<AuthToken> {
        let client = self.0.client(py)?;
        into_core(py, move || client.authenticate()).map(AuthToken)
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

    /// Tells that a server refused this AuthToken (HTTP 401). If it is still the cached one
    /// it is dropped, so that the next authenticate() fetches another; a late report about
    /// an earlier token changes nothing.
    fn invalidate(&self, py: Python<'_>, token: &Bound<'_, PyAny>) -> PyResult<()> {
        let client = self.0.client(py)?;
        let token = token
            .cast::<AuthToken>()
            .map_err(|_| wrong_type("token", "an AuthToken", token))?
            .get();
        into_core(py, move || {
            client.invalidate(&token.0);
            Ok(())
        })
    }

    /// The application tokens of the workspace: create, list, update, revoke.
    #[getter]
    fn application_tokens(&self) -> ApplicationTokens {
        ApplicationTokens(Arc::clone(&self.0))
    }

    /// Closes the connections and forgets the secrets. Calls under way go on to their end;
    /// later ones raise InvalidInputError. Closing twice is no error, and so is not closing
    /// at all.
    fn close(&self, py: Python<'_>) {
        let client = self.0.0.swap(None);
        // It waits for a thread to end, which other Python threads need not.
        py.detach(|| drop(client));
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().0.client(slf.py())?;
        Ok(slf)
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<&Bound<'_, PyAny>>,
        exc_value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) {
        let _ = (exc_type, exc_value, traceback);
        self.close(py);
    }

    fn __repr__(&self) -> &'static str {
        if self.0.0.load().is_some() { "<Client>" } else { "<Client closed>" }
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_copied())
    }
}

/// Why neither a client nor what hangs on it has a copy.
pub(crate) fn not_copied() -> PyErr {
    not_pickled("a Client", "it holds secrets and connections; make one where it is needed")
}
