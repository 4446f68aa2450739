//! The properties of an application token, and the calls that update and revoke one by its id.

use std::ffi::{CString, c_char};
use std::ptr;

use emnify_core::{ApplicationTokenStatus, ApplicationTokenUpdate, AuditedToken};

use super::findings;
use crate::boundary::{c_text, call, emnify_error, pointer, read, text, unix_seconds};
use crate::client::{emnify_client, usable};

/// Status of an application token: it works until it expires.
pub const EMNIFY_TOKEN_ACTIVATED: i64 = 0;
/// Status of an application token: it is permanently refused.
pub const EMNIFY_TOKEN_REVOKED: i64 = 1;
/// Status of an application token: the server did not send it.
pub const EMNIFY_TOKEN_STATUS_UNKNOWN: i64 = -1;

/// An application token's properties, without its value, which is shown only when it is created.
/// Borrowed from a list, or returned by emnify_token_own(); then free it with emnify_token_free().
pub struct emnify_token {
    id: u64,
    description: Option<CString>,
    status: i64,
    created_at: i64,
    expiry_date: Option<CString>,
    ip: Option<CString>,
    creator: Option<CString>,
    pub(super) findings: u32,
}

/// Returns the token's id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_id(token: *const emnify_token) -> u64 {
    // SAFETY: the contract.
    unsafe { read(token, 0, |token| token.id) }
}

/// Returns the token's label. NULL if it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_description(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.description.as_ref())) }
}

/// Returns the token's status: EMNIFY_TOKEN_ACTIVATED, EMNIFY_TOKEN_REVOKED,
/// EMNIFY_TOKEN_STATUS_UNKNOWN (also for NULL), or a number that this version does not know. An
/// expired token may still be activated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_status(token: *const emnify_token) -> i64 {
    // SAFETY: the contract.
    unsafe { read(token, EMNIFY_TOKEN_STATUS_UNKNOWN, |token| token.status) }
}

/// Returns when the token was created, in seconds of Unix time; 0 if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_created_at(token: *const emnify_token) -> i64 {
    // SAFETY: the contract.
    unsafe { read(token, 0, |token| token.created_at) }
}

/// Returns when the token expires, as the server wrote it: a date, which means 00:00 UTC on that
/// day, or a time. NULL if it does not expire. emnify_token_findings() tells whether the token has
/// expired or expires soon.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_expiry_date(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.expiry_date.as_ref())) }
}

/// Returns the address or range that may use the token. NULL: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_ip(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.ip.as_ref())) }
}

/// Returns the name of the user who created the token. NULL if it is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_creator(token: *const emnify_token) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(token, ptr::null(), |token| pointer(token.creator.as_ref())) }
}

/// Sets the label of the application token `id` to `description`: at most 1,024 bytes, without
/// control characters. Fails with EMNIFY_ERR_NOT_FOUND if there is no such token. Blocks.
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

/// Permanently revokes the application token `id`. Auth tokens obtained with it stay valid until
/// they expire. Revoking a revoked token succeeds. Fails with EMNIFY_ERR_NOT_FOUND if there is no
/// such token. Blocks.
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
    pub(super) fn new(AuditedToken { token, findings, .. }: &AuditedToken) -> Self {
        emnify_token {
            id: token.id(),
            description: token.description().map(c_text),
            status: token.status().map_or(EMNIFY_TOKEN_STATUS_UNKNOWN, number),
            created_at: token.created_at().map_or(0, unix_seconds),
            expiry_date: token.expiry_date().map(c_text),
            ip: token.ip().map(c_text),
            creator: token.creator().map(c_text),
            findings: findings::sum(findings),
        }
    }
}

fn number(status: ApplicationTokenStatus) -> i64 {
    match status {
        ApplicationTokenStatus::Activated => EMNIFY_TOKEN_ACTIVATED,
        ApplicationTokenStatus::Revoked => EMNIFY_TOKEN_REVOKED,
        ApplicationTokenStatus::Other(number) => number,
        // Added to the core, but not yet to this file.
        _ => EMNIFY_TOKEN_STATUS_UNKNOWN,
    }
}
