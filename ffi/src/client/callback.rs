//! The user's functions, each with the pointer that is passed to it.

use std::ffi::c_void;

use crate::boundary::{Result, emnify_error};

/// A function and its pointer. The function is called on the thread that called the library.
#[derive(Clone, Copy)]
pub(crate) struct Callback<F> {
    function: F,
    user: *mut c_void,
}

// SAFETY: the header requires that the function and its pointer are valid on each thread that uses
// the client. Both are only passed back to C; nothing is dropped.
unsafe impl<F: Copy> Send for Callback<F> {}
// SAFETY: as for `Send`.
unsafe impl<F: Copy> Sync for Callback<F> {}

impl<F: Copy> Callback<F> {
    pub(crate) fn new(function: F, user: *mut c_void) -> Self {
        Callback { function, user }
    }

    /// Passes both to `call`, which adds the other arguments.
    pub(crate) fn call<T>(&self, call: impl FnOnce(F, *mut c_void) -> T) -> T {
        call(self.function, self.user)
    }
}

/// Returns the function in the argument `name`, which must not be NULL.
pub(crate) fn function<F>(name: &str, function: Option<F>) -> Result<F> {
    function.ok_or_else(|| emnify_error::null(name))
}
