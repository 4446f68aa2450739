//! The function of the caller's that takes a new application token.

use emnify_core::Secret;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors::invalid_input;

/// Gives it the token. What it returns is its own affair, unless the work is yet to be done: the old
/// token would be revoked meanwhile.
pub(crate) fn to(function: &Bound<'_, PyAny>, application_token: &Secret) -> PyResult<()> {
    let py = function.py();
    let returned = function.call1((PyString::new(py, application_token.reveal()),))?;
    if returned.hasattr("__await__")? {
        // That nobody awaits it is said here, and no warning is needed.
        let _ = returned.call_method0("close");
        let problem = "returned an awaitable, by which nothing is kept yet: it must be a plain \
                       function";
        return Err(invalid_input(py, "hand_over", problem));
    }
    Ok(())
}

/// That it failed, for a message: the exception's text could quote the token.
pub(crate) fn failed(py: Python<'_>, raised: &PyErr) -> String {
    match raised.get_type(py).name() {
        Ok(name) => format!("it raised {name}"),
        Err(_) => "it raised an exception".to_owned(),
    }
}
