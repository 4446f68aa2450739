//! One application token: what the list tells about it, and the calls that change it by its id.

use std::ffi::{CString, c_char};
use std::ptr;

use emnify_core::{ApplicationToken, ApplicationTokenStatus, ApplicationTokenUpdate};

use crate::boundary::{c_text, call, emnify_error, pointer, read, text, unix_seconds};
use crate::client::{emnify_client, usable};

/// A status of an application token: it can be used until it expires.
pub const EMNIFY_TOKEN_ACTIVATED: i64 = 0;
/// A status of an application token: it is refused for good.
pub const EMNIFY_TOKEN_REVOKED: i64 = 1;
/// The server did not tell the status of an application token.
pub const EMNIFY_TOKEN_STATUS_UNKNOWN: i64 = -1;

/// What is known about an application token; never its value, which is shown only once. Borrowed
/// from its list or audit and freed with it.
pub struct emnify_token {
    id: u64,
    description: Option<CString>,
    status: i64,
    created_at: i64,
    expiry_date: Option<CString>,
    expires_at: i64,
    ip: Option<CString>,
    creator: Option<CString>,
}

/// The id by which it is updated and revoked; 0 if `token` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_id(token: *const emnify_token) -> u64 {
    // SAFETY: the contract.
    unsafe { read(token, 0, |token| token.id) }
}

/// Its label. NULL if it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_description(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.description.as_ref())) }
}

/// Its status: EMNIFY_TOKEN_ACTIVATED, EMNIFY_TOKEN_REVOKED, EMNIFY_TOKEN_STATUS_UNKNOWN, or a
/// number that this version does not know. One that expired may still be activated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_status(token: *const emnify_token) -> i64 {
    // SAFETY: the contract.
    unsafe { read(token, EMNIFY_TOKEN_STATUS_UNKNOWN, |token| token.status) }
}

/// When it was created, in seconds of Unix time; 0 if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_created_at(token: *const emnify_token) -> i64 {
    // SAFETY: the contract.
    unsafe { read(token, 0, |token| token.created_at) }
}

/// When it expires, as the server wrote it. NULL if it does not expire.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_expiry_date(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.expiry_date.as_ref())) }
}

/// When it expires, in seconds of Unix time; 0 if it does not, or if what the server wrote cannot
/// be read: emnify_token_expiry_date() tells these apart. A date without a time of day counts from
/// its first moment in UTC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_expires_at(token: *const emnify_token) -> i64 {
    // SAFETY: the contract.
    unsafe { read(token, 0, |token| token.expires_at) }
}

/// The address or range that it may be used from. NULL means any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_ip(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.ip.as_ref())) }
}

/// The name of the user who created it. NULL if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_creator(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.creator.as_ref())) }
}

/// Changes the label of the application token `id` to `description`: at most 1,024 bytes, no
/// control character.
///
/// Takes at most the configured timeout. Any thread. Fails with EMNIFY_ERR_INVALID_INPUT before
/// anything was sent, EMNIFY_ERR_NOT_FOUND where there is no such token, and besides as
/// emnify_authenticate() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_update(
    client: *const emnify_client,
    id: u64,
    description: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { usable(client) }?;
        // SAFETY: the contract.
        let description = unsafe { text("description", description) }?;
        let update = ApplicationTokenUpdate::new().description(description);
        Ok(client.core.application_tokens().update(id, &update)?)
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Revokes the application token `id` for good. Auth tokens that were obtained with it stay valid
/// until they expire. Revoking a revoked one is no error.
///
/// Takes at most the configured timeout. Any thread. Fails with EMNIFY_ERR_NOT_FOUND where there is
/// no such token, and besides as emnify_authenticate() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_revoke(
    client: *const emnify_client,
    id: u64,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { usable(client) }?;
        Ok(client.core.application_tokens().revoke(id)?)
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

impl emnify_token {
    pub(crate) fn new(token: &ApplicationToken) -> Self {
        emnify_token {
            id: token.id(),
            description: token.description().map(c_text),
            status: token.status().map_or(EMNIFY_TOKEN_STATUS_UNKNOWN, number),
            created_at: token.created_at().map_or(0, unix_seconds),
            expiry_date: token.expiry_date().map(c_text),
            expires_at: token.expires_at().map_or(0, unix_seconds),
            ip: token.ip().map(c_text),
            creator: token.creator().map(c_text),
        }
    }
}

fn number(status: ApplicationTokenStatus) -> i64 {
    match status {
        ApplicationTokenStatus::Activated => EMNIFY_TOKEN_ACTIVATED,
        ApplicationTokenStatus::Revoked => EMNIFY_TOKEN_REVOKED,
        ApplicationTokenStatus::Other(number) => number,
        // One that the core has a name for and this file does not know yet.
        _ => EMNIFY_TOKEN_STATUS_UNKNOWN,
    }
}
