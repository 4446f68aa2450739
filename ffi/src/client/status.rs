//! How a client's session stands: a snapshot for health checks and for people who look.

use std::ptr;

use emnify_core::Status;

use super::client::emnify_client;
use crate::boundary::{Out, call, emnify_error, free, milliseconds, needed, read, unix_seconds};

/// How a client's session stood when emnify_status_new() was called; not to be confused with the
/// status that calls return. It holds no secret.
///
/// Owned by the caller, freed with emnify_status_free(). It may outlive its client. Any thread may
/// read it.
pub struct emnify_status {
    signed_in: bool,
    valid_until: i64,
    next_attempt_ms: i64,
    last_error: Option<Box<emnify_error>>,
    calls_made: u64,
    calls_saved: u64,
    last_change: i64,
}

/// Looks how the session of `client` stands and gives that to the caller in `*status`. Nothing is
/// sent and nothing is waited for. Any thread.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT where `client` or `status` is NULL.
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

/// Whether there is an auth token that is valid now. False if `status` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_signed_in(status: *const emnify_status) -> bool {
    // SAFETY: the contract.
    unsafe { read(status, false, |status| status.signed_in) }
}

/// Until when that token is valid, in seconds of Unix time on this machine's clock, which
/// emnify_auth_token_expires_at() is not; 0 where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_valid_until(status: *const emnify_status) -> i64 {
    // SAFETY: the contract.
    unsafe { read(status, 0, |status| status.valid_until) }
}

/// How many milliseconds until the next attempt to sign in may be made, where attempts are held
/// back after a failure; -1 where they are not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_next_attempt_ms(status: *const emnify_status) -> i64 {
    // SAFETY: the contract.
    unsafe { read(status, -1, |status| status.next_attempt_ms) }
}

/// Why the last attempt to sign in failed, until one succeeds.
///
/// Borrowed from `status`; emnify_error_copy() makes one of your own. NULL if it did not fail.
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

/// How many requests this client has sent in order to sign in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_calls_made(status: *const emnify_status) -> u64 {
    // SAFETY: the contract.
    unsafe { read(status, 0, |status| status.calls_made) }
}

/// How many auth tokens this client has handed out without a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_calls_saved(status: *const emnify_status) -> u64 {
    // SAFETY: the contract.
    unsafe { read(status, 0, |status| status.calls_saved) }
}

/// When an attempt to sign in last succeeded or failed, in seconds of Unix time on this machine's
/// clock; 0 where there was none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_last_change(status: *const emnify_status) -> i64 {
    // SAFETY: the contract.
    unsafe { read(status, 0, |status| status.last_change) }
}

/// Frees a status, and with it the error that was borrowed from it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_status_free(status: *mut emnify_status) {
    // SAFETY: the contract.
    unsafe { free(status) }
}

impl emnify_status {
    fn new(status: Status) -> Self {
        emnify_status {
            signed_in: status.signed_in,
            valid_until: status.valid_until.map_or(0, unix_seconds),
            next_attempt_ms: milliseconds(status.next_attempt),
            last_error: status.last_error.map(Into::into),
            calls_made: status.calls_made,
            calls_saved: status.calls_saved,
            last_change: status.last_change.map_or(0, unix_seconds),
        }
    }
}
