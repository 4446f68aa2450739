//! Signals on both sides of a call: Python's own, which its main thread alone attends to, and the
//! mask of the threads that we start, which leave all signals to the host.

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

/// Runs `start` with every signal blocked, so that a thread started by it inherits that and never
/// handles, or dies of, a signal that is meant for the host.
#[cfg(unix)]
pub(crate) fn while_blocked<T>(start: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow};

    struct Restore(SigSet);
    impl Drop for Restore {
        fn drop(&mut self) {
            // It fails only for an unknown `how`.
            let _ = self.0.thread_set_mask();
        }
    }

    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let _restore = before.ok().map(Restore);
    start()
}

/// Elsewhere there are no signals to block.
#[cfg(not(unix))]
pub(crate) fn while_blocked<T>(start: impl FnOnce() -> T) -> T {
    start()
}
