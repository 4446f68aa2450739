//! Writes and reads JSON with Python's `json` module.

use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::arguments;
use crate::convert::errors::{invalid_input, protocol};

/// It is imported at the first use, since the import takes time.
const MODULE: &str = "json";

/// Returns the value as compact JSON. `name` is the name of the argument.
pub(crate) fn dump(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = value.py();
    let options = PyDict::new(py);
    options.set_item("separators", (",", ":"))?;
    options.set_item("ensure_ascii", false)?;
    // JSON has no NaN.
    options.set_item("allow_nan", false)?;
    let dumps = py.import(MODULE)?.getattr("dumps")?;
    let text = dumps.call((value,), Some(&options)).map_err(|error| {
        if is_from_module(py, &error) {
            // The message names a type or reports a circular reference. It contains no value.
            let problem: String = error.value(py).to_string().chars().take(200).collect();
            invalid_input(py, name, &format!("cannot be converted to JSON: {problem}"))
        } else {
            error
        }
    })?;
    arguments::text(name, &text).map(|text| text.as_bytes().to_vec())
}

/// Reads a response, or a part of one.
pub(crate) fn load<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    py.import(MODULE)?.getattr("loads")?.call1((text,)).map_err(|error| {
        // The original exception would contain the whole text.
        if error.is_instance_of::<PyValueError>(py) || is_from_module(py, &error) {
            protocol(py, "cannot read the response: it is not valid JSON")
        } else {
            error
        }
    })
}

/// Whether the `json` module itself raised the exception, and not code that it called.
fn is_from_module(py: Python<'_>, error: &PyErr) -> bool {
    let class = error.get_type(py);
    class.is(py.get_type::<PyTypeError>())
        || class.is(py.get_type::<PyValueError>())
        || error.is_instance_of::<PyRecursionError>(py)
}
