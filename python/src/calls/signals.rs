//! Python's own signals, which its main thread alone attends to.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Whether this is the thread on which Python runs signal handlers. Where that cannot be told, it
/// is taken to be: looking for signals does no harm on another one.
pub(crate) fn are_handled_here(py: Python<'_>) -> bool {
    is_main_thread(py).unwrap_or(None).unwrap_or(true)
}

/// `None` if nobody has imported `threading`, which is not for us to do: it takes whoever imports
/// it for the main thread.
fn is_main_thread(py: Python<'_>) -> PyResult<Option<bool>> {
    let modules = py.import("sys")?.getattr("modules")?;
    let Some(threading) = modules.cast::<PyDict>()?.get_item("threading")? else {
        return Ok(None);
    };
    // Not `current_thread`, which would make a thread that Python did not start known to it.
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main).map(Some)
}
