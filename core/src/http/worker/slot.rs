//! Hands work to a thread and its result back to the thread that waits for it, which may leave.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use super::{no_thread, panicked};
use crate::types::error::Result;

/// What a caller wants to have done.
pub(super) struct Task<T> {
    pub(super) work: Box<dyn FnOnce() -> T + Send>,
    /// Gets the result if the caller has returned early.
    pub(super) late: Box<dyn FnOnce(T) + Send>,
}

/// The place where a caller gets its result.
pub(super) struct Slot<T> {
    caller: Thread,
    step: Mutex<Step<T>>,
}

pub(super) enum Step<T> {
    /// The task is dropped as soon as its caller leaves, with all that it holds.
    Queued(Task<T>),
    Running,
    Done(Result<T>),
    /// The caller has returned early, or has the result.
    Over,
}

impl<T> Slot<T> {
    pub(super) fn new(task: Task<T>) -> Self {
        Slot { caller: thread::current(), step: Mutex::new(Step::Queued(task)) }
    }

    /// Starts the work. Returns `None` if its caller has returned.
    fn begin(&self) -> Option<Task<T>> {
        let mut step = self.lock();
        match mem::replace(&mut *step, Step::Running) {
            Step::Queued(task) => Some(task),
            other => {
                *step = other;
                None
            }
        }
    }

    /// Hands the result over, or returns it if the caller has returned.
    fn put(&self, result: Result<T>) -> Option<Result<T>> {
        let mut step = self.lock();
        if matches!(*step, Step::Over) {
            return Some(result);
        }
        *step = Step::Done(result);
        drop(step);
        self.caller.unpark();
        None
    }

    pub(super) fn take(&self) -> Option<Result<T>> {
        let mut step = self.lock();
        match mem::replace(&mut *step, Step::Over) {
            Step::Done(result) => Some(result),
            other => {
                *step = other;
                None
            }
        }
    }

    /// Ends the wait for the result. Returns how far the work has come.
    pub(super) fn abandon(&self) -> Step<T> {
        mem::replace(&mut *self.lock(), Step::Over)
    }

    fn lock(&self) -> MutexGuard<'_, Step<T>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that waits for a thread. Its caller gets an error if it is dropped.
pub(super) struct Queued<T>(pub(super) Arc<Slot<T>>);

impl<T> Queued<T> {
    /// Does the work on this thread, unless its caller has returned.
    pub(super) fn run(self) {
        let Some(Task { work, late }) = self.0.begin() else { return };
        let result = catch_unwind(AssertUnwindSafe(work)).map_err(|_| panicked());
        if let Some(Ok(result)) = self.0.put(result) {
            late(result);
        }
    }
}

impl<T> Drop for Queued<T> {
    fn drop(&mut self) {
        if self.0.begin().is_some() {
            self.0.put(Err(no_thread()));
        }
    }
}
