//! What every C call promises about its results.

use std::ffi::{CStr, c_char};
use std::ptr;

use emnify_ffi::*;

use crate::text::{check_secrets, check_text};

/// Makes a call and checks its code and error. Returns whether it succeeded.
pub(super) fn call(body: impl FnOnce(*mut *mut emnify_error) -> i32) -> bool {
    let mut error = ptr::null_mut();
    let code = body(&mut error);
    assert_eq!(code == EMNIFY_OK, error.is_null(), "{code}");
    assert_ne!(code, EMNIFY_ERR_INTERNAL);
    // SAFETY: the call created the error, which is freed once.
    unsafe {
        assert_eq!(emnify_error_code(error), code);
        check_error(error);
        let copy = emnify_error_copy(error);
        emnify_error_free(error);
        check_error(copy);
        emnify_error_free(copy);
        assert!(line(emnify_error_name(code)).is_some(), "{code}");
    }
    code == EMNIFY_OK
}

/// Makes a call that returns a handle, and checks that it does so only on success. `out` is whether
/// the call gets a place for it. Returns the handle, or NULL.
pub(super) fn call_for<T>(
    out: bool,
    body: impl FnOnce(*mut *mut T, *mut *mut emnify_error) -> i32,
) -> *mut T {
    let untouched = ptr::dangling_mut();
    let mut handle = untouched;
    let succeeded = call(|error| body(if out { &mut handle } else { ptr::null_mut() }, error));
    assert_eq!(succeeded, handle != untouched);
    if succeeded { handle } else { ptr::null_mut() }
}

/// Checks all that an error says; NULL is allowed.
///
/// # Safety
///
/// `error` is NULL or not freed yet.
pub(super) unsafe fn check_error(error: *const emnify_error) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        assert_eq!(line(emnify_error_message(error)).is_none(), error.is_null());
        line(emnify_error_api_name(error));
        line(emnify_error_api_message(error));
        line(emnify_error_reason_name(emnify_error_reason(error)));
        assert!(emnify_error_retry_after_ms(error) >= -1);
        let nested = emnify_error_nested_size(error);
        for index in [0, nested.saturating_sub(1), nested, usize::MAX] {
            let exists = index < nested;
            assert!(exists || emnify_error_nested_message(error, index).is_null());
            line(emnify_error_nested_name(error, index));
            line(emnify_error_nested_message(error, index));
            assert!(exists || emnify_error_nested_code(error, index) == 0);
        }
    }
}

/// Checks a text that a program may log, and returns it; `None` for NULL.
///
/// # Safety
///
/// `text` is NULL or ends with a NUL.
pub(super) unsafe fn line<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: guaranteed by the caller.
    let text = unsafe { any(text) }?;
    check_text(text);
    check_secrets(text, &["canary"]);
    Some(text)
}

/// Returns a text, which is UTF-8; `None` for NULL.
///
/// # Safety
///
/// As for [`line`].
pub(super) unsafe fn any<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: it is not NULL, and so ends with a NUL.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().unwrap())
}
