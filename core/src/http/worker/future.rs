//! A call that runs on a worker, as a future.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Job, no_thread, panicked};
use crate::types::error::Result;

/// The result of work on another thread. Needs no runtime.
pub(crate) struct WorkFuture<T>(Arc<Mutex<Step<T>>>);

enum Step<T> {
    Queued(Option<Waker>),
    Running(Option<Waker>),
    Done(Result<T>),
    Taken,
}

/// Ends a task with its result; with an error if it is dropped before.
struct Completion<T>(Arc<Mutex<Step<T>>>);

impl<T: Send + 'static> WorkFuture<T> {
    /// Creates it with the job that completes it on another thread.
    pub(super) fn new(work: impl FnOnce() -> T + Send + 'static) -> (Self, Job) {
        let step = Arc::new(Mutex::new(Step::Queued(None)));
        let completion = Completion(Arc::clone(&step));
        let job = move || {
            completion.begin();
            completion.end(Ok(work()));
        };
        (WorkFuture(step), Box::new(job))
    }
}

impl<T> Future for WorkFuture<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let mut step = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *step {
            Step::Queued(waker) | Step::Running(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            Step::Done(_) | Step::Taken => match mem::replace(&mut *step, Step::Taken) {
                Step::Done(result) => Poll::Ready(result),
                _ => Poll::Ready(Err(panicked())),
            },
        }
    }
}

impl<T> Completion<T> {
    fn begin(&self) {
        let mut step = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Step::Queued(waker) = &mut *step {
            *step = Step::Running(waker.take());
        }
    }

    fn end(&self, result: Result<T>) {
        let mut step = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Step::Queued(waker) | Step::Running(waker) = &mut *step {
            let waker = waker.take();
            *step = Step::Done(result);
            drop(step);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        let error = match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Step::Queued(_) => no_thread(),
            Step::Running(_) => panicked(),
            Step::Done(_) | Step::Taken => return,
        };
        self.end(Err(error));
    }
}
