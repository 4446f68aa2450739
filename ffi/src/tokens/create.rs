//! Creates application tokens. A handle holds the value, which is shown only once.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};
use std::ptr;

use emnify_core::{CreatedApplicationToken, NewApplicationToken};

use crate::boundary::options::{self, Options};
use crate::boundary::{Result, SecretText, emnify_error, free, optional_text, read};
use crate::client::{emnify_client, produce};

/// Settings of a new application token. All are optional and copied. An expiry and an address limit
/// what a thief can do with a stolen token.
///
/// Initialise it with EMNIFY_TOKEN_OPTIONS_INIT, which sets `size`: see "Options" above.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_token_options {
    /// sizeof(emnify_token_options) in the header that the program was built with.
    pub size: usize,
    /// A label: at most 1,024 bytes, without control characters. NULL: none.
    pub description: *const c_char,
    /// When the token expires, in the future: a date such as "2027-05-29" (00:00 UTC on that day),
    /// or a time in RFC 3339 such as "2027-05-29T18:30:00Z". NULL: never.
    pub expiry_date: *const c_char,
    /// The only address or range (CIDR) that may use the token, IPv4 or IPv6. NULL: any.
    pub ip: *const c_char,
    /// How many seconds the token lives, instead of `expiry_date`, counted on emnify's clock; 0:
    /// not set. Error messages call it expires_in.
    pub expires_in_s: u64,
}

const _: () = assert!(
    offset_of!(emnify_token_options, expires_in_s) + size_of::<u64>()
        == size_of::<emnify_token_options>()
);

// SAFETY: it is laid out as in C, of numbers and pointers, and its last member ends it.
unsafe impl Options for emnify_token_options {
    const INIT: &'static str = "EMNIFY_TOKEN_OPTIONS_INIT";
}

/// An application token that was just created. Its value is shown only once.
///
/// Created by emnify_token_create(); free it with emnify_created_token_free(), which wipes it.
pub struct emnify_created_token {
    text: SecretText,
    id: u64,
}

/// Creates an application token and returns it in `*created`. Its value cannot be read again later:
/// store it before you free `*created`. `options` may be NULL. Blocks.
///
/// If the response contains no id, the library finds it by comparing the list of tokens before and
/// after. If several tokens match, it may sign in with the new one, whose auth token usually
/// contains the id. If the id stays unknown, the call still succeeds, and emnify_created_token_id()
/// returns 0.
///
/// Other errors include EMNIFY_ERR_VALIDATION and EMNIFY_ERR_FORBIDDEN. After EMNIFY_ERR_NETWORK,
/// _TIMEOUT or _SERVER a token may exist whose value is lost: find it with emnify_token_list() and
/// revoke it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_create(
    client: *const emnify_client,
    options: *const emnify_token_options,
    created: *mut *mut emnify_created_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract; `size` says how many bytes there are.
        let new = unsafe { new_token(options) }?;
        Ok(emnify_created_token::new(&client.core.application_tokens().create(&new)?))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("created", created), error, body) }
}

/// Returns the application token's value. It is a secret: store it, but never log it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_created_token_reveal(
    created: *const emnify_created_token,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(created, ptr::null(), |created| created.text.as_ptr()) }
}

/// Returns the token's id, by which it can be revoked; 0 if it is not known. Then find the token in
/// emnify_token_list() by its description.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_created_token_id(created: *const emnify_created_token) -> u64 {
    // SAFETY: the contract.
    unsafe { read(created, 0, |created| created.id) }
}

/// Wipes the value and frees the handle. The application token still exists at emnify.
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

/// Returns the options for the core.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` member says, and its strings end with
/// a NUL.
pub(crate) unsafe fn new_token(
    options: *const emnify_token_options,
) -> Result<NewApplicationToken> {
    let mut new = NewApplicationToken::new();
    // SAFETY: guaranteed by the caller.
    let Some(options) = (unsafe { options::copy(options) })? else { return Ok(new) };
    // SAFETY: guaranteed by the caller.
    if let Some(text) = unsafe { optional_text("description", options.description) }? {
        new = new.description(text);
    }
    // SAFETY: guaranteed by the caller.
    if let Some(expiry) = unsafe { options::expiry(options.expiry_date, options.expires_in_s) }? {
        new = new.expiry_date(expiry);
    }
    // SAFETY: guaranteed by the caller.
    if let Some(text) = unsafe { optional_text("ip", options.ip) }? {
        new = new.ip(text);
    }
    Ok(new)
}
