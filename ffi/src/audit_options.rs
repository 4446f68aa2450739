//! From when on an application token is worth a word, in a structure that C fills in.

use std::mem::{offset_of, size_of};
use std::time::Duration;

use emnify_core::AuditOptions;

use crate::boundary::Outcome;
use crate::options::{self, Options};

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

/// Reads the options.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells.
pub(crate) unsafe fn audit_options(options: *const emnify_audit_options) -> Outcome<AuditOptions> {
    let mut audit = AuditOptions::new();
    // SAFETY: as demanded of the caller.
    let Some(options) = (unsafe { options::read(options) })? else { return Ok(audit) };
    if options.expires_within_s > 0 {
        audit = audit.expires_within(Duration::from_secs(options.expires_within_s));
    }
    if options.older_than_s > 0 {
        audit = audit.older_than(Duration::from_secs(options.older_than_s));
    }
    Ok(audit)
}
