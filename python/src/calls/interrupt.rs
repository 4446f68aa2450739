//! Ends calls early. Python runs signal handlers in its main thread, so a call there checks for
//! signals while it waits. A worker thread of an AsyncClient makes calls for a task; an `_Interrupt`
//! ends them when the task is cancelled. Other calls are not interruptible.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use emnify_core::{Client, ErrorKind, Interrupt, Process, Result};
use pyo3::exceptions::PyGeneratorExit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::calls::into_core::{CallResult, converted, enter};
use crate::convert::arguments::Timeout;
use crate::convert::errors;

thread_local! {
    /// How this thread makes its calls, if it makes them for a task.
    static FOR_TASK: RefCell<Option<ForTask>> = const { RefCell::new(None) };
}

/// Makes a call that may wait. If its value arrives after it was interrupted, `undo` gets the value.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    client: &Client,
    call: impl FnOnce(&Client) -> Result<T> + Send,
    undo: impl FnOnce(T),
) -> PyResult<T> {
    let process = Process::current();
    let result = match FOR_TASK.with_borrow(Clone::clone) {
        Some(for_task) => for_task.call(py, client, call, undo)?,
        None if handles_signals(py) => checking_signals(py, client, call, undo)?,
        None => enter(py, || call(client)),
    };
    if is_cancelled(&result) && process != Process::current() {
        return Err(errors::forked(py));
    }
    converted(py, result)
}

/// Makes a call in the main thread. An exception that a signal handler raises ends it.
fn checking_signals<T: Send>(
    py: Python<'_>,
    client: &Client,
    call: impl FnOnce(&Client) -> Result<T> + Send,
    undo: impl FnOnce(T),
) -> PyResult<CallResult<T>> {
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
    let result = enter(py, || call(&client.interruptible(interrupt, Duration::ZERO)));
    // Taken out, because a request that continues in the background must not keep the exception.
    match (locked(&raised).take(), result) {
        (None, result) => Ok(result),
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

fn is_cancelled<T>(result: &CallResult<T>) -> bool {
    matches!(result, Ok(Err(error)) if error.kind() == ErrorKind::Cancelled)
}

/// Whether Python runs signal handlers on this thread. True if that is not known, since checking for
/// signals on another thread does no harm.
fn handles_signals(py: Python<'_>) -> bool {
    is_main_thread(py).unwrap_or(None).unwrap_or(true)
}

/// Whether this is the main thread. `None` if `threading` was not imported. It is not imported here,
/// because it regards the thread that imports it as the main thread.
fn is_main_thread(py: Python<'_>) -> PyResult<Option<bool>> {
    let modules = py.import("sys")?.getattr("modules")?;
    let Some(threading) = modules.cast::<PyDict>()?.get_item("threading")? else {
        return Ok(None);
    };
    // Not `current_thread`, which registers threads that Python did not start.
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main).map(Some)
}

/// Whether this thread makes calls for a task.
pub(crate) fn is_for_task() -> bool {
    FOR_TASK.with_borrow(Option::is_some)
}

/// How a worker thread makes calls for a task.
#[derive(Clone)]
pub(crate) struct ForTask {
    interrupt: Interrupt,
    waited: Duration,
    timeout: Option<Timeout>,
}

impl ForTask {
    fn call<T: Send>(
        self,
        py: Python<'_>,
        client: &Client,
        call: impl FnOnce(&Client) -> Result<T> + Send,
        undo: impl FnOnce(T),
    ) -> PyResult<CallResult<T>> {
        let ForTask { interrupt, waited, timeout } = self;
        let client = client.interruptible(interrupt.clone(), waited);
        let limited = timeout.map(|Timeout(timeout)| client.with_timeout(timeout));
        let result = enter(py, || call(limited.as_ref().unwrap_or(&client)));
        // Not an `Exception`, so that it counts as an interrupt.
        let cancelled = || PyGeneratorExit::new_err("the task that made the call was cancelled");
        match result {
            Ok(Ok(value)) if interrupt.is_triggered() => {
                undo(value);
                Err(cancelled())
            }
            result if interrupt.is_triggered() && is_cancelled(&result) => Err(cancelled()),
            result => Ok(result),
        }
    }
}

/// Ends the calls that a worker thread makes for a task when the task is cancelled. The calls
/// then raise GeneratorExit; requests that were sent continue in the background. Events are not
/// reported in the worker thread, but by the task.
///
/// waited: how many seconds of the timeout of each call have already passed.
/// timeout: the timeout of each call. Default: the client's.
#[pyclass(frozen, name = "_Interrupt", module = "emnify_auth._native")]
pub(crate) struct PyInterrupt(ForTask);

#[pymethods]
impl PyInterrupt {
    #[new]
    #[pyo3(signature = (waited=0.0, timeout=None))]
    fn new(waited: f64, timeout: Option<Timeout>) -> Self {
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        PyInterrupt(ForTask { interrupt: Interrupt::new(), waited, timeout })
    }

    /// Calls the function in this thread and returns its result. trigger() ends the calls that
    /// the function makes with clients.
    fn run<'py>(&self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        struct Restore(Option<ForTask>);
        impl Drop for Restore {
            fn drop(&mut self) {
                FOR_TASK.set(self.0.take());
            }
        }
        let _restore = Restore(FOR_TASK.replace(Some(self.0.clone())));
        function.call0()
    }

    /// Ends the current call and all later ones at once. Can be called in any thread.
    fn trigger(&self) {
        self.0.interrupt.trigger();
    }
}
