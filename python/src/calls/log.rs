//! The log: Python's own `logging`, under the name of the package.

use emnify_core::Level;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::values::event::Event;

/// Logs what happened to a session, here and now, on the caller's thread.
pub(crate) fn event(py: Python<'_>, event: &emnify_core::Event) -> PyResult<()> {
    let Some(logger) = logger(py)? else { return Ok(()) };
    let level = match event.level() {
        Level::Info => 20,
        Level::Warning => 30,
        _ => 40,
    };
    // The event itself is the record's argument, for a handler that wants more than its text.
    logger.call_method1("log", (level, "%s", Event(event.clone())))?;
    Ok(())
}

/// The logger, if anybody can be listening: where `logging` was never imported there is no handler,
/// and no need to make the program wait for the import.
fn logger(py: Python<'_>) -> PyResult<Option<&Bound<'_, PyAny>>> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Some(logger) = LOGGER.get(py) {
        return Ok(Some(logger.bind(py)));
    }
    if !py.import("sys")?.getattr("modules")?.contains("logging")? {
        return Ok(None);
    }
    // Imported all the same: another thread may be in the middle of it.
    let logging = py.import("logging")?;
    let logger = logging.call_method1("getLogger", ("emnify_auth",))?;
    // As libraries do, so that nothing is printed unless the program asks for it.
    logger.call_method1("addHandler", (logging.call_method0("NullHandler")?,))?;
    Ok(Some(LOGGER.get_or_init(py, || logger.unbind()).bind(py)))
}
