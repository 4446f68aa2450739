//! What a new application token shall be like, in a structure that C fills in. It carries its size,
//! so that it can grow without breaking programs that were built earlier.

use std::ffi::c_char;
use std::mem::size_of;
use std::ptr;

use emnify_core::NewApplicationToken;

use crate::boundary::Outcome;
use crate::convert::{instant, optional_text};
use crate::error::emnify_error;

/// More than this structure will ever have; a greater size was never set.
const LARGEST_OPTIONS: usize = 4096;

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

/// A member that is added later must not lie where an earlier program has padding, which holds
/// anything: there is none, whatever the size of a pointer.
const _: () = assert!(
    size_of::<emnify_token_options>() == size_of::<usize>() + 3 * size_of::<*const c_char>() + 8
);

/// Reads the options.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells, and its strings are such.
pub(crate) unsafe fn new_token(
    options: *const emnify_token_options,
) -> Outcome<NewApplicationToken> {
    let mut new = NewApplicationToken::new();
    if options.is_null() {
        return Ok(new);
    }
    // SAFETY: it is not NULL.
    let options = unsafe { read_options(options) }?;
    // SAFETY: as demanded of the caller.
    if let Some(text) = unsafe { optional_text("description", options.description) }? {
        new = new.description(text);
    }
    // SAFETY: as demanded of the caller.
    let expiry_date = unsafe { optional_text("expiry_date", options.expiry_date) }?;
    match (expiry_date, options.expires_at) {
        (None, 0) => {}
        (Some(text), 0) => new = new.expiry_date(text),
        (Some(_), _) => {
            let problem = "goes with no expiry_date: set one of them";
            return Err(emnify_error::invalid_input("expires_at", problem));
        }
        (None, seconds) => {
            let problem = "is more than this machine can count";
            let refusal = || emnify_error::invalid_input("expires_at", problem);
            new = new.expiry_date(instant(seconds).ok_or_else(refusal)?);
        }
    }
    // SAFETY: as demanded of the caller.
    if let Some(text) = unsafe { optional_text("ip", options.ip) }? {
        new = new.ip(text);
    }
    Ok(new)
}

/// Copies what both the caller's version of the structure and ours have. What only the caller's has
/// must be zero: it could not be honoured.
///
/// # Safety
///
/// `options` points to as many bytes as its `size` tells.
unsafe fn read_options(options: *const emnify_token_options) -> Outcome<emnify_token_options> {
    const OURS: usize = size_of::<emnify_token_options>();
    let refuse = |problem| Err(emnify_error::invalid_input("options", problem));
    // SAFETY: every version starts with its size.
    let size = unsafe { ptr::addr_of!((*options).size).read() };
    // The first version is the smallest.
    if !(OURS..=LARGEST_OPTIONS).contains(&size) {
        return refuse("has a wrong size: start from EMNIFY_TOKEN_OPTIONS_INIT");
    }
    let bytes = options.cast::<u8>();
    // SAFETY: there are `size` bytes.
    if (OURS..size).any(|at| unsafe { bytes.add(at).read() } != 0) {
        return refuse("has a member set that this version of the library does not know");
    }
    // SAFETY: there are at least as many bytes as our version has.
    Ok(unsafe { options.read() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> emnify_token_options {
        emnify_token_options {
            size: size_of::<emnify_token_options>(),
            description: ptr::null(),
            expiry_date: ptr::null(),
            expires_at: 0,
            ip: ptr::null(),
        }
    }

    #[test]
    fn a_later_version_of_the_structure_is_read_as_far_as_it_is_known() {
        #[repr(C)]
        struct Later(emnify_token_options, u64);
        let mut later = Later(options(), 0);
        later.0.size = size_of::<Later>();
        let read = |later: &Later| {
            // SAFETY: the size is that of the structure.
            unsafe { read_options(ptr::from_ref(later).cast()) }
        };
        assert!(read(&later).is_ok());
        later.1 = 1;
        assert!(read(&later).is_err());
        for size in [0, 8, usize::MAX] {
            later.0.size = size;
            assert!(read(&later).is_err(), "{size}");
        }
    }

    #[test]
    fn an_expiry_is_given_once() {
        let options = emnify_token_options {
            expiry_date: c"2027-05-29".as_ptr(),
            expires_at: 1_811_548_800,
            ..options()
        };
        // SAFETY: the size is right and the string ends with a NUL.
        let refusal = unsafe { new_token(&options) }.err().unwrap();
        assert!(refusal.message().to_str().unwrap().starts_with("expires_at: "));
    }
}
