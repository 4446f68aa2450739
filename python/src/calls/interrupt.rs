//! What ends a call early. Python runs signal handlers between two steps of its main thread, so core
//! looks for signals while it waits there. In another thread, which may make a call for somebody who
//! leaves, an `_Interrupt` ends it. Any other call is made as it is.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use emnify_core::{Client, ErrorKind, Interrupt, Process, Result};
use pyo3::exceptions::PyGeneratorExit;
use pyo3::prelude::*;

use crate::calls::into_core::{Outcome, enter, translated};
use crate::calls::signals;
use crate::convert::errors;

thread_local! {
    /// What ends the calls of this thread, if it makes them for somebody who may leave.
    static INSTALLED: RefCell<Option<ForAnother>> = const { RefCell::new(None) };
}

/// Makes a call that may wait. A value that comes after the call was to end goes to `undo`.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    client: &Client,
    call: impl FnOnce(&Client) -> Result<T> + Send,
    undo: impl FnOnce(T),
) -> PyResult<T> {
    let process = Process::current();
    let outcome = match INSTALLED.with_borrow(Clone::clone) {
        Some(for_another) => for_another.make(py, client, call, undo)?,
        None if signals::are_handled_here(py) => heeding_signals(py, client, call, undo)?,
        None => enter(py, || call(client)),
    };
    if is_cancelled(&outcome) && process != Process::current() {
        return Err(errors::forked(py));
    }
    translated(py, outcome)
}

/// Makes the call in the main thread. What a signal handler raises ends it.
fn heeding_signals<T: Send>(
    py: Python<'_>,
    client: &Client,
    call: impl FnOnce(&Client) -> Result<T> + Send,
    undo: impl FnOnce(T),
) -> PyResult<Outcome<T>> {
    let raised = Arc::new(Mutex::new(None));
    let interrupt = {
        let raised = Arc::clone(&raised);
        Interrupt::checking(move || match Python::attach(|py| py.check_signals()) {
            Ok(()) => false,
            Err(exception) => {
                *locked(&raised) = Some(exception);
                true
            }
        })
    };
    let outcome = enter(py, || call(&client.interruptible(interrupt, Duration::ZERO)));
    // Taken out: what goes on in the background must not keep it.
    match (locked(&raised).take(), outcome) {
        (None, outcome) => Ok(outcome),
        (Some(raised), Ok(Ok(value))) => {
            undo(value);
            Err(raised)
        }
        (Some(raised), _) => Err(raised),
    }
}

/// Only the thread that makes the call locks it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_cancelled<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Ok(Err(error)) if error.kind() == ErrorKind::Cancelled)
}

/// Whether this thread makes calls for somebody who may leave.
pub(crate) fn is_for_another() -> bool {
    INSTALLED.with_borrow(Option::is_some)
}

/// What applies to calls that a thread makes for somebody else.
#[derive(Clone)]
pub(crate) struct ForAnother {
    interrupt: Interrupt,
    waited: Duration,
}

impl ForAnother {
    fn make<T: Send>(
        self,
        py: Python<'_>,
        client: &Client,
        call: impl FnOnce(&Client) -> Result<T> + Send,
        undo: impl FnOnce(T),
    ) -> PyResult<Outcome<T>> {
        let ForAnother { interrupt, waited } = self;
        let outcome = enter(py, || call(&client.interruptible(interrupt.clone(), waited)));
        // No `Exception`, so that it counts as an interrupt.
        let left = || PyGeneratorExit::new_err("nobody waits for the call any more");
        match outcome {
            Ok(Ok(value)) if interrupt.is_triggered() => {
                undo(value);
                Err(left())
            }
            outcome if interrupt.is_triggered() && is_cancelled(&outcome) => Err(left()),
            outcome => Ok(outcome),
        }
    }
}

/// Ends the calls that another thread makes, when the one who waits for them leaves. They raise
/// GeneratorExit then; what was sent goes on in the background. No on_event is called in that
/// thread: that is for the one who waits.
///
/// waited: seconds that are part of the timeout of each call.
#[pyclass(frozen, name = "_Interrupt", module = "emnify_auth._native")]
pub(crate) struct PyInterrupt(ForAnother);

#[pymethods]
impl PyInterrupt {
    #[new]
    #[pyo3(signature = (waited=0.0))]
    fn new(waited: f64) -> Self {
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        PyInterrupt(ForAnother { interrupt: Interrupt::new(), waited })
    }

    /// Calls the function in this thread, and returns what it returns. trigger() ends the calls
    /// of clients that it makes.
    fn run<'py>(&self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        struct Restore(Option<ForAnother>);
        impl Drop for Restore {
            fn drop(&mut self) {
                INSTALLED.set(self.0.take());
            }
        }
        let _restore = Restore(INSTALLED.replace(Some(self.0.clone())));
        function.call0()
    }

    /// Ends the calls at once and for good, those to come too. Any thread may do so.
    fn trigger(&self) {
        self.0.interrupt.trigger();
    }
}
