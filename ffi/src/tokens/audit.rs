//! The list of application tokens, judged.

use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

use emnify_core::{AuditOptions, AuditedToken, Finding};

use super::token::emnify_token;
use crate::boundary::options::{self, Options};
use crate::boundary::{Result, emnify_error, free, read};
use crate::client::{emnify_client, produce};

/// From when on an application token is worth a word.
///
/// Start from EMNIFY_AUDIT_OPTIONS_INIT, which sets `size`: later versions add members at the end,
/// and a program that was built with this one goes on working.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_audit_options {
    /// sizeof(emnify_audit_options).
    pub size: usize,
    /// What expires within so many seconds gets EMNIFY_FINDING_EXPIRES_SOON. 0: 30 days.
    pub expires_within_s: u64,
    /// What was created longer than so many seconds ago gets EMNIFY_FINDING_OLD. 0: 365 days.
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

/// A finding: it is the application token that the client signs in with, as far as its auth token
/// tells.
pub const EMNIFY_FINDING_OWN: u32 = 1;
/// A finding: it was revoked. Nothing else but EMNIFY_FINDING_OWN is said of such a one.
pub const EMNIFY_FINDING_REVOKED: u32 = 2;
/// A finding: it has expired. Nothing else but EMNIFY_FINDING_OWN is said of such a one.
pub const EMNIFY_FINDING_EXPIRED: u32 = 4;
/// A finding: a rotation made it and did not finish. That goes on with it, or revokes it, when it is
/// called next. Where nobody will do so, revoke it.
pub const EMNIFY_FINDING_ORPHAN: u32 = 8;
/// A finding: it expires within the time that was asked for.
pub const EMNIFY_FINDING_EXPIRES_SOON: u32 = 16;
/// A finding: it never expires, so that a stolen one works until somebody notices.
pub const EMNIFY_FINDING_NO_EXPIRY: u32 = 32;
/// A finding: it may be used from any address.
pub const EMNIFY_FINDING_NO_ADDRESS_RESTRICTION: u32 = 64;
/// A finding: it was created longer ago than was asked for, and should be rotated.
pub const EMNIFY_FINDING_OLD: u32 = 128;
/// A finding: it has an expiry date that this library cannot read. Look at it with
/// emnify_token_expiry_date().
pub const EMNIFY_FINDING_UNREADABLE_EXPIRY: u32 = 256;

/// The application tokens of a workspace, each with what there is to say against it.
///
/// Made by emnify_token_audit(), owned by the caller, freed with emnify_audit_free(). It may outlive
/// its client. Any thread may read it.
pub struct emnify_audit(Vec<(emnify_token, u32)>);

/// Judges all application tokens of the workspace, and gives the outcome to the caller in `*audit`.
/// Nothing is changed. `options` may be NULL: the default of each.
///
/// Takes at most the configured timeout. Any thread. Fails with EMNIFY_ERR_INVALID_INPUT before
/// anything was sent, and besides as emnify_token_list() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_audit(
    client: *const emnify_client,
    options: *const emnify_audit_options,
    audit: *mut *mut emnify_audit,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract, by which `size` tells how much is there.
        let options = unsafe { audit_options(options) }?;
        let audited = client.core.application_tokens().audit(&options)?;
        Ok(emnify_audit(audited.iter().map(row).collect()))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("audit", audit), error, body) }
}

/// How many application tokens there are; 0 if `audit` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_audit_size(audit: *const emnify_audit) -> usize {
    // SAFETY: the contract.
    unsafe { read(audit, 0, |audit| audit.0.len()) }
}

/// The application token at `index`, counted from 0, in the server's order.
///
/// Borrowed from `audit`. NULL if there are not so many.
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

/// What was found at the application token at `index`: a sum of the constants EMNIFY_FINDING_....
/// 0, a good answer, where it is nothing; also where there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_audit_findings(audit: *const emnify_audit, index: usize) -> u32 {
    // SAFETY: the contract.
    unsafe { read(audit, 0, |audit| audit.0.get(index).map_or(0, |(_, findings)| *findings)) }
}

/// Frees an audit with all that was borrowed from it. NULL is allowed.
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
        // One that the core has and this file does not know yet.
        _ => 0,
    }
}

/// Reads the options.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells.
pub(crate) unsafe fn audit_options(options: *const emnify_audit_options) -> Result<AuditOptions> {
    let mut audit = AuditOptions::new();
    // SAFETY: as demanded of the caller.
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
    fn the_bits_stay_what_they_are() {
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
