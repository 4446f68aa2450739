//! Handles that are given to C and freed by it, and the out-pointers that they are written to.

use std::sync::Arc;

use super::call::infallible;
use super::failure::{Result, emnify_error};

/// Frees a handle. NULL is allowed.
///
/// # Safety
///
/// `handle` is NULL or was given out by [`Out::give`] or [`new`], and is not used any more.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it was made by `Box::into_raw`, and is freed this once.
        infallible((), || drop(unsafe { Box::from_raw(handle) }));
    }
}

/// Gives up one share of a handle, and frees it with the last. NULL is allowed.
///
/// # Safety
///
/// `handle` is NULL or was given out by [`Out::share`], and the caller uses it no more.
pub(crate) unsafe fn release<T>(handle: *const T) {
    if !handle.is_null() {
        // SAFETY: it was made by `Arc::into_raw`, and is freed once for each time.
        infallible((), || drop(unsafe { Arc::from_raw(handle) }));
    }
}

/// Returns a new handle, owned by the caller.
pub(crate) fn new<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// The out-pointer that a result is written to. It is checked before the call does anything, because
/// what the call did could not be undone.
pub(crate) struct Out<T>(*mut *mut T);

impl<T> Out<T> {
    /// Checks the argument `name`, which must not be NULL.
    ///
    /// # Safety
    ///
    /// `out` is NULL or may be written to for as long as this value is in use.
    pub(crate) unsafe fn new(name: &str, out: *mut *mut T) -> Result<Self> {
        if out.is_null() { Err(emnify_error::null(name)) } else { Ok(Out(out)) }
    }

    /// Writes a new handle, owned by the caller.
    pub(crate) fn give(self, value: T) {
        self.write(new(value));
    }

    /// Writes a share of a handle that others have too.
    pub(crate) fn share(self, value: Arc<T>) {
        self.write(Arc::into_raw(value).cast_mut());
    }

    fn write(self, handle: *mut T) {
        // SAFETY: it is not NULL, and so may be written to, as demanded of who made it.
        unsafe { self.0.write(handle) };
    }
}
