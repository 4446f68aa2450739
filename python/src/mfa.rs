//! The one-time code: core asks for it in the middle of a call, on the thread that makes the call,
//! which may be one of ours. The function that knows it is the caller's, and runs on the caller's
//! thread.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use arc_swap::ArcSwap;
use emnify_core::Secret;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors;

/// The caller's function, and how core gets to it.
pub(crate) struct Mfa {
    function: Py<PyAny>,
    pub(crate) lines: Arc<Lines>,
}

impl Mfa {
    pub(crate) fn new(function: Py<PyAny>) -> Self {
        Mfa { function, lines: Arc::default() }
    }

    /// Asks the caller's function.
    pub(crate) fn ask(&self, py: Python<'_>) -> PyResult<Option<Secret>> {
        let code = self.function.bind(py).call0()?;
        if code.is_none() {
            return Ok(None);
        }
        let text = code.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
        // What it is instead is not shown: it may be a code all the same.
        let no_text = || errors::invalid_input(py, "mfa", "returned neither a str nor None");
        text.map(|text| Some(Secret::from(text))).ok_or_else(no_text)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}

/// The threads of ours that make calls, each with the way to the caller that it works for. Changed
/// as a whole: a lock could be held at the moment of a fork.
#[derive(Default)]
pub(crate) struct Lines(ArcSwap<Vec<Line>>);

#[derive(Clone)]
struct Line {
    thread: ThreadId,
    ask: Arc<Ask>,
}

type Ask = dyn Fn() -> Option<Secret> + Send + Sync;

impl Lines {
    /// Asks the caller that this thread works for; `None` if there is none, or it has gone.
    pub(crate) fn ask(&self) -> Option<Secret> {
        let this = thread::current().id();
        let ask = self.0.load().iter().find(|line| line.thread == this).map(|l| Arc::clone(&l.ask));
        ask.and_then(|ask| ask())
    }

    /// Opens this thread's line for as long as `work` takes.
    pub(crate) fn open<T>(
        &self,
        ask: impl Fn() -> Option<Secret> + Send + Sync + 'static,
        work: impl FnOnce() -> T,
    ) -> T {
        struct Close<'a>(&'a Lines, ThreadId);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.0.change(|lines| lines.retain(|line| line.thread != self.1));
            }
        }
        let line = Line { thread: thread::current().id(), ask: Arc::new(ask) };
        let _close = Close(self, line.thread);
        self.change(|lines| lines.push(line.clone()));
        work()
    }

    fn change(&self, change: impl Fn(&mut Vec<Line>)) {
        self.0.rcu(|lines| {
            let mut lines = Vec::clone(lines);
            change(&mut lines);
            lines
        });
    }
}
