//! Handles that C owns and frees, and the out-pointers that they are written to.

use std::ptr;
use std::sync::Arc;

use super::call::infallible;
use super::cancellation::postponed;
use super::failure::{Result, emnify_error};

/// Frees a handle. NULL is allowed.
///
/// # Safety
///
/// `handle` is NULL or was created by [`Out::give`] or [`new`], and is not used again.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: `Box::into_raw` created it, and it is freed only once.
        let handle = unsafe { Box::from_raw(handle) };
        // Freeing a client closes files.
        postponed(|| infallible((), || drop(handle)));
    }
}

/// Drops one reference to a handle, and frees it with the last. NULL is allowed.
///
/// # Safety
///
/// `handle` is NULL or was created by [`Out::share`], and the caller no longer uses it.
pub(crate) unsafe fn release<T>(handle: *const T) {
    if !handle.is_null() {
        // SAFETY: `Arc::into_raw` created it, and each reference is dropped only once.
        infallible((), || drop(unsafe { Arc::from_raw(handle) }));
    }
}

/// Returns a new handle, owned by the caller.
pub(crate) fn new<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// The out-pointer that a result is written to. It is checked before the call does anything,
/// because the call could not be undone.
pub(crate) struct Out<T>(*mut *mut T);

impl<T> Out<T> {
    /// Checks the argument `name`, which must not be NULL.
    ///
    /// # Safety
    ///
    /// `out` is NULL or may be written to as long as this value is in use.
    pub(crate) unsafe fn new(name: &str, out: *mut *mut T) -> Result<Self> {
        if out.is_null() { Err(emnify_error::null(name)) } else { Ok(Out(out)) }
    }

    /// Writes a new handle, owned by the caller.
    pub(crate) fn give(self, value: T) {
        self.write(new(value));
    }

    /// Writes a new handle, owned by the caller, or NULL.
    pub(crate) fn give_optional(self, value: Option<T>) {
        self.write(value.map_or(ptr::null_mut(), new));
    }

    /// Writes a reference to a shared handle.
    pub(crate) fn share(self, value: Arc<T>) {
        self.write(Arc::into_raw(value).cast_mut());
    }

    fn write(self, handle: *mut T) {
        // SAFETY: it is not NULL, and so may be written to: guaranteed by the caller of `new`.
        unsafe { self.0.write(handle) };
    }
}
