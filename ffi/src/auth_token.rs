//! Auth tokens: getting a valid one, as a handle or straight into the caller's memory, and
//! reporting one that a server refused.

use std::ffi::c_char;
use std::ptr;
use std::sync::OnceLock;

use emnify_core::AuthToken;

use crate::boundary::{Outcome, Place, ask, call, free, infallible};
use crate::client::{core, emnify_client};
use crate::convert::{SecretText, unix_seconds};
use crate::error::emnify_error;

const SCHEME: &[u8] = b"Bearer ";

/// An auth token: what goes into the header "Authorization: Bearer ...".
///
/// Made by emnify_authenticate(), owned by the caller, freed with emnify_auth_token_free(), which
/// wipes it. It may outlive its client. Any thread may read it.
pub struct emnify_auth_token {
    token: AuthToken,
    /// Made when it is first asked for: most who authenticate want it, but not all.
    text: OnceLock<SecretText>,
}

/// Gives an auth token that is valid now to the caller in `*auth_token`: the cached one, or a new
/// one. Ask each time you need one and keep none: this is fast, and knows when to renew.
///
/// Takes at most the configured timeout. Any thread.
///
/// Fails with EMNIFY_ERR_REJECTED where the application token is refused, EMNIFY_ERR_LOCKED where
/// it was refused too often; EMNIFY_ERR_NETWORK, _TLS, _TIMEOUT, _RATE_LIMITED, _SERVER where
/// emnify cannot be asked; EMNIFY_ERR_PROTOCOL where the answer makes no sense;
/// EMNIFY_ERR_INVALID_INPUT where `client` or `auth_token` is NULL, or the credential file cannot
/// be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_authenticate(
    client: *const emnify_client,
    auth_token: *mut *mut emnify_auth_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { core(client) }?;
        // SAFETY: the contract.
        let place = unsafe { Place::new("auth_token", auth_token) }?;
        place.give(emnify_auth_token { token: client.authenticate()?, text: OnceLock::new() });
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// The auth token itself, ending with a NUL: a secret, to be sent and never to be logged.
///
/// Borrowed from `auth_token`, and wiped with it. NULL if that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_reveal(
    auth_token: *const emnify_auth_token,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        ask(auth_token, ptr::null(), |auth_token| {
            auth_token.text.get_or_init(|| SecretText::new(auth_token.token.reveal())).as_ptr()
        })
    }
}

/// When it expires, in seconds of Unix time on the server's clock; 0 if `auth_token` is NULL. Do
/// not compare it with the clock of a machine that may be wrong: emnify_authenticate() gives out
/// what is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_expires_at(auth_token: *const emnify_auth_token) -> i64 {
    // SAFETY: the contract.
    unsafe { ask(auth_token, 0, |auth_token| unix_seconds(auth_token.token.expires_at())) }
}

/// The id of the organisation (workspace) that it is for; 0 if it does not tell. For display only:
/// nobody verified it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_organisation_id(
    auth_token: *const emnify_auth_token,
) -> u64 {
    // SAFETY: the contract.
    unsafe { ask(auth_token, 0, |auth_token| auth_token.token.organisation_id().unwrap_or(0)) }
}

/// Frees an auth token and wipes the copy that emnify_auth_token_reveal() lent. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_free(auth_token: *mut emnify_auth_token) {
    // SAFETY: the contract.
    unsafe { free(auth_token) }
}

/// Writes the value of the header Authorization, "Bearer " and a valid auth token, and a NUL, into
/// the `capacity` bytes at `buffer`: the same as emnify_authenticate(), for code that does not
/// allocate. Afterwards the buffer holds a secret; wipe it.
///
/// `*length` becomes the length of the text without its NUL, if `length` is not NULL. Where the
/// buffer is too small (it must have `*length` + 1 bytes), the call fails with
/// EMNIFY_ERR_INVALID_INPUT, sets `*length` all the same, and writes nothing else. So with
/// `capacity` 0, where `buffer` may be NULL, one learns how much is needed; 1,024 bytes are plenty
/// today. The next token may be longer than this one.
///
/// Takes at most the configured timeout. Any thread. Fails besides as emnify_authenticate() does,
/// and then leaves `*length` as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_authorization_header(
    client: *const emnify_client,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { core(client) }?;
        if buffer.is_null() && capacity > 0 {
            return Err(emnify_error::null("buffer"));
        }
        let auth_token = client.authenticate()?;
        let token = auth_token.reveal().as_bytes();
        if !length.is_null() {
            // SAFETY: it is not NULL, and so may be written to.
            unsafe { length.write(SCHEME.len() + token.len()) };
        }
        // SAFETY: `buffer` is NULL only with a capacity of 0, and may be written to otherwise.
        unsafe { write_whole(buffer.cast(), capacity, &[SCHEME, token, &[0]]) }
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Tells that a server refused `auth_token` (HTTP 401). If `client` still has it cached it is
/// dropped, and the next emnify_authenticate() fetches another; a late report about an earlier one
/// changes nothing. Free it as usual. Any thread. If either is NULL nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_invalidate(
    client: *const emnify_client,
    auth_token: *const emnify_auth_token,
) {
    infallible((), || {
        // SAFETY: the contract.
        if let (Ok(client), Some(auth_token)) = unsafe { (core(client), auth_token.as_ref()) } {
            client.invalidate(&auth_token.token);
        }
    });
}

/// Writes all parts, or nothing where they do not fit.
///
/// # Safety
///
/// `capacity` bytes at `buffer` may be written to.
unsafe fn write_whole(buffer: *mut u8, capacity: usize, parts: &[&[u8]]) -> Outcome {
    let needed: usize = parts.iter().map(|part| part.len()).sum();
    if capacity < needed {
        let problem = format_args!("has {capacity} bytes and needs {needed}");
        return Err(emnify_error::invalid_input("buffer", problem));
    }
    let mut at = buffer;
    for part in parts {
        // SAFETY: all parts together fit, as was just checked, and the parts are the core's own
        // memory, which the caller's buffer cannot overlap.
        unsafe {
            ptr::copy_nonoverlapping(part.as_ptr(), at, part.len());
            at = at.add(part.len());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_filled_whole_or_not_at_all() {
        let mut buffer = [b'?'; 6];
        for (capacity, expected) in [(4, b"??????"), (5, b"abcde?")] {
            // SAFETY: the buffer is longer than the capacity.
            let outcome = unsafe { write_whole(buffer.as_mut_ptr(), capacity, &[b"ab", b"cde"]) };
            assert_eq!(outcome.is_ok(), capacity >= 5);
            assert_eq!(&buffer, expected);
        }
    }
}
