//! Checks the arguments of a call: handles, texts and arrays.

use std::ffi::{CStr, c_char};
use std::slice;

use super::failure::{Result, emnify_error};

/// Returns the handle in the argument `name`, which must not be NULL.
///
/// # Safety
///
/// `handle` is NULL or points to a `T` that is valid and not changed during `'a`.
pub(crate) unsafe fn needed<'a, T>(name: &str, handle: *const T) -> Result<&'a T> {
    // SAFETY: guaranteed by the caller.
    unsafe { handle.as_ref() }.ok_or_else(|| emnify_error::null(name))
}

/// Returns the handle in the argument `name`, which must not be NULL and which the call changes.
///
/// # Safety
///
/// `handle` is NULL or points to a `T` that is valid and not used otherwise during `'a`.
pub(crate) unsafe fn needed_mut<'a, T>(name: &str, handle: *mut T) -> Result<&'a mut T> {
    // SAFETY: guaranteed by the caller.
    unsafe { handle.as_mut() }.ok_or_else(|| emnify_error::null(name))
}

/// Returns the text in the argument `name`, which must not be NULL.
///
/// # Safety
///
/// `text` is NULL or ends with a NUL, and is not changed during `'a`.
pub(crate) unsafe fn text<'a>(name: &str, text: *const c_char) -> Result<&'a str> {
    // SAFETY: guaranteed by the caller.
    unsafe { optional_text(name, text) }?.ok_or_else(|| emnify_error::null(name))
}

/// Returns the text in the argument `name`; `None` if it is NULL.
///
/// # Safety
///
/// As for [`text`].
pub(crate) unsafe fn optional_text<'a>(name: &str, text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, and so ends with a NUL.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| emnify_error::not_utf8(name))
}

/// Returns the text of `length` bytes in the argument `name`, which must not be NULL.
///
/// # Safety
///
/// `text` is NULL or points to `length` bytes that are not changed during `'a`.
pub(crate) unsafe fn counted_text<'a>(
    name: &str,
    text: *const c_char,
    length: usize,
) -> Result<&'a str> {
    if text.is_null() {
        return Err(emnify_error::null(name));
    }
    // SAFETY: guaranteed by the caller.
    let bytes = unsafe { counted::<u8>(name, text.cast(), length) }?;
    std::str::from_utf8(bytes).map_err(|_| emnify_error::not_utf8(name))
}

/// Returns the `count` values in the argument `name`, which may be NULL if `count` is 0.
///
/// # Safety
///
/// `values` is NULL or points to `count` values that are not changed during `'a`.
pub(crate) unsafe fn counted<'a, T>(name: &str, values: *const T, count: usize) -> Result<&'a [T]> {
    if values.is_null() && count == 0 {
        return Ok(&[]);
    }
    if values.is_null() {
        return Err(emnify_error::null(name));
    }
    if count.checked_mul(size_of::<T>()).is_none_or(|size| isize::try_from(size).is_err()) {
        return Err(emnify_error::invalid_input(name, "is longer than the address space"));
    }
    // SAFETY: it is not NULL, points to `count` values, and is not longer than a slice may be.
    Ok(unsafe { slice::from_raw_parts(values, count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        // SAFETY: both literals end with a NUL.
        unsafe {
            assert_eq!(*text("ip", c"a".as_ptr()).ok().unwrap(), *"a");
            let message = text("ip", c"\xff".as_ptr()).err().unwrap();
            assert!(message.message().to_str().unwrap().starts_with("ip: "));
        }
    }
}
