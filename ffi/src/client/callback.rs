//! The user's functions, each with the pointer that it is called with.

use std::ffi::c_void;

use crate::boundary::{Result, emnify_error};

/// A function and its pointer. The function is called on the thread that called the library.
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
