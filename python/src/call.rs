//! The way into core. Every call goes through here: other Python threads run meanwhile, an error
//! becomes its exception, and a panic becomes one too instead of ending the interpreter.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;

use crate::errors;

/// Makes a call into core, which may take as long as the network does.
///
/// It must take no Python object along, and so cannot wait for the interpreter while it holds a
/// lock that another thread wants.
pub(crate) fn into_core<T: Send>(
    py: Python<'_>,
    call: impl FnOnce() -> emnify_core::Result<T> + Send,
) -> PyResult<T> {
    // What a panic leaves half done is core's own, and core's locks survive it.
    match py.detach(|| catch_unwind(AssertUnwindSafe(call))) {
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
