//! JSON on its way in and out, by Python's own module.

use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::arguments;
use crate::convert::errors::{invalid_input, nonsense};

/// Imported at the first use, not with this package.
const MODULE: &str = "json";

/// The value as compact JSON. `name` is the argument's.
pub(crate) fn dump(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = value.py();
    let options = PyDict::new(py);
    options.set_item("separators", (",", ":"))?;
    options.set_item("ensure_ascii", false)?;
    // NaN is none that JSON has.
    options.set_item("allow_nan", false)?;
    let dumps = py.import(MODULE)?.getattr("dumps")?;
    let text = dumps.call((value,), Some(&options)).map_err(|error| {
        if is_the_module_s(py, &error) {
            // It says which type it is, or that there is a circle; never what is in it.
            let said: String = error.value(py).to_string().chars().take(200).collect();
            invalid_input(py, name, &format!("is not what json.dumps takes: {said}"))
        } else {
            error
        }
    })?;
    arguments::text(name, &text).map(|text| text.as_bytes().to_vec())
}

/// What the text means.
pub(crate) fn load<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    py.import(MODULE)?.getattr("loads")?.call1((text,)).map_err(|error| {
        // Its own exception holds all of the text.
        if error.is_instance_of::<PyValueError>(py) || is_the_module_s(py, &error) {
            nonsense(py, "cannot read the answer: it is no JSON")
        } else {
            error
        }
    })
}

/// What the module raises of itself, rather than something that it called.
fn is_the_module_s(py: Python<'_>, error: &PyErr) -> bool {
    let class = error.get_type(py);
    class.is(py.get_type::<PyTypeError>())
        || class.is(py.get_type::<PyValueError>())
        || error.is_instance_of::<PyRecursionError>(py)
}
