//! What a caller passes in, as core takes it. Only types are looked at, since core checks values;
//! what is of the wrong type is refused in the same words and with the same class as a bad value.

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

/// An argument that core has a default for. `None` is a value here, and refused as one.
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

/// A text, which may be a secret: no message repeats it, and no exception that quotes it is kept.
pub(crate) fn text<'a>(name: &str, value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, "a str", value))?;
    text.to_str().map_err(|_| invalid_input(value.py(), name, "is no text that UTF-8 can express"))
}

/// A path: a `str`, or whatever has a `__fspath__`.
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
    // Not through UTF-8: a name may have bytes that are none.
    path.extract::<OsString>().map(PathBuf::from).map_err(|_| wrong_type(name, EXPECTED, value))
}

/// Where a session is kept: a directory, or whatever else core takes as a text.
pub(crate) fn store(value: &Bound<'_, PyAny>) -> PyResult<Store> {
    const NAME: &str = "store";
    let text = value.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
    match text {
        Some(text) => Store::at(text).map_err(|error| exception(value.py(), &error)),
        None => path(NAME, value).map(Store::directory),
    }
}

/// The id of an application token or a workspace.
pub(crate) fn id(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    whole("id", value)
}

/// A number that counts or names something.
pub(crate) fn whole(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    // True would be the number 1.
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, "an int", value));
    }
    value.extract().map_err(|error| {
        if value.is_instance_of::<PyInt>() {
            invalid_input(value.py(), name, "is below zero, or larger than any that there is")
        } else {
            mistyped(error, name, "an int", value)
        }
    })
}

/// Yes or no, and nothing that is merely taken for it.
pub(crate) fn boolean(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.cast::<PyBool>().map(|b| b.is_true()).map_err(|_| wrong_type(name, "a bool", value))
}

/// That the type is wrong, unless it was an interrupt that ended the value's own conversion.
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

/// A length of time in seconds.
pub(crate) fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    const EXPECTED: &str = "a number of seconds";
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, EXPECTED, value));
    }
    let seconds: f64 = value.extract().map_err(|error| mistyped(error, name, EXPECTED, value))?;
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        let problem = format!("{seconds} is no length of time in seconds that one can wait");
        invalid_input(value.py(), name, &problem)
    })
}

/// A length of time as a `timedelta`.
pub(crate) fn timedelta(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let delta =
        value.cast::<PyDelta>().map_err(|_| wrong_type(name, "a datetime.timedelta", value))?;
    time::from_timedelta(delta)
        .ok_or_else(|| invalid_input(value.py(), name, "is a length of time below zero"))
}

/// A length of time, as a `timedelta` or in seconds.
pub(crate) fn duration(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    if value.is_instance_of::<PyDelta>() { timedelta(name, value) } else { seconds(name, value) }
}

/// When an application token shall expire.
pub(crate) fn expiry_date(value: &Bound<'_, PyAny>) -> PyResult<ExpiryDate> {
    const NAME: &str = "expiry_date";
    if value.is_instance_of::<PyString>() {
        return Ok(ExpiryDate::from(text(NAME, value)?));
    }
    // Every datetime is a date too, so that one is asked first.
    if let Ok(datetime) = value.cast::<PyDateTime>() {
        return time::from_datetime(NAME, datetime).map(ExpiryDate::from);
    }
    if value.is_instance_of::<PyDate>() {
        return Ok(ExpiryDate::from(value.call_method0("isoformat")?.extract::<String>()?));
    }
    Err(wrong_type(NAME, "a str, a datetime.date or a datetime.datetime with a time zone", value))
}

/// A function of the caller's, or whatever else can be called.
pub(crate) fn function(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if value.is_callable() {
        Ok(value.clone().unbind())
    } else {
        Err(wrong_type(name, "a function", value))
    }
}

/// The refusal of a value by its type; the value itself, which may be a secret, is not shown.
pub(crate) fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let problem = match value.get_type().name() {
        Ok(given) => format!("must be {expected}, not {given}"),
        Err(_) => format!("must be {expected}"),
    };
    invalid_input(value.py(), name, &problem)
}
