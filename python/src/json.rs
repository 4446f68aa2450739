//! JSON on its way in and out: by Python's own module, or from what core has read already.

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

use crate::arguments;
use crate::errors::{invalid_input, nonsense};

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

/// What core has read. It nests no deeper than core reads.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(value) => value.into_bound_py_any(py),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_bound_py_any(py),
            (None, Some(number)) => number.into_bound_py_any(py),
            (None, None) => number.as_f64().into_bound_py_any(py),
        },
        Value::String(text) => text.into_bound_py_any(py),
        Value::Array(values) => {
            let list = PyList::empty(py);
            for value in values {
                list.append(to_python(py, value)?)?;
            }
            Ok(list.into_any())
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (name, value) in fields {
                dict.set_item(name, to_python(py, value)?)?;
            }
            Ok(dict.into_any())
        }
    }
}
