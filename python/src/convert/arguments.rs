//! Converts arguments for core. Only types are checked here, since core checks values. A wrong type
//! raises the same exception as an invalid value.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use emnify_core::{ExpiryDate, Store};
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDate, PyDateTime, PyDelta, PyInt, PyString};

use crate::convert::errors::{exception, invalid_input};
use crate::convert::time;

/// An argument for which core has a default. `None` is not the default; it is an invalid value.
pub(crate) enum OrDefault<'py> {
    /// Not passed.
    Default,
    /// Passed.
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for OrDefault<'py> {
    type Error = Infallible;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Self::Error> {
        Ok(OrDefault::Given(value.to_owned()))
    }
}

/// The timeout of one call.
#[derive(Clone, Copy)]
pub(crate) struct Timeout(pub(crate) Duration);

impl FromPyObject<'_, '_> for Timeout {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        const NAME: &str = "timeout";
        match duration(NAME, &value)? {
            Duration::ZERO => Err(invalid_input(value.py(), NAME, "must be greater than zero")),
            timeout => Ok(Timeout(timeout)),
        }
    }
}

/// The problem of a text that UTF-8 cannot express.
pub(crate) const NOT_UTF8: &str = "contains a surrogate character, which UTF-8 cannot encode";

/// Converts a text. It may be a secret: no message repeats it, and no exception that quotes it is
/// kept.
pub(crate) fn text<'a>(name: &str, value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, "a str", value))?;
    text.to_str().map_err(|_| invalid_input(value.py(), name, NOT_UTF8))
}

/// Converts a path: a `str`, or an object with `__fspath__`.
pub(crate) fn path(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    const EXPECTED: &str = "a str or os.PathLike[str]";
    let path = if value.is_instance_of::<PyString>() {
        value.clone()
    } else {
        let py = value.py();
        py.import("os")?.call_method1("fspath", (value,)).map_err(|problem| {
            if problem.is_instance_of::<PyTypeError>(py) {
                wrong_type(name, EXPECTED, value)
            } else {
                problem
            }
        })?
    };
    // Not through UTF-8: a file's name may contain other bytes.
    path.extract::<OsString>().map(PathBuf::from).map_err(|_| wrong_type(name, EXPECTED, value))
}

/// Converts a store: a path or a URL.
pub(crate) fn store(value: &Bound<'_, PyAny>) -> PyResult<Store> {
    let path = path("store", value)?;
    match path.to_str() {
        Some(text) => Store::at(text).map_err(|error| exception(value.py(), &error)),
        None => Ok(Store::directory(path)),
    }
}

/// Converts the id of an application token or a workspace.
pub(crate) fn id(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    whole("id", value)
}

/// Converts a whole number.
pub(crate) fn whole(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    // A bool is an int in Python.
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, "an int", value));
    }
    value.extract().map_err(|error| {
        if value.is_instance_of::<PyInt>() {
            invalid_input(value.py(), name, "must be at least 0 and less than 2**64")
        } else {
            mistyped(error, name, "an int", value)
        }
    })
}

/// Converts a whole number that is small where it makes sense; larger ones become the largest.
pub(crate) fn small(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    Ok(u32::try_from(whole(name, value)?).unwrap_or(u32::MAX))
}

/// Converts a bool. Other values, which Python would treat as true or false, are refused.
pub(crate) fn boolean(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.cast::<PyBool>().map(|b| b.is_true()).map_err(|_| wrong_type(name, "a bool", value))
}

/// Returns the error for a wrong type. If the value's own conversion was interrupted, returns the
/// interrupt.
pub(crate) fn mistyped(
    error: PyErr,
    name: &str,
    expected: &str,
    value: &Bound<'_, PyAny>,
) -> PyErr {
    if error.is_instance_of::<PyException>(value.py()) {
        wrong_type(name, expected, value)
    } else {
        error
    }
}

/// Converts a `timedelta` or a number of seconds.
pub(crate) fn duration(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    const EXPECTED: &str = "a number of seconds or a datetime.timedelta";
    if let Ok(delta) = value.cast::<PyDelta>() {
        return time::from_timedelta(delta)
            .ok_or_else(|| invalid_input(value.py(), name, "must not be negative"));
    }
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, EXPECTED, value));
    }
    let seconds: f64 = value.extract().map_err(|error| mistyped(error, name, EXPECTED, value))?;
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        let problem = format!("must be a finite number of seconds from 0, not {seconds}");
        invalid_input(value.py(), name, &problem)
    })
}

/// Converts when an application token expires: a date or instant, or how long it lives.
pub(crate) fn expiry<'py>(
    expiry_date: Option<&Bound<'py, PyAny>>,
    expires_in: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<ExpiryDate>> {
    const NAME: &str = "expires_in";
    match (expiry_date, expires_in) {
        (None, None) => Ok(None),
        (Some(date), None) => self::expiry_date(date).map(Some),
        (None, Some(lifetime)) => duration(NAME, lifetime).map(|l| Some(l.into())),
        (Some(_), Some(lifetime)) => {
            let problem = "cannot be combined with expiry_date; pass one of the two";
            Err(invalid_input(lifetime.py(), NAME, problem))
        }
    }
}

fn expiry_date(value: &Bound<'_, PyAny>) -> PyResult<ExpiryDate> {
    const NAME: &str = "expiry_date";
    if value.is_instance_of::<PyString>() {
        return Ok(ExpiryDate::from(text(NAME, value)?));
    }
    // First, since every datetime is also a date.
    if let Ok(datetime) = value.cast::<PyDateTime>() {
        return time::from_datetime(NAME, datetime).map(ExpiryDate::from);
    }
    if value.is_instance_of::<PyDate>() {
        return Ok(ExpiryDate::from(value.call_method0("isoformat")?.extract::<String>()?));
    }
    Err(wrong_type(NAME, "a str, a datetime.date or a datetime.datetime with a time zone", value))
}

/// Converts a function, or any other callable object.
fn function(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if value.is_callable() {
        Ok(value.clone().unbind())
    } else {
        Err(wrong_type(name, "a function", value))
    }
}

/// Converts a function that is called without an event loop.
pub(crate) fn plain_function(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let function = function(name, value)?;
    let py = value.py();
    // Imported only now, since the import takes time.
    let is_async = py.import("inspect")?.getattr("iscoroutinefunction")?;
    // An object may have an async `__call__`.
    let call = value.getattr("__call__")?;
    if is_async.call1((value,))?.is_truthy()? || is_async.call1((call,))?.is_truthy()? {
        return Err(invalid_input(py, name, "must be a plain function, not an async one"));
    }
    Ok(function)
}

/// Rejects an awaitable as the result of a plain function, which was not run then.
pub(crate) fn not_awaitable(
    name: &str,
    returned: &Bound<'_, PyAny>,
    problem: &str,
) -> PyResult<()> {
    if returned.hasattr("__await__")? {
        // Closed to avoid Python's warning about a coroutine that was never awaited.
        let _ = returned.call_method0("close");
        let problem = format!("returned an awaitable, so {problem}");
        return Err(invalid_input(returned.py(), name, &problem));
    }
    Ok(())
}

/// Returns the error for a wrong type. It does not show the value, which may be a secret.
pub(crate) fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let problem = match value.get_type().name() {
        Ok(given) => format!("must be {expected}, not {given}"),
        Err(_) => format!("must be {expected}"),
    };
    invalid_input(value.py(), name, &problem)
}
