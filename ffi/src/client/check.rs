//! Checks what a client needs. The results own their texts, so that C frees only the whole.

use std::ffi::{CString, c_char};
use std::ptr;

use emnify_core::{Check, CheckOptions, Verdict};

use super::client::{emnify_client, produce};
use crate::boundary::{c_text, emnify_error, free, pointer, read};

/// Result of a check: it was not checked, because it was not asked for, does not apply, or needs a
/// check that failed.
pub const EMNIFY_CHECK_SKIPPED: i32 = 0;
/// Result of a check: in order.
pub const EMNIFY_CHECK_OK: i32 = 1;
/// Result of a check: it works, but needs attention.
pub const EMNIFY_CHECK_WARNING: i32 = 2;
/// Result of a check: it does not work.
pub const EMNIFY_CHECK_FAILED: i32 = 3;

/// The results of emnify_client_check().
///
/// Free them with emnify_checks_free().
pub struct emnify_checks(Vec<emnify_check>);

/// One check: what was tried, what was found, and what to do. It contains no secret.
pub struct emnify_check {
    verdict: i32,
    subject: CString,
    tried: CString,
    found: CString,
    advice: Option<CString>,
}

/// Checks what `client` needs: the environment variables, the lookup of names, the proxy, the
/// connection, the clock, the certificate, the credential, where it may be used from, its rights,
/// and the store. Writes one result for each to `*checks`, in this order. Blocks, for the timeout
/// at most.
///
/// It makes a request without credentials, signs in unless a cached auth token is valid, and reads
/// the list of application tokens, and the refused sign-ins if the application token is limited to
/// an address. It writes an entry to the store and removes it. `rights`: whether to check the right
/// to revoke application tokens, which a rotation needs. This writes to emnify: it sets the
/// description of the client's application token to what it is.
///
/// A failed check is a result, not an error. Fails only with EMNIFY_ERR_CANCELLED,
/// EMNIFY_ERR_INVALID_INPUT and EMNIFY_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_check(
    client: *const emnify_client,
    rights: bool,
    checks: *mut *mut emnify_checks,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        let checks = client.core.check(CheckOptions::new().rights(rights))?;
        Ok(emnify_checks(checks.iter().map(emnify_check::new).collect()))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("checks", checks), error, body) }
}

/// Returns the number of checks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_checks_size(checks: *const emnify_checks) -> usize {
    // SAFETY: the contract.
    unsafe { read(checks, 0, |checks| checks.0.len()) }
}

/// Returns the check at `index`, counted from 0. Borrowed from `checks`. NULL if `index` is too
/// large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_checks_at(
    checks: *const emnify_checks,
    index: usize,
) -> *const emnify_check {
    // SAFETY: the contract.
    unsafe {
        read(checks, ptr::null(), |checks| checks.0.get(index).map_or(ptr::null(), ptr::from_ref))
    }
}

/// Returns the result: one of EMNIFY_CHECK_..., a greater number for a more serious one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_check_verdict(check: *const emnify_check) -> i32 {
    // SAFETY: the contract.
    unsafe { read(check, EMNIFY_CHECK_SKIPPED, |check| check.verdict) }
}

/// Returns what was checked: "environment", "dns", "proxy", "connection", "clock", "tls",
/// "credential", "address", "rights" or "store".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_check_subject(check: *const emnify_check) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(check, ptr::null(), |check| check.subject.as_ptr()) }
}

/// Returns what was tried, for a person.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_check_tried(check: *const emnify_check) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(check, ptr::null(), |check| check.tried.as_ptr()) }
}

/// Returns what was found, for a person.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_check_found(check: *const emnify_check) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(check, ptr::null(), |check| check.found.as_ptr()) }
}

/// Returns what to do, for a person; NULL if there is nothing to do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_check_advice(check: *const emnify_check) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(check, ptr::null(), |check| pointer(check.advice.as_ref())) }
}

/// Frees the results and everything borrowed from them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_checks_free(checks: *mut emnify_checks) {
    // SAFETY: the contract.
    unsafe { free(checks) }
}

impl emnify_check {
    fn new(check: &Check) -> Self {
        emnify_check {
            verdict: match check.verdict {
                Verdict::Skipped => EMNIFY_CHECK_SKIPPED,
                Verdict::Ok => EMNIFY_CHECK_OK,
                Verdict::Warning => EMNIFY_CHECK_WARNING,
                // Also what was added to the core, but not yet to this file.
                _ => EMNIFY_CHECK_FAILED,
            },
            subject: c_text(&check.subject.to_string()),
            tried: c_text(&check.tried),
            found: c_text(&check.found),
            advice: check.advice.as_deref().map(c_text),
        }
    }
}
