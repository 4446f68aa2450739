//! Logs each request, at the level DEBUG, if the program wants that. Core queues the records of
//! requests until a call is back in Python.

use emnify_core::{Client, RequestRecord};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::calls::events::{logger, unless_interrupted};
use crate::convert::errors::class_of;

const DEBUG: u8 = 10;

/// Whether requests are logged. This may change at any time.
pub(crate) fn is_wanted(py: Python<'_>) -> PyResult<bool> {
    let Some(logger) = requests(py)? else { return Ok(false) };
    let is_enabled = logger.call_method1("isEnabledFor", (DEBUG,)).and_then(|it| it.is_truthy());
    unless_interrupted(py, Some(logger), is_enabled)
}

/// Logs the requests that were made since the last call.
pub(crate) fn deliver(py: Python<'_>, client: &Client) -> PyResult<()> {
    while let Some(request) = client.take_request() {
        unless_interrupted(py, None, log(py, &request))?;
    }
    Ok(())
}

fn log(py: Python<'_>, request: &RequestRecord) -> PyResult<()> {
    const FORMAT: &str =
        "%(method)s %(path)s: %(status)s in %(milliseconds)d ms (attempt %(attempt)d)";
    let Some(logger) = requests(py)? else { return Ok(()) };
    // The record's arguments, so that handlers can read them.
    let fields = PyDict::new(py);
    fields.set_item("method", &request.method)?;
    fields.set_item("path", &request.path)?;
    match request.result {
        Ok(status) => fields.set_item("status", status)?,
        Err(kind) => fields.set_item("status", class_of(kind))?,
    }
    fields.set_item("milliseconds", request.duration.as_millis())?;
    fields.set_item("attempt", request.attempt)?;
    logger.call_method1("log", (DEBUG, FORMAT, fields))?;
    Ok(())
}

/// Returns the logger of requests. `None` if `logging` was never imported.
fn requests(py: Python<'_>) -> PyResult<Option<&Bound<'_, PyAny>>> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(parent) = logger(py)? else { return Ok(None) };
    let child = || parent.call_method1("getChild", ("requests",)).map(Bound::unbind);
    LOGGER.get_or_try_init(py, child).map(|logger| Some(logger.bind(py)))
}
