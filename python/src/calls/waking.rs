//! Wakes tasks of an event loop from threads of the library.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;
use std::thread;
use std::time::Duration;

use emnify_core::Process;
use pyo3::prelude::*;

/// The way of a client's threads into the interpreter. A thread that waits to enter while the
/// interpreter ends would end the process or hang, and cannot tell in time.
pub(crate) struct Entrance {
    is_closed: AtomicBool,
    inside: AtomicUsize,
    process: Process,
}

impl Default for Entrance {
    fn default() -> Self {
        let (is_closed, inside) = Default::default();
        Entrance { is_closed, inside, process: Process::current() }
    }
}

impl Entrance {
    fn enter(&self, call: impl FnOnce(Python<'_>)) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        if !self.is_closed() {
            Python::attach(call);
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Lets no thread in any more, and waits until all have left.
    pub(crate) fn close(&self, py: Python<'_>) {
        self.is_closed.store(true, Ordering::SeqCst);
        // A forked child does not have the threads that were inside.
        py.detach(|| {
            while self.inside.load(Ordering::SeqCst) > 0 && self.process == Process::current() {
                thread::sleep(Duration::from_millis(1));
            }
        });
    }
}

/// Wakes one task: calls a function of its event loop, once.
pub(crate) struct WakeTask {
    entrance: Arc<Entrance>,
    /// The function, and its argument.
    call: Mutex<Option<[Py<PyAny>; 2]>>,
}

impl WakeTask {
    pub(crate) fn new(entrance: &Arc<Entrance>, call: [Py<PyAny>; 2]) -> Self {
        WakeTask { entrance: Arc::clone(entrance), call: Mutex::new(Some(call)) }
    }

    /// Forgets the task, which waits no longer.
    pub(crate) fn forget(&self) {
        // Not waited for: after a fork it could stay locked. Whoever has it takes the function.
        let call = self.call.try_lock().ok().and_then(|mut call| call.take());
        drop(call);
    }
}

impl Wake for WakeTask {
    fn wake(self: Arc<Self>) {
        let call = self.call.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some([function, argument]) = call {
            self.entrance.enter(move |py| {
                // It fails if the event loop has ended, which woke the task.
                let _ = function.call1(py, (argument,));
            });
        }
    }
}
