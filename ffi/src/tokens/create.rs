//! Creating an application token, and the handle that holds its value, which is shown once.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};
use std::ptr;

use emnify_core::{CreatedApplicationToken, NewApplicationToken};

use crate::boundary::options::{self, Options};
use crate::boundary::{Result, SecretText, emnify_error, free, optional_text, read};
use crate::client::{emnify_client, produce};

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

/// An application token that was just created, and whose value is shown this once.
///
/// Made by emnify_token_create(), owned by the caller, freed with emnify_created_token_free(),
/// which wipes it. Any thread may read it.
pub struct emnify_created_token {
    text: SecretText,
    id: u64,
}

/// Creates an application token and gives it to the caller in `*created`. Its value is there and
/// nowhere else: store it before you free that. `options` may be NULL: no label, no expiry, valid
/// from anywhere.
///
/// If the response contains no id, it is looked for in the list, which is read before and after;
/// where that fails or leaves doubt, emnify_created_token_id() is 0 and the value is there all the
/// same.
///
/// Takes at most the configured timeout. Any thread.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT before anything was sent; EMNIFY_ERR_VALIDATION, _FORBIDDEN
/// and the like as the server answers. After EMNIFY_ERR_NETWORK, _TIMEOUT or _SERVER a token may
/// have been created whose value nobody knows: emnify_token_list() shows it, and it should be
/// revoked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_create(
    client: *const emnify_client,
    options: *const emnify_token_options,
    created: *mut *mut emnify_created_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract, by which `size` tells how much is there.
        let new = unsafe { new_token(options) }?;
        Ok(emnify_created_token::new(&client.core.application_tokens().create(&new)?))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("created", created), error, body) }
}

/// The application token itself, ending with a NUL: a secret, to be stored and never to be logged.
///
/// Borrowed from `created`, and wiped with it. NULL if that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_created_token_reveal(
    created: *const emnify_created_token,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(created, ptr::null(), |created| created.text.as_ptr()) }
}

/// Its id, by which it can be revoked; 0 where it could not be found out for certain, in which case
/// emnify_token_list() shows it by its description.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_created_token_id(created: *const emnify_created_token) -> u64 {
    // SAFETY: the contract.
    unsafe { read(created, 0, |created| created.id) }
}

/// Wipes the value and frees it. The application token itself stays. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_created_token_free(created: *mut emnify_created_token) {
    // SAFETY: the contract.
    unsafe { free(created) }
}

impl emnify_created_token {
    fn new(created: &CreatedApplicationToken) -> Self {
        let text = SecretText::new(created.reveal());
        emnify_created_token { text, id: created.id().unwrap_or(0) }
    }
}

/// Reads the options.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells, and its strings are such.
pub(crate) unsafe fn new_token(
    options: *const emnify_token_options,
) -> Result<NewApplicationToken> {
    let mut new = NewApplicationToken::new();
    // SAFETY: as demanded of the caller.
    let Some(options) = (unsafe { options::copy(options) })? else { return Ok(new) };
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
