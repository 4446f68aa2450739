//! Runs the bodies of exported functions, catches panics and reports errors. Only functions that
//! return constants do without.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::cancellation::postponed;
use super::failure::{Result, emnify_error};
use crate::codes::EMNIFY_OK;

/// Runs a call that can fail, and returns `EMNIFY_OK` or the code of its error. The error goes to
/// `*error`, unless `error` is NULL. A panic becomes `EMNIFY_ERR_INTERNAL`.
///
/// # Safety
///
/// `error` is NULL or may be written to.
pub(crate) unsafe fn call(error: *mut *mut emnify_error, body: impl FnOnce() -> Result) -> i32 {
    let failure = match postponed(|| catch_unwind(AssertUnwindSafe(body))) {
        Ok(Ok(())) => return EMNIFY_OK,
        Ok(Err(failure)) => failure,
        Err(_) => emnify_error::panicked(),
    };
    let code = failure.code();
    if !error.is_null() {
        // SAFETY: it is not NULL, and so may be written to.
        unsafe { error.write(Box::into_raw(failure)) };
    }
    code
}

/// Runs a function that cannot fail, and returns its value; `otherwise` if it panics. It makes no
/// system call at which the thread could be cancelled.
pub(crate) fn infallible<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Returns the value that `get` reads from a handle; `absent` if the handle is NULL.
///
/// # Safety
///
/// `handle` is NULL or points to a `T` that is not changed meanwhile.
pub(crate) unsafe fn read<T, V>(handle: *const T, absent: V, get: impl FnOnce(&T) -> V) -> V
where
    V: Copy,
{
    // SAFETY: guaranteed by the caller.
    match unsafe { handle.as_ref() } {
        Some(handle) => infallible(absent, || get(handle)),
        None => absent,
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::codes::{EMNIFY_ERR_INTERNAL, EMNIFY_ERR_INVALID_INPUT};

    #[test]
    fn a_panic_becomes_a_code() {
        let mut error = ptr::null_mut();
        // SAFETY: the pointer is that of a variable.
        let status = unsafe { call(&mut error, || panic!("canary")) };
        assert_eq!(status, EMNIFY_ERR_INTERNAL);
        // SAFETY: `call` made it.
        let error = unsafe { Box::from_raw(error) };
        assert_eq!(error.code(), EMNIFY_ERR_INTERNAL);
        assert!(!error.message().to_str().unwrap().contains("canary"));
        assert_eq!(infallible(7, || panic!("a fault")), 7);
    }

    #[test]
    fn the_error_may_be_ignored() {
        // SAFETY: NULL is allowed.
        let status = unsafe { call(ptr::null_mut(), || Err(emnify_error::null("client"))) };
        assert_eq!(status, EMNIFY_ERR_INVALID_INPUT);
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { call(ptr::null_mut(), || Ok(())) }, EMNIFY_OK);
    }

    #[test]
    fn a_success_does_not_change_the_error() {
        let mut error = ptr::dangling_mut();
        // SAFETY: the pointer is that of a variable.
        unsafe { call(&mut error, || Ok(())) };
        assert_eq!(error, ptr::dangling_mut());
    }
}
