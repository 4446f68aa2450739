//! The audit: the list of application tokens with the findings for each.

use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

use emnify_core::{AuditOptions, AuditedToken, Finding};

use super::token::emnify_token;
use crate::boundary::options::{self, Options};
use crate::boundary::{Result, emnify_error, free, read};
use crate::client::{emnify_client, produce};

/// Audit thresholds.
///
/// Initialise it with EMNIFY_AUDIT_OPTIONS_INIT, which sets `size`: see "Options" above.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_audit_options {
    /// sizeof(emnify_audit_options).
    pub size: usize,
    /// A token that expires within this many seconds gets EMNIFY_FINDING_EXPIRES_SOON. 0: 30 days.
    pub expires_within_s: u64,
    /// A token that was created more than this many seconds ago gets EMNIFY_FINDING_OLD. 0: 365
    /// days.
    pub older_than_s: u64,
}

const _: () = assert!(
    offset_of!(emnify_audit_options, older_than_s) + size_of::<u64>()
        == size_of::<emnify_audit_options>()
);

// SAFETY: it is laid out as in C, of numbers, and its last member ends it.
unsafe impl Options for emnify_audit_options {
    const INIT: &'static str = "EMNIFY_AUDIT_OPTIONS_INIT";
}

/// Finding: the client signs in with this token, according to its auth token.
pub const EMNIFY_FINDING_OWN: u32 = 1;
/// Finding: the token is revoked. It gets no other finding except EMNIFY_FINDING_OWN.
pub const EMNIFY_FINDING_REVOKED: u32 = 2;
/// Finding: the token has expired. It gets no other finding except EMNIFY_FINDING_OWN.
pub const EMNIFY_FINDING_EXPIRED: u32 = 4;
/// Finding: an unfinished rotation created the token. The next emnify_token_rotate() uses or
/// revokes it. If that rotation will not be continued, revoke the token.
pub const EMNIFY_FINDING_ORPHAN: u32 = 8;
/// Finding: the token expires within `expires_within_s`.
pub const EMNIFY_FINDING_EXPIRES_SOON: u32 = 16;
/// Finding: the token never expires, so a stolen one works until it is revoked.
pub const EMNIFY_FINDING_NO_EXPIRY: u32 = 32;
/// Finding: the token may be used from any address.
pub const EMNIFY_FINDING_NO_ADDRESS_RESTRICTION: u32 = 64;
/// Finding: the token is older than `older_than_s` and should be rotated.
pub const EMNIFY_FINDING_OLD: u32 = 128;
/// Finding: this library cannot parse the token's expiry date. Read it with
/// emnify_token_expiry_date().
pub const EMNIFY_FINDING_UNREADABLE_EXPIRY: u32 = 256;

/// The application tokens of a workspace, each with its findings.
///
/// Created by emnify_token_audit(); free it with emnify_audit_free().
pub struct emnify_audit(Vec<(emnify_token, u32)>);

/// Reads all application tokens of the workspace and checks each for risks. The result is written
/// to `*audit`; nothing is changed. `options` may be NULL. Fails like emnify_token_list(). Blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_audit(
    client: *const emnify_client,
    options: *const emnify_audit_options,
    audit: *mut *mut emnify_audit,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract; `size` says how many bytes there are.
        let options = unsafe { audit_options(options) }?;
        let audited = client.core.application_tokens().audit(&options)?;
        Ok(emnify_audit(audited.iter().map(row).collect()))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("audit", audit), error, body) }
}

/// Returns the number of application tokens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_audit_size(audit: *const emnify_audit) -> usize {
    // SAFETY: the contract.
    unsafe { read(audit, 0, |audit| audit.0.len()) }
}

/// Returns the application token at `index`, counted from 0, in the server's order. Borrowed from
/// `audit`. NULL if `index` is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_audit_token(
    audit: *const emnify_audit,
    index: usize,
) -> *const emnify_token {
    // SAFETY: the contract.
    unsafe {
        read(audit, ptr::null(), |audit| {
            audit.0.get(index).map_or(ptr::null(), |(token, _)| ptr::from_ref(token))
        })
    }
}

/// Returns the findings for the application token at `index`: a sum of EMNIFY_FINDING_...
/// constants. 0 if nothing was found or `index` is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_audit_findings(audit: *const emnify_audit, index: usize) -> u32 {
    // SAFETY: the contract.
    unsafe { read(audit, 0, |audit| audit.0.get(index).map_or(0, |(_, findings)| *findings)) }
}

/// Frees an audit and everything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_audit_free(audit: *mut emnify_audit) {
    // SAFETY: the contract.
    unsafe { free(audit) }
}

fn row(audited: &AuditedToken) -> (emnify_token, u32) {
    let findings = audited.findings.iter().fold(0, |bits, finding| bits | bit(*finding));
    (emnify_token::new(&audited.token), findings)
}

fn bit(finding: Finding) -> u32 {
    match finding {
        Finding::Own => EMNIFY_FINDING_OWN,
        Finding::Revoked => EMNIFY_FINDING_REVOKED,
        Finding::Expired => EMNIFY_FINDING_EXPIRED,
        Finding::Orphan => EMNIFY_FINDING_ORPHAN,
        Finding::ExpiresSoon => EMNIFY_FINDING_EXPIRES_SOON,
        Finding::NoExpiry => EMNIFY_FINDING_NO_EXPIRY,
        Finding::NoAddressRestriction => EMNIFY_FINDING_NO_ADDRESS_RESTRICTION,
        Finding::Old => EMNIFY_FINDING_OLD,
        Finding::UnreadableExpiry => EMNIFY_FINDING_UNREADABLE_EXPIRY,
        // Added to the core, but not yet to this file.
        _ => 0,
    }
}

/// Returns the options for the core.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` member says.
pub(crate) unsafe fn audit_options(options: *const emnify_audit_options) -> Result<AuditOptions> {
    let mut audit = AuditOptions::new();
    // SAFETY: guaranteed by the caller.
    let Some(options) = (unsafe { options::copy(options) })? else { return Ok(audit) };
    if options.expires_within_s > 0 {
        audit = audit.expires_within(Duration::from_secs(options.expires_within_s));
    }
    if options.older_than_s > 0 {
        audit = audit.older_than(Duration::from_secs(options.older_than_s));
    }
    Ok(audit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_never_change() {
        use Finding::*;
        let all = [
            Own,
            Revoked,
            Expired,
            Orphan,
            ExpiresSoon,
            NoExpiry,
            NoAddressRestriction,
            Old,
            UnreadableExpiry,
        ];
        for (position, finding) in all.into_iter().enumerate() {
            assert_eq!(bit(finding), 1 << position, "{finding:?}");
        }
    }
}
