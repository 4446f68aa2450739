//! What C reads of an error object, and how it copies and frees one.

use std::ffi::c_char;
use std::ptr;

use super::call::read;
use super::failure::emnify_error;
use super::out::{free, new};
use super::strings::pointer;
use super::time::milliseconds;
use crate::codes::{EMNIFY_OK, EMNIFY_ROTATION_NONE};

/// Which kind of error it is: one of the constants EMNIFY_ERR_..., the same as the call returned.
/// EMNIFY_OK if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_code(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { read(error, EMNIFY_OK, |error| error.code) }
}

/// What happened and what to do about it: one line for a person, UTF-8, without a line break. It
/// never holds a secret, the query of a URL or the raw body of an answer, so it may go into a log.
///
/// Borrowed from `error`. NULL if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_message(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(error, ptr::null(), |error| error.message.as_ptr()) }
}

/// The HTTP status of the answer, such as 403; 0 where there was no answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_http_status(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.http_status) }
}

/// How many milliseconds to wait before another attempt, where the server or this library says so;
/// -1 where neither does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_retry_after_ms(error: *const emnify_error) -> i64 {
    // SAFETY: the contract.
    unsafe { read(error, -1, |error| milliseconds(error.retry_after)) }
}

/// Whether the same call may succeed later with nothing changed. It does not say that the call had
/// no effect: a request that timed out may have been carried out. False if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_is_retryable(error: *const emnify_error) -> bool {
    // SAFETY: the contract.
    unsafe { read(error, false, |error| error.retryable) }
}

/// The state that a rotation stopped in, and goes on from when emnify_token_rotate() is called
/// again: one of the constants EMNIFY_ROTATION_.... EMNIFY_ROTATION_NONE where it is not about a
/// rotation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_rotation_state(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { read(error, EMNIFY_ROTATION_NONE, |error| error.rotation_state) }
}

/// emnify's own number for the error, such as 1400; 0 where the answer had none. It need not agree
/// with the HTTP status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_code(error: *const emnify_error) -> i64 {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.api.as_ref().map_or(0, |api| api.code)) }
}

/// emnify's own name for the error, such as "InputValidationFailed".
///
/// Borrowed from `error`. NULL where the answer had none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_name(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        read(error, ptr::null(), |error| {
            pointer(error.api.as_ref().and_then(|api| api.name.as_ref()))
        })
    }
}

/// emnify's own sentence about the error. emnify_error_message() has it already, with more.
///
/// Borrowed from `error`. NULL where the answer had none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_message(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        read(error, ptr::null(), |error| {
            pointer(error.api.as_ref().and_then(|api| api.message.as_ref()))
        })
    }
}

/// How many messages are nested in emnify's error: one for each field that it found fault with.
/// What is nested more deeply follows what it is nested in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_size(error: *const emnify_error) -> usize {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.nested.len()) }
}

/// The number of the nested message at `index`, counted from 0; 0 where it has none or there is no
/// such message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_code(error: *const emnify_error, index: usize) -> i64 {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.nested.get(index).map_or(0, |nested| nested.code)) }
}

/// The name of the nested message at `index`, such as "Required".
///
/// Borrowed from `error`. NULL where it has none or there is no such message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_name(
    error: *const emnify_error,
    index: usize,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        read(error, ptr::null(), |error| {
            pointer(error.nested.get(index).and_then(|nested| nested.name.as_ref()))
        })
    }
}

/// The sentence of the nested message at `index`.
///
/// Borrowed from `error`. NULL where it has none or there is no such message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_message(
    error: *const emnify_error,
    index: usize,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        read(error, ptr::null(), |error| {
            pointer(error.nested.get(index).and_then(|nested| nested.message.as_ref()))
        })
    }
}

/// An error of your own that says the same, to keep what is only borrowed. Free it with
/// emnify_error_free(). NULL if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_copy(error: *const emnify_error) -> *mut emnify_error {
    // SAFETY: the contract.
    unsafe { read(error, ptr::null_mut(), |error| new(error.clone())) }
}

/// Frees an error, and with it every string that was borrowed from it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_free(error: *mut emnify_error) {
    // SAFETY: the contract.
    unsafe { free(error) }
}
