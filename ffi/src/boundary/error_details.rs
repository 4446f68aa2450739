//! The functions of the error object that return the part that failed, emnify's own details, and the
//! state of a rotation.

use std::ffi::c_char;
use std::ptr;

use super::call::read;
use super::failure::emnify_error;
use super::strings::pointer;
use crate::codes::{EMNIFY_REASON_NONE, EMNIFY_ROTATION_NONE};

/// Returns which part of the exchange failed, one of EMNIFY_REASON_...: where to look first.
/// EMNIFY_REASON_NONE if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_reason(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { read(error, EMNIFY_REASON_NONE, |error| error.reason) }
}

/// Returns the state in which a rotation stopped, one of EMNIFY_ROTATION_.... The next
/// emnify_token_rotate() continues from it. EMNIFY_ROTATION_NONE if the error is not about a
/// rotation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_rotation_state(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { read(error, EMNIFY_ROTATION_NONE, |error| error.rotation_state) }
}

/// Returns emnify's number for the error, such as 1400; 0 if the response had none. It may disagree
/// with the HTTP status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_code(error: *const emnify_error) -> i64 {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.api.as_ref().map_or(0, |api| api.code)) }
}

/// Returns emnify's name for the error, such as "InputValidationFailed". NULL if the response had
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_name(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        read(error, ptr::null(), |error| {
            pointer(error.api.as_ref().and_then(|api| api.name.as_ref()))
        })
    }
}

/// Returns emnify's message, which emnify_error_message() also contains. NULL if the response had
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_message(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        read(error, ptr::null(), |error| {
            pointer(error.api.as_ref().and_then(|api| api.message.as_ref()))
        })
    }
}

/// Returns the number of details in emnify's error object, usually one for each invalid field. The
/// list is flat: the details of a detail follow it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_size(error: *const emnify_error) -> usize {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.nested.len()) }
}

/// Returns the number of the detail at `index`, counted from 0. 0 if it has none or `index` is too
/// large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_code(error: *const emnify_error, index: usize) -> i64 {
    // SAFETY: the contract.
    unsafe { read(error, 0, |error| error.nested.get(index).map_or(0, |nested| nested.code)) }
}

/// Returns the name of the detail at `index`, such as "Required". NULL if it has none or `index` is
/// too large.
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

/// Returns the message of the detail at `index`. NULL if it has none or `index` is too large.
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
