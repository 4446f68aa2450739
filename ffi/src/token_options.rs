//! What a new application token shall be like, in a structure that C fills in.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};

use emnify_core::NewApplicationToken;

use crate::boundary::Outcome;
use crate::convert::optional_text;
use crate::options::{self, Options};

/// What a new application token shall be like. Everything is optional; an expiry and an address
/// limit what a stolen one is good for.
///
/// Start from EMNIFY_TOKEN_OPTIONS_INIT, which sets `size`: later versions add members at the end,
/// and a program that was built with this one goes on working. The strings are copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_token_options {
    /// sizeof(emnify_token_options).
    pub size: usize,
    /// A label: at most 1,024 bytes, no control character; or NULL.
    pub description: *const c_char,
    /// When it shall expire: a date such as "2027-05-29" (00:00 UTC on that day), or an instant in
    /// RFC 3339 such as "2027-05-29T18:30:00Z"; in the future; or NULL.
    pub expiry_date: *const c_char,
    /// The one address, or the range in CIDR notation, that it may be used from; IPv4 or IPv6; or
    /// NULL.
    pub ip: *const c_char,
    /// The expiry in seconds of Unix time; 0 where `expiry_date` says it. Not both. Messages call it
    /// expiry_date too.
    pub expires_at: i64,
}

const _: () = assert!(
    offset_of!(emnify_token_options, expires_at) + size_of::<i64>()
        == size_of::<emnify_token_options>()
);

// SAFETY: it is laid out as in C, of numbers and pointers, and its last member ends it.
unsafe impl Options for emnify_token_options {
    const INIT: &'static str = "EMNIFY_TOKEN_OPTIONS_INIT";
}

/// Reads the options.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells, and its strings are such.
pub(crate) unsafe fn new_token(
    options: *const emnify_token_options,
) -> Outcome<NewApplicationToken> {
    let mut new = NewApplicationToken::new();
    // SAFETY: as demanded of the caller.
    let Some(options) = (unsafe { options::read(options) })? else { return Ok(new) };
    // SAFETY: as demanded of the caller.
    if let Some(text) = unsafe { optional_text("description", options.description) }? {
        new = new.description(text);
    }
    // SAFETY: as demanded of the caller.
    if let Some(expiry) = unsafe { options::expiry(options.expiry_date, options.expires_at) }? {
        new = new.expiry_date(expiry);
    }
    // SAFETY: as demanded of the caller.
    if let Some(text) = unsafe { optional_text("ip", options.ip) }? {
        new = new.ip(text);
    }
    Ok(new)
}
