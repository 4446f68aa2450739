//! Functions of the caller's, with the pointer that each of them wants back, and the way to the thread
//! that they run on.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use emnify_core::errand::Lines;

use crate::boundary::{Result, emnify_error};

/// A function and its pointer. It is called on the thread that called the library.
#[derive(Clone, Copy)]
pub(crate) struct Callback<F> {
    function: F,
    user: *mut c_void,
}

// SAFETY: what C gives us is a function, and a pointer that it vouches for on each thread which
// uses the client; both are only handed back, and nothing is dropped.
unsafe impl<F: Copy> Send for Callback<F> {}
// SAFETY: the same.
unsafe impl<F: Copy> Sync for Callback<F> {}

impl<F: Copy> Callback<F> {
    pub(crate) fn new(function: F, user: *mut c_void) -> Self {
        Callback { function, user }
    }

    /// Hands both to `call`, which knows the other arguments.
    pub(crate) fn call<T>(&self, call: impl FnOnce(F, *mut c_void) -> T) -> T {
        call(self.function, self.user)
    }
}

/// The function in the argument `name`, which must not be NULL.
pub(crate) fn function<F>(name: &str, function: Option<F>) -> Result<F> {
    function.ok_or_else(|| emnify_error::null(name))
}

/// What a thread of ours asks its caller to run.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The way from the threads of ours that make calls to the callers that they work for.
#[derive(Clone, Default)]
pub(crate) struct Callers(Arc<Lines<Job, ()>>);

impl Callers {
    /// Runs the job on the thread that called the library: this one, unless it is one of ours. `None`
    /// if the caller has left.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if !self.0.is_open() {
            return Some(job());
        }
        let place = Arc::new(Mutex::new(None));
        let job = {
            let place = Arc::clone(&place);
            move || {
                let value = job();
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            }
        };
        self.0.ask(Box::new(job))?;
        place.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn lines(&self) -> &Arc<Lines<Job, ()>> {
        &self.0
    }
}
