//! The sign-ins with application tokens that emnify refused. A list owns its entries, so that C frees
//! only the list.

use std::ffi::{CString, c_char};
use std::ptr;
use std::time::Duration;

use emnify_core::SignInFailure;

use crate::boundary::{c_text, emnify_error, free, pointer, read, unix_seconds};
use crate::client::{emnify_client, produce};

/// A sign-in with an application token that emnify refused. emnify describes it in a sentence; what
/// this library cannot parse is NULL or 0. Borrowed from a list.
pub struct emnify_failure {
    at: i64,
    description: CString,
    token_name: Option<CString>,
    token_ids: Vec<u64>,
    successor_id: u64,
    reason: Option<CString>,
    address: Option<CString>,
}

/// A list of refused sign-ins.
///
/// Created by emnify_token_failures(); free it with emnify_token_failures_free().
pub struct emnify_failures(Vec<emnify_failure>);

/// Reads into `*failures` which sign-ins with application tokens emnify refused, of all machines in
/// the workspace, the latest first: those of the last `since_s` seconds, counted on emnify's clock;
/// 0: all that emnify keeps, which are those of 30 days. After a rotation they tell which machines
/// still use the old token. At most 20 pages of 100 are read: if there are more, there is the event
/// EMNIFY_EVENT_AUDIT_INCOMPLETE, and those that are missing need not be the oldest. Fails with
/// EMNIFY_ERR_FORBIDDEN if the credentials are not allowed to read them. Blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_failures(
    client: *const emnify_client,
    since_s: u64,
    failures: *mut *mut emnify_failures,
    error: *mut *mut emnify_error,
) -> i32 {
    let since = if since_s == 0 { Duration::MAX } else { Duration::from_secs(since_s) };
    let body = |client: &emnify_client| {
        let found = client.core.application_tokens().failures(since)?;
        Ok(emnify_failures(found.iter().map(emnify_failure::new).collect()))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("failures", failures), error, body) }
}

/// Returns the number of refused sign-ins in the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_failures_size(failures: *const emnify_failures) -> usize {
    // SAFETY: the contract.
    unsafe { read(failures, 0, |failures| failures.0.len()) }
}

/// Returns the refused sign-in at `index`, counted from 0. Borrowed from `failures`. NULL if `index`
/// is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_failures_at(
    failures: *const emnify_failures,
    index: usize,
) -> *const emnify_failure {
    let at = |failures: &emnify_failures| failures.0.get(index).map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the contract.
    unsafe { read(failures, ptr::null(), at) }
}

/// Frees a list and everything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_failures_free(failures: *mut emnify_failures) {
    // SAFETY: the contract.
    unsafe { free(failures) }
}

/// Returns when the sign-in was refused, in seconds of Unix time; 0 if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_time(failure: *const emnify_failure) -> i64 {
    // SAFETY: the contract.
    unsafe { read(failure, 0, |failure| failure.at) }
}

/// Returns what emnify wrote about it, at most 500 characters, without control characters. NULL only
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_description(
    failure: *const emnify_failure,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(failure, ptr::null(), |failure| failure.description.as_ptr()) }
}

/// Returns the name of the application token: its description. NULL if it is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_token_name(
    failure: *const emnify_failure,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(failure, ptr::null(), |failure| pointer(failure.token_name.as_ref())) }
}

/// Returns how many application tokens it can have been: several if they have the same description,
/// 0 if no token has this name or the list of tokens cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_token_count(failure: *const emnify_failure) -> usize {
    // SAFETY: the contract.
    unsafe { read(failure, 0, |failure| failure.token_ids.len()) }
}

/// Returns the id of the application token at `index`, counted from 0; 0 if `index` is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_token_id(
    failure: *const emnify_failure,
    index: usize,
) -> u64 {
    // SAFETY: the contract.
    unsafe { read(failure, 0, |failure| failure.token_ids.get(index).copied().unwrap_or(0)) }
}

/// Returns the id of the application token that probably replaced the refused one: that one is
/// revoked, and this is the only active token with its description. 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_successor_id(failure: *const emnify_failure) -> u64 {
    // SAFETY: the contract.
    unsafe { read(failure, 0, |failure| failure.successor_id) }
}

/// Returns why emnify refused it, in its words, such as "TokenStatus Revoked". NULL if it is not
/// known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_reason(failure: *const emnify_failure) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(failure, ptr::null(), |failure| pointer(failure.reason.as_ref())) }
}

/// Returns the address from which the sign-in came. NULL if it is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_failure_address(failure: *const emnify_failure) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(failure, ptr::null(), |failure| pointer(failure.address.as_ref())) }
}

impl emnify_failure {
    fn new(failure: &SignInFailure) -> Self {
        emnify_failure {
            at: failure.at.map_or(0, unix_seconds),
            description: c_text(&failure.description),
            token_name: failure.token_name.as_deref().map(c_text),
            token_ids: failure.token_ids.clone(),
            successor_id: failure.successor_id.unwrap_or(0),
            reason: failure.reason.as_deref().map(c_text),
            address: failure.address.map(|address| c_text(&address.to_string())),
        }
    }
}
