//! How a client makes its calls and reports events.

use emnify_core::Result;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::calls::interrupt::{interruptible, is_for_task};
use crate::calls::into_core::at_once;
use crate::calls::request_log;
use crate::calls::user_functions::{Installed, UserFunctions, shared};
use crate::client::Client;
use crate::convert::arguments::Timeout;
use crate::convert::errors;
use crate::values::auth_token::AuthToken;

impl Client {
    /// Makes a call that may wait for the network, and may need `hand_over` and `read_back`. It
    /// takes at most `timeout`, or else the client's timeout. If the caller does not get the value
    /// because of an interrupt, `undo` gets it. `undo` must not wait.
    pub(crate) fn call_with<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Timeout>,
        [hand_over, read_back]: [Option<&Py<PyAny>>; 2],
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send,
        undo: impl Fn(&emnify_core::Client, T),
    ) -> PyResult<T> {
        let client = self.connection.client(py)?;
        let functions = [shared(py, hand_over), shared(py, read_back)];
        let functions = UserFunctions::new(self.functions.share(py), functions);
        let installed = functions.install();
        client.record_requests(request_log::is_wanted(py)?);
        let limited = timeout.map(|Timeout(timeout)| client.with_timeout(timeout));
        let core = limited.as_ref().unwrap_or(&client);
        let result = interruptible(py, core, call, |value| undo(&client, value));
        let result = match (installed.as_ref().and_then(Installed::raised), result) {
            (Some(raised), Err(_)) => Err(raised),
            (Some(interrupt), Ok(value)) if !interrupt.is_instance_of::<PyException>(py) => {
                undo(&client, value);
                Err(interrupt)
            }
            (_, result) => result,
        };
        drop(installed);
        // An interrupted call returns at once; the next call reports the events.
        let interrupted =
            result.as_ref().is_err_and(|error| !error.is_instance_of::<PyException>(py));
        let delivered = if interrupted { Ok(()) } else { self.deliver(py, &client) };
        match (delivered, result) {
            (Err(interrupt), Ok(value)) => {
                undo(&client, value);
                Err(interrupt)
            }
            (delivered, result) => delivered.and(result),
        }
    }

    /// Makes a call that may wait for the network. If the caller does not get the value because of
    /// an interrupt, `undo` gets it.
    pub(crate) fn call_or_undo<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Timeout>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send,
        undo: impl Fn(&emnify_core::Client, T),
    ) -> PyResult<T> {
        self.call_with(py, timeout, [None, None], call, undo)
    }

    /// Makes a call that may wait for the network, and whose value may get lost.
    pub(crate) fn call<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Timeout>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send,
    ) -> PyResult<T> {
        self.call_or_undo(py, timeout, call, |_, _| {})
    }

    /// Returns the cached auth token, if it is valid.
    pub(crate) fn cached(&self, py: Python<'_>) -> PyResult<Option<AuthToken>> {
        let client = self.connection.borrow();
        let Some(client) = client.as_ref() else { return Err(errors::closed(py)) };
        let auth_token = at_once(py, || client.cached_auth_token())?;
        if auth_token.is_some() {
            self.deliver(py, client)?;
        }
        Ok(auth_token.map(AuthToken))
    }

    /// Logs the requests and reports the events, except in a worker thread of an `AsyncClient`:
    /// there the task that waits for the call does that.
    pub(crate) fn deliver(&self, py: Python<'_>, client: &emnify_core::Client) -> PyResult<()> {
        if is_for_task() {
            return Ok(());
        }
        request_log::deliver(py, client)?;
        self.on_event.deliver(py, client)
    }
}
