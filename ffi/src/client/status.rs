//! The status of a client's session: a snapshot for health checks, and metrics for monitoring.

use std::ffi::c_char;
use std::ptr;

use emnify_core::Status;

use super::client::emnify_client;
use crate::boundary::{
    Buffer, Out, call, emnify_error, free, milliseconds, needed, read, unix_seconds,
};

/// A snapshot of a client's session, for health checks. It contains no secret. Not to be confused
/// with the status codes that calls return.
///
/// Created by emnify_status_new(); free it with emnify_status_free().
pub struct emnify_status {
    signed_in: bool,
    valid_until: i64,
    next_attempt_ms: i64,
    last_error: Option<Box<emnify_error>>,
    calls_made: u64,
    last_change: i64,
}

/// Writes the current state of the session of `client` to `*status`. Makes no request and does not
/// wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_new(
    client: *const emnify_client,
    status: *mut *mut emnify_status,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { needed("client", client) }?;
        // SAFETY: the contract.
        let out = unsafe { Out::new("status", status) }?;
        out.give(emnify_status::new(client.core.status()));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Returns whether the client has an auth token that is valid now and was not reported by
/// emnify_invalidate().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_signed_in(status: *const emnify_status) -> bool {
    // SAFETY: the contract.
    unsafe { read(status, false, |status| status.signed_in) }
}

/// Returns when that auth token expires, in seconds of Unix time on this machine's clock (unlike
/// emnify_auth_token_expires_at()); 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_valid_until(status: *const emnify_status) -> i64 {
    // SAFETY: the contract.
    unsafe { read(status, 0, |status| status.valid_until) }
}

/// Returns how many milliseconds until the next attempt to sign in, while the client is backing
/// off; -1 if it is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_next_attempt_ms(status: *const emnify_status) -> i64 {
    // SAFETY: the contract.
    unsafe { read(status, -1, |status| status.next_attempt_ms) }
}

/// Returns the error of the last attempt to sign in, borrowed from `status`; NULL if it succeeded
/// or there was no attempt. emnify_error_copy() copies it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_last_error(
    status: *const emnify_status,
) -> *const emnify_error {
    // SAFETY: the contract.
    unsafe {
        read(status, ptr::null(), |status| {
            status.last_error.as_deref().map_or(ptr::null(), ptr::from_ref)
        })
    }
}

/// Returns how many requests this client has sent to sign in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_calls_made(status: *const emnify_status) -> u64 {
    // SAFETY: the contract.
    unsafe { read(status, 0, |status| status.calls_made) }
}

/// Returns when an attempt to sign in last succeeded or failed, in seconds of Unix time on this
/// machine's clock; 0 if there was no attempt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_last_change(status: *const emnify_status) -> i64 {
    // SAFETY: the contract.
    unsafe { read(status, 0, |status| status.last_change) }
}

/// Frees a status and the error borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_free(status: *mut emnify_status) {
    // SAFETY: the contract.
    unsafe { free(status) }
}

/// Writes metrics in the OpenMetrics text format for Prometheus, and a NUL, to the `capacity` bytes
/// at `buffer`: when the auth token and the application token expire, sign-ins, their failures by
/// kind, the back-off, and when the session in the store was written. They contain no secret.
/// Makes no request, does not wait, and calls none of your functions.
///
/// `length` and a buffer that is too small are as for emnify_authorization_header(). 8,192 bytes are
/// enough at present.
///
/// If the application token itself does not show when it expires, a renewal in the background looks
/// that up in the list, once a day from the first call on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_metrics(
    client: *const emnify_client,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { needed("client", client) }?;
        // SAFETY: the contract.
        unsafe { Buffer::new(buffer, capacity, length) }?.fill(&[&client.core.metrics()])
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

impl emnify_status {
    fn new(status: Status) -> Self {
        emnify_status {
            signed_in: status.signed_in,
            valid_until: status.valid_until.map_or(0, unix_seconds),
            next_attempt_ms: milliseconds(status.next_attempt),
            last_error: status.last_error.map(Into::into),
            calls_made: status.calls_made,
            last_change: status.last_change.map_or(0, unix_seconds),
        }
    }
}
