//! Reads application tokens with what an audit finds about them. A list owns its rows, so that C
//! frees only the list.

use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

use emnify_core::{AuditOptions, Finding};

use super::token::emnify_token;
use crate::boundary::options::{self, Options};
use crate::boundary::{Out, Result, call, emnify_error, free, read};
use crate::client::{emnify_client, produce, usable};

/// Thresholds for EMNIFY_FINDING_EXPIRES_SOON, _OLD and _REFUSED_LATELY.
///
/// Initialise it with EMNIFY_LIST_OPTIONS_INIT, which sets `size`: see "Options" above.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_list_options {
    /// sizeof(emnify_list_options) in the header that the program was built with.
    pub size: usize,
    /// A token that expires within this many seconds gets EMNIFY_FINDING_EXPIRES_SOON. 0: 30 days.
    pub expires_within_s: u64,
    /// A token that was created more than this many seconds ago gets EMNIFY_FINDING_OLD. 0: 365
    /// days.
    pub older_than_s: u64,
    /// A token with which a sign-in was refused within this many seconds gets
    /// EMNIFY_FINDING_REFUSED_LATELY. It takes another call, for emnify's events; if that
    /// fails, there is the event EMNIFY_EVENT_AUDIT_INCOMPLETE. 0: refused sign-ins are not read.
    pub refused_within_s: u64,
}

const _: () = assert!(
    offset_of!(emnify_list_options, refused_within_s) + size_of::<u64>()
        == size_of::<emnify_list_options>()
);

// SAFETY: it is laid out as in C, of numbers, and its last member ends it.
unsafe impl Options for emnify_list_options {
    const INIT: &'static str = "EMNIFY_LIST_OPTIONS_INIT";
}

/// A list of application tokens, as they were when it was read.
///
/// Created by emnify_token_list(); free it with emnify_token_list_free().
pub struct emnify_tokens(Vec<emnify_token>);

/// Reads all application tokens of the workspace, also expired and revoked ones, into `*list`, and
/// checks each for risks: see emnify_token_findings(). `options` may be NULL. Fails with
/// EMNIFY_ERR_FORBIDDEN if the credentials are not allowed to read them. Blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list(
    client: *const emnify_client,
    options: *const emnify_list_options,
    list: *mut *mut emnify_tokens,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract; `size` says how many bytes there are.
        let options = unsafe { list_options(options) }?;
        let rows = client.core.application_tokens().audit(&options)?;
        Ok(emnify_tokens(rows.iter().map(emnify_token::new).collect()))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("list", list), error, body) }
}

/// Returns the number of application tokens in the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_size(list: *const emnify_tokens) -> usize {
    // SAFETY: the contract.
    unsafe { read(list, 0, |list| list.0.len()) }
}

/// Returns the application token at `index`, counted from 0, in the server's order. Borrowed from
/// `list`. NULL if `index` is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_at(
    list: *const emnify_tokens,
    index: usize,
) -> *const emnify_token {
    // SAFETY: the contract.
    unsafe { read(list, ptr::null(), |list| list.0.get(index).map_or(ptr::null(), ptr::from_ref)) }
}

/// Frees a list and everything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_free(list: *mut emnify_tokens) {
    // SAFETY: the contract.
    unsafe { free(list) }
}

/// Reads the properties of the application token that `client` signs in with, such as its
/// description and expiry, into `*token`; free it with emnify_token_free(). `*token` is set to NULL
/// if the auth token does not contain the application token's id, for example with user
/// credentials. Fails like emnify_token_list(). Blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_own(
    client: *const emnify_client,
    token: *mut *mut emnify_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { usable(client) }?;
        // SAFETY: the contract.
        let out = unsafe { Out::new("token", token) }?;
        // SAFETY: NULL is allowed.
        let options = unsafe { list_options(ptr::null()) }?;
        let rows = client.core.application_tokens().audit(&options)?;
        let own = rows.iter().find(|row| row.findings.contains(&Finding::Own));
        out.give_optional(own.map(emnify_token::new));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Frees the application token that emnify_token_own() returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_free(token: *mut emnify_token) {
    // SAFETY: the contract.
    unsafe { free(token) }
}

/// Returns the options for the core.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` member says.
unsafe fn list_options(options: *const emnify_list_options) -> Result<AuditOptions> {
    let mut audit = AuditOptions::new().refused_within(Duration::ZERO);
    // SAFETY: guaranteed by the caller.
    let Some(options) = (unsafe { options::copy(options) })? else { return Ok(audit) };
    if options.expires_within_s > 0 {
        audit = audit.expires_within(Duration::from_secs(options.expires_within_s));
    }
    if options.older_than_s > 0 {
        audit = audit.older_than(Duration::from_secs(options.older_than_s));
    }
    Ok(audit.refused_within(Duration::from_secs(options.refused_within_s)))
}
