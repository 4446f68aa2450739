//! The way into core. Every call goes through here: other Python threads run meanwhile, an error
//! becomes its exception, and a panic becomes one too instead of ending the interpreter.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use emnify_core::Result;
use pyo3::prelude::*;

use crate::convert::errors;

/// What comes of a call: what core returns, unless it panics.
pub(crate) type Outcome<T> = thread::Result<Result<T>>;

/// Makes a call into core on this thread that waits for nothing but locks.
///
/// It must take no Python object along, and so cannot wait for the interpreter while it holds a
/// lock that another thread wants.
pub(crate) fn into_core<T: Send>(
    py: Python<'_>,
    call: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    let outcome = enter(py, call);
    translated(py, outcome)
}

/// Makes a call into core that neither waits nor takes a lock: for one so short, to let other
/// threads run meanwhile would take longer than the call.
pub(crate) fn at_once<T>(py: Python<'_>, call: impl FnOnce() -> T) -> PyResult<T> {
    let outcome = catch_unwind(AssertUnwindSafe(call));
    translated(py, outcome.map(Ok))
}

/// Makes the call while other Python threads run.
pub(crate) fn enter<T: Send>(
    py: Python<'_>,
    call: impl FnOnce() -> Result<T> + Send,
) -> Outcome<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(call)))
}

/// The outcome as Python knows it.
pub(crate) fn translated<T>(py: Python<'_>, outcome: Outcome<T>) -> PyResult<T> {
    // What a panic leaves half done is core's own, and core's locks survive it.
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(errors::exception(py, &error)),
        // What the panic said is on stderr already, unless the host wants it elsewhere.
        Err(_payload) => Err(errors::internal(
            py,
            "a fault of emnify_auth: a panic was caught; please report it with what was called",
        )),
    }
}

/// Unwinds as a panic does, so that the tests can see what becomes of one. Not in a release.
#[cfg(debug_assertions)]
#[pyfunction]
#[pyo3(name = "_panic")]
pub(crate) fn panic(py: Python<'_>) -> PyResult<()> {
    into_core(py, || std::panic::resume_unwind(Box::new("for the tests")))
}
