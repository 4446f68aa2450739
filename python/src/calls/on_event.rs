//! Who is told what happens to the session: the log, and the caller's function. Core keeps events until
//! the caller of a call is back in Python; log and function are told there.

use emnify_core::Client;
use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::calls::log;
use crate::values::event::Event;

/// The caller's function, if there is one.
pub(crate) struct OnEvent(Option<Py<PyAny>>);

impl OnEvent {
    pub(crate) fn new(function: Option<Py<PyAny>>) -> Self {
        OnEvent(function)
    }

    /// The same function, for another client of the same person.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        OnEvent(self.0.as_ref().map(|function| function.clone_ref(py)))
    }

    /// Tells the log and the function what happened. What they raise is for `sys.unraisablehook`,
    /// save what is no `Exception`: `KeyboardInterrupt` and its like end the caller's call.
    pub(crate) fn deliver(&self, py: Python<'_>, client: &Client) -> PyResult<()> {
        // One after the other, so that an interrupt loses none.
        while let Some(event) = client.take_event() {
            let logged = unless_interrupted(py, None, log::event(py, &event));
            let told = self.tell(py, event);
            logged.and(told)?;
        }
        Ok(())
    }

    fn tell(&self, py: Python<'_>, event: emnify_core::Event) -> PyResult<()> {
        let Some(function) = &self.0 else { return Ok(()) };
        let function = function.bind(py);
        unless_interrupted(py, Some(function), function.call1((Event(event),)).map(drop))
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

/// What was raised, if that ends the caller's call.
fn unless_interrupted(
    py: Python<'_>,
    function: Option<&Bound<'_, PyAny>>,
    outcome: PyResult<()>,
) -> PyResult<()> {
    match outcome {
        Err(raised) if raised.is_instance_of::<PyException>(py) => {
            raised.write_unraisable(py, function);
            Ok(())
        }
        outcome => outcome,
    }
}
