//! Handles that C owns and frees, and the out-pointers that they are written to.

use std::ffi::c_char;
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

/// Memory of the caller that a text is written to.
pub(crate) struct Buffer {
    at: *mut u8,
    capacity: usize,
    length: *mut usize,
}

impl Buffer {
    /// Refuses NULL with a capacity.
    ///
    /// # Safety
    ///
    /// Until the buffer is filled, `buffer` is NULL or `capacity` bytes there may be written to, and
    /// `length` is NULL or may be written to.
    pub(crate) unsafe fn new(
        buffer: *mut c_char,
        capacity: usize,
        length: *mut usize,
    ) -> Result<Self> {
        if buffer.is_null() && capacity > 0 {
            return Err(emnify_error::null("buffer"));
        }
        Ok(Buffer { at: buffer.cast(), capacity, length })
    }

    /// Writes all parts and a NUL, or nothing if they do not fit. Writes the length in any case.
    pub(crate) fn fill(self, parts: &[&str]) -> Result {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if !self.length.is_null() {
            // SAFETY: guaranteed when it was created.
            unsafe { self.length.write(length) };
        }
        if self.capacity <= length {
            let problem = format!("has {} bytes, but needs {}", self.capacity, length + 1);
            return Err(emnify_error::invalid_input("buffer", problem));
        }
        let mut at = self.at;
        for part in parts.iter().chain(&["\0"]) {
            // SAFETY: all parts together fit, as was just checked, and they are the library's own
            // memory, which the caller's buffer cannot overlap.
            unsafe {
                ptr::copy_nonoverlapping(part.as_ptr(), at, part.len());
                at = at.add(part.len());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_filled_completely_or_not_at_all() {
        let (mut bytes, mut length) = ([b'?'; 7], 0);
        for (capacity, expected) in [(5, b"???????"), (6, b"abcde\0?")] {
            // SAFETY: there are more bytes than that.
            let buffer = unsafe { Buffer::new(bytes.as_mut_ptr().cast(), capacity, &mut length) };
            let filled = buffer.and_then(|buffer| buffer.fill(&["ab", "cde"]));
            assert_eq!(filled.is_ok(), capacity >= 6);
            assert_eq!((&bytes, length), (expected, 5));
        }
    }
}
