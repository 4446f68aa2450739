//! Reports the events of a session to Python's `logging` and to the user's `on_event`. Core queues
//! events until a call is back in Python.

use emnify_core::{Client, Level};
use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::convert::arguments;
use crate::values::plain;

/// The user's `on_event`, if there is one.
#[derive(Default)]
pub(crate) struct OnEvent(Option<Py<PyAny>>);

impl OnEvent {
    /// Takes the function, which must not be an async one.
    pub(crate) fn new(function: &Bound<'_, PyAny>) -> PyResult<Self> {
        arguments::plain_function("on_event", function).map(|function| OnEvent(Some(function)))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the same function for another client.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        OnEvent(self.0.as_ref().map(|function| function.clone_ref(py)))
    }

    /// Reports the queued events, first to the log and then to the function. Exceptions that these
    /// raise go to `sys.unraisablehook`. Only exceptions that are not an `Exception`, such as
    /// `KeyboardInterrupt`, are returned.
    pub(crate) fn deliver(&self, py: Python<'_>, client: &Client) -> PyResult<()> {
        let mut delivered = Ok(());
        // Ends with an interrupt, which loses no event.
        client.deliver_events(|event| {
            let logged = unless_interrupted(py, None, log(py, event));
            let called = self.0.as_ref().map_or(Ok(()), |function| {
                let function = function.bind(py);
                unless_interrupted(py, Some(function), call(function, event))
            });
            delivered = logged.and(called);
            delivered.is_ok()
        });
        delivered
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

fn call(function: &Bound<'_, PyAny>, event: &emnify_core::Event) -> PyResult<()> {
    let returned = function.call1((plain::event(function.py(), event)?,))?;
    // A coroutine would never run. A task, which runs, has no `send`.
    match returned.hasattr("send")? {
        true => arguments::not_awaitable("on_event", &returned, "it was not run"),
        false => Ok(()),
    }
}

/// Returns an exception that must end the call. Any other one goes to `sys.unraisablehook`.
pub(crate) fn unless_interrupted<T: Default>(
    py: Python<'_>,
    function: Option<&Bound<'_, PyAny>>,
    result: PyResult<T>,
) -> PyResult<T> {
    match result {
        Err(raised) if raised.is_instance_of::<PyException>(py) => {
            raised.write_unraisable(py, function);
            Ok(T::default())
        }
        result => result,
    }
}

/// Writes an event to the log, on this thread.
fn log(py: Python<'_>, event: &emnify_core::Event) -> PyResult<()> {
    let Some(logger) = logger(py)? else { return Ok(()) };
    let level = match event.level() {
        Level::Info => 20,
        Level::Warning => 30,
        _ => 40,
    };
    // The event is the record's argument, so that handlers can read its fields.
    logger.call_method1("log", (level, "%s", plain::event(py, event)?))?;
    Ok(())
}

/// Returns the package's logger. `None` if `logging` was never imported: then there is no handler,
/// and the program need not wait for the import.
pub(crate) fn logger(py: Python<'_>) -> PyResult<Option<&Bound<'_, PyAny>>> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Some(logger) = LOGGER.get(py) {
        return Ok(Some(logger.bind(py)));
    }
    if !py.import("sys")?.getattr("modules")?.contains("logging")? {
        return Ok(None);
    }
    // Not taken from `sys.modules`: another thread may still be importing it.
    let logging = py.import("logging")?;
    let logger = logging.call_method1("getLogger", ("emnify_auth",))?;
    // As libraries do, so that nothing is printed unless the program configures `logging`.
    logger.call_method1("addHandler", (logging.call_method0("NullHandler")?,))?;
    Ok(Some(LOGGER.get_or_init(py, || logger.unbind()).bind(py)))
}
