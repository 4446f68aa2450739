//! The methods of the client that keep it signed in.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::calls::into_core::into_core;
use crate::client::Client;
use crate::client::replacement::Replacement;
use crate::convert::arguments::{self, Timeout, wrong_type};
use crate::values::auth_token::AuthToken;
use crate::values::plain;

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
}
