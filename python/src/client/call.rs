//! How a client makes its calls: the way of each into core and back, and what its caller is told of
//! meanwhile.

use emnify_core::Result;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::calls::functions::Functions;
use crate::calls::interrupt::{interruptible, is_for_another};
use crate::calls::into_core::at_once;
use crate::client::Client;
use crate::convert::errors;
use crate::values::auth_token::AuthToken;

impl Client {
    /// Makes a call that may wait for the network, and may need `hand_over`. A value that its caller
    /// does not get, because of an interrupt, goes to `undo`, which must not wait.
    pub(crate) fn call_with<T: Send>(
        &self,
        py: Python<'_>,
        hand_over: Option<&Py<PyAny>>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send,
        undo: impl Fn(&emnify_core::Client, T),
    ) -> PyResult<T> {
        let client = self.connection.client(py)?;
        let shared = |function: Option<&Py<PyAny>>| function.map(|function| function.clone_ref(py));
        let functions = Functions { mfa: shared(self.mfa.as_ref()), hand_over: shared(hand_over) };
        let installed = functions.install();
        let outcome = interruptible(py, &client, call, |value| undo(&client, value));
        drop(installed);
        // Who was interrupted is not kept; the next caller will be told of the events.
        let interrupted =
            outcome.as_ref().is_err_and(|error| !error.is_instance_of::<PyException>(py));
        let delivered = if interrupted { Ok(()) } else { self.deliver(py, &client) };
        match (delivered, outcome) {
            (Err(interrupt), Ok(value)) => {
                undo(&client, value);
                Err(interrupt)
            }
            (delivered, outcome) => delivered.and(outcome),
        }
    }

    /// Makes a call that hands over nothing, as most do.
    pub(crate) fn call_or_undo<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send,
        undo: impl Fn(&emnify_core::Client, T),
    ) -> PyResult<T> {
        self.call_with(py, None, call, undo)
    }

    /// Makes a call whose value does no harm where nobody gets it.
    pub(crate) fn call<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send,
    ) -> PyResult<T> {
        self.call_or_undo(py, call, |_, _| {})
    }

    /// The cached auth token, if it can be handed out at once.
    pub(crate) fn cached(&self, py: Python<'_>) -> PyResult<Option<AuthToken>> {
        let client = self.connection.glance();
        let Some(client) = client.as_ref() else { return Err(errors::closed(py)) };
        let auth_token = at_once(py, || client.cached_auth_token())?;
        if auth_token.is_some() {
            self.deliver(py, client)?;
        }
        Ok(auth_token.map(AuthToken))
    }

    /// Tells on_event what happened, unless the one who waits for the call is in another thread, and
    /// is told there.
    pub(crate) fn deliver(&self, py: Python<'_>, client: &emnify_core::Client) -> PyResult<()> {
        if is_for_another() { Ok(()) } else { self.on_event.deliver(py, client) }
    }
}
