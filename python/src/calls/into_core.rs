//! The way into core. All calls go through here. Other Python threads run during a call. Errors and
//! panics become exceptions; a panic does not end the interpreter.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use emnify_core::Result;
use pyo3::prelude::*;

use crate::convert::errors;

/// The result of a call: what core returned, or a panic.
pub(crate) type CallResult<T> = thread::Result<Result<T>>;

/// Makes a call into core that waits for nothing but locks, while other Python threads run.
///
/// The call must not use Python objects: it could wait for the interpreter while it holds a lock
/// that another thread needs.
pub(crate) fn into_core<T: Send>(
    py: Python<'_>,
    call: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    let result = enter(py, call);
    converted(py, result)
}

/// Makes a call into core that neither waits nor takes a lock. Other Python threads do not run
/// meanwhile, since switching would take longer than the call.
pub(crate) fn at_once<T>(py: Python<'_>, call: impl FnOnce() -> T) -> PyResult<T> {
    let result = catch_unwind(AssertUnwindSafe(call));
    converted(py, result.map(Ok))
}

/// Makes the call while other Python threads run.
pub(crate) fn enter<T: Send>(
    py: Python<'_>,
    call: impl FnOnce() -> Result<T> + Send,
) -> CallResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(call)))
}

/// Converts errors and panics to exceptions.
pub(crate) fn converted<T>(py: Python<'_>, result: CallResult<T>) -> PyResult<T> {
    // A panic may leave only core's own state unfinished, and core's locks survive it.
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(errors::exception(py, &error)),
        // The panic's message is already on stderr, unless the program redirects it.
        Err(_payload) => Err(errors::internal(
            py,
            "a panic was caught, which is a bug in emnify_auth; please report it, with the call \
             that you made",
        )),
    }
}

/// Panics, for the tests. Not in a release.
#[cfg(debug_assertions)]
#[pyfunction]
#[pyo3(name = "_panic")]
pub(crate) fn panic(py: Python<'_>) -> PyResult<()> {
    into_core(py, || std::panic::resume_unwind(Box::new("for the tests")))
}
