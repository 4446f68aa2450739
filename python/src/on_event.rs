//! The function that is told what happens to the session. Core tells it on whatever thread makes
//! the call, which may be one of ours; so events are kept until the caller of the call is back in
//! Python, and the function runs there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::event::Event;

/// The caller's function and what it has yet to be told.
pub(crate) struct OnEvent {
    function: Py<PyAny>,
    pub(crate) waiting: Arc<Waiting>,
}

impl OnEvent {
    pub(crate) fn new(function: Py<PyAny>) -> Self {
        OnEvent { function, waiting: Arc::default() }
    }

    /// The same function and what it has yet to be told, for another client of the same person.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        OnEvent { function: self.function.clone_ref(py), waiting: Arc::clone(&self.waiting) }
    }

    /// Tells the function what happened. What it raises is for `sys.unraisablehook`, save what is
    /// no `Exception`: `KeyboardInterrupt` and its like end the caller's call.
    pub(crate) fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        let mut events = self.waiting.take().into_iter();
        while let Some(event) = events.next() {
            let Err(raised) = self.function.bind(py).call1((Event(event),)) else { continue };
            if !raised.is_instance_of::<PyException>(py) {
                self.waiting.put_back(events.as_slice());
                return Err(raised);
            }
            raised.write_unraisable(py, Some(self.function.bind(py)));
        }
        Ok(())
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
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
