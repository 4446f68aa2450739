//! The functions of the error object that most programs need: getters, copy and free.

use std::ffi::c_char;
use std::ptr;

use super::call::read;
use super::failure::emnify_error;
use super::out::{free, new};
use super::time::milliseconds;
use crate::codes::EMNIFY_OK;

/// Returns the kind of the error, one of EMNIFY_ERR_...: the number that the call returned.
/// EMNIFY_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_code(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { read(error, EMNIFY_OK, |error| error.code) }
}

/// Returns what failed and what to do: one line for a person, without a line break. It never
/// contains a secret, the query of a URL or the raw body of a response, so it may be logged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_message(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(error, ptr::null(), |error| error.message.as_ptr()) }
}

/// Returns the HTTP status of the response, such as 403; 0 if there was no response.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_http_status(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.http_status) }
}

/// Returns how many milliseconds to wait before another attempt, if the server or this library sets
/// a wait; -1 if not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_retry_after_ms(error: *const emnify_error) -> i64 {
    // SAFETY: the contract.
    unsafe { read(error, -1, |error| milliseconds(error.retry_after)) }
}

/// Returns whether the same call may succeed later without a change. The failed call may still have
/// had an effect: the server may have processed a request that timed out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_is_retryable(error: *const emnify_error) -> bool {
    // SAFETY: the contract.
    unsafe { read(error, false, |error| error.retryable) }
}

/// Returns a copy of an error, to keep one that is borrowed. Free it with emnify_error_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_copy(error: *const emnify_error) -> *mut emnify_error {
    // SAFETY: the contract.
    unsafe { read(error, ptr::null_mut(), |error| new(error.clone())) }
}

/// Frees an error and all strings borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_free(error: *mut emnify_error) {
    // SAFETY: the contract.
    unsafe { free(error) }
}
