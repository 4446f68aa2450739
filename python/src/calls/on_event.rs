//! Who is told what happens to the session: the log, and the caller's function. Core tells it on
//! whatever thread makes the call, which may be one of ours; so events are kept until the caller of
//! the call is back in Python, and log and function are told there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::calls::log;
use crate::values::event::Event;

/// The caller's function, if there is one, and what it and the log have yet to be told.
pub(crate) struct OnEvent {
    function: Option<Py<PyAny>>,
    pub(crate) waiting: Arc<Waiting>,
}

impl OnEvent {
    pub(crate) fn new(function: Option<Py<PyAny>>) -> Self {
        OnEvent { function, waiting: Arc::default() }
    }

    /// The same function and what it has yet to be told, for another client of the same person.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        let function = self.function.as_ref().map(|function| function.clone_ref(py));
        OnEvent { function, waiting: Arc::clone(&self.waiting) }
    }

    /// Tells the log and the function what happened. What they raise is for `sys.unraisablehook`,
    /// save what is no `Exception`: `KeyboardInterrupt` and its like end the caller's call.
    pub(crate) fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        let events = self.waiting.take();
        for (told, event) in events.iter().enumerate() {
            let logged = unless_interrupted(py, None, log::event(py, event));
            let interrupted = logged
                .map_err(|raised| (told, raised))
                .and_then(|()| self.tell(py, event.clone()).map_err(|raised| (told + 1, raised)));
            if let Err((told, raised)) = interrupted {
                self.waiting.put_back(events.get(told..).unwrap_or_default());
                return Err(raised);
            }
        }
        Ok(())
    }

    fn tell(&self, py: Python<'_>, event: emnify_core::Event) -> PyResult<()> {
        let Some(function) = &self.function else { return Ok(()) };
        let function = function.bind(py);
        unless_interrupted(py, Some(function), function.call1((Event(event),)).map(drop))
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}

/// What was raised, if that ends the caller's call.
fn unless_interrupted(
    py: Python<'_>,
    function: Option<&Bound<'_, PyAny>>,
    outcome: PyResult<()>,
) -> PyResult<()> {
    match outcome {
        Err(raised) if raised.is_instance_of::<PyException>(py) => {
            raised.write_unraisable(py, function);
            Ok(())
        }
        outcome => outcome,
    }
}

/// Events that wait for a caller. Changed as a whole: a lock could be held at the moment of a fork.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Saves all callers but the first after an event the way to the list.
    any: AtomicBool,
    events: ArcSwapOption<Vec<emnify_core::Event>>,
}

impl Waiting {
    pub(crate) fn push(&self, event: &emnify_core::Event) {
        self.change(|events| events.push(event.clone()));
    }

    /// Those that were taken and not told come before those that came since.
    fn put_back(&self, untold: &[emnify_core::Event]) {
        if !untold.is_empty() {
            self.change(|events| drop(events.splice(0..0, untold.iter().cloned())));
        }
    }

    fn take(&self) -> Vec<emnify_core::Event> {
        if !self.any.load(Ordering::Relaxed) || !self.any.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        self.events.swap(None).map(Arc::unwrap_or_clone).unwrap_or_default()
    }

    fn change(&self, change: impl Fn(&mut Vec<emnify_core::Event>)) {
        self.events.rcu(|events| {
            let mut events = events.as_deref().cloned().unwrap_or_default();
            change(&mut events);
            Some(Arc::new(events))
        });
        self.any.store(true, Ordering::Release);
    }
}
