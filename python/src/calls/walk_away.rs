//! Calls whose caller may walk away: those of the asynchronous client, which are made in one thread
//! for a task that another thread runs, and that may be cancelled.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyGeneratorExit;
use pyo3::prelude::*;

thread_local! {
    /// Whether the caller of what this thread does has left; `None` where it cannot.
    static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) };
}

/// Whether a caller has left.
#[derive(Clone, Default)]
pub(crate) struct Left(Arc<AtomicBool>);

impl Left {
    /// Of the caller for whom this thread makes a call, if that one can leave.
    pub(crate) fn of_this_thread() -> Option<Self> {
        LEFT.with_borrow(Clone::clone)
    }

    /// What ends the wait for the call: no `Exception`, so that it counts as an interrupt.
    pub(crate) fn check(&self) -> PyResult<()> {
        if self.0.load(Ordering::Acquire) {
            return Err(PyGeneratorExit::new_err("nobody waits for the call any more"));
        }
        Ok(())
    }
}

/// Makes calls for somebody who may leave. Then a call that waits for the network ends with a
/// GeneratorExit, as one does that Ctrl-C interrupts in the main thread, and goes on in the
/// background. No on_event is called: that is for the one who waits.
#[pyclass(frozen, name = "_Walkaway", module = "emnify_auth._native")]
#[derive(Default)]
pub(crate) struct Walkaway(Left);

#[pymethods]
impl Walkaway {
    #[new]
    fn new() -> Self {
        Walkaway::default()
    }

    /// Calls the function in this thread, and returns what it returns.
    fn run<'py>(&self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        struct Restore(Option<Left>);
        impl Drop for Restore {
            fn drop(&mut self) {
                LEFT.set(self.0.take());
            }
        }
        let _restore = Restore(LEFT.replace(Some(self.0.clone())));
        function.call0()
    }

    /// Walks away.
    fn leave(&self) {
        self.0.0.store(true, Ordering::Release);
    }
}
