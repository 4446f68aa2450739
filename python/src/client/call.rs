//! How a client makes its calls: the way of each into core and back, and what its caller is told of
//! meanwhile.

use std::sync::Arc;

use emnify_core::Result;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::calls::asking::Functions;
use crate::calls::into_core::at_once;
use crate::calls::waiting::{interruptible, spawn};
use crate::calls::walk_away::Left;
use crate::client::Client;
use crate::convert::errors;
use crate::values::auth_token::AuthToken;

impl Client {
    /// Makes a call that may wait for the network, and may ask `hand_over`. An outcome that comes
    /// when the caller has been interrupted goes to `unwanted`.
    pub(crate) fn call_with<T: Send + 'static>(
        &self,
        py: Python<'_>,
        hand_over: Option<&Py<PyAny>>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send + 'static,
        unwanted: impl Fn(&emnify_core::Client, T) + Clone + Send + 'static,
    ) -> PyResult<T> {
        let client = self.connection.client(py)?;
        let undo = {
            let client = Arc::clone(&client);
            move |value| unwanted(&client, value)
        };
        let functions = Functions { lines: &self.lines, mfa: self.mfa.as_ref(), hand_over };
        let outcome = interruptible(py, Some(functions), move || call(&client), undo.clone());
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

    /// The same for most calls, which hand over nothing.
    pub(crate) fn call_or_undo<T: Send + 'static>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&emnify_core::Client) -> Result<T> + Send + 'static,
        unwanted: impl Fn(&emnify_core::Client, T) + Clone + Send + 'static,
    ) -> PyResult<T> {
        self.call_with(py, None, call, unwanted)
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
    pub(crate) fn cached(&self, py: Python<'_>) -> PyResult<Option<AuthToken>> {
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

    pub(crate) fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        // Who may walk away waits elsewhere, and is told there; or has done so by now.
        if let Some(left) = Left::of_this_thread() {
            return left.check();
        }
        self.on_event.deliver(py)
    }
}
