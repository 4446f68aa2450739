//! Getting a valid auth token, as a handle or straight into the caller's memory, and reporting one
//! that a server refused.

use std::ffi::c_char;
use std::ptr;

use emnify_core::SCHEME;

use super::auth_token::emnify_auth_token;
use super::client::{emnify_client, usable};
use crate::boundary::{Out, Result, call, counted_text, emnify_error, infallible};

/// Gives an auth token that is valid now to the caller in `*auth_token`: the cached one, or a new
/// one. Ask each time you need one and keep none: this is fast, and knows when to renew.
///
/// While there is a valid token it is handed out at once; from some point after half of its
/// lifetime it is renewed in the background. Where there is none, one thread signs in and the others
/// wait for what it gets. What may pass by itself is tried up to three times, seconds apart, as far
/// as the timeout allows. After a failure the next attempt is held back for a while: a call that has
/// not the time to wait for it fails at once with the last error, and emnify_error_retry_after_ms()
/// says for how long. So do not loop: wait that long.
///
/// Takes at most the configured timeout, besides what an emnify_mfa function takes. Any thread.
///
/// Fails with EMNIFY_ERR_REJECTED where the credentials are refused, EMNIFY_ERR_LOCKED where they
/// were refused too often, EMNIFY_ERR_MFA_REQUIRED where a person's one-time code is due and nobody
/// gives it; EMNIFY_ERR_NETWORK, _TLS, _TIMEOUT, _RATE_LIMITED, _SERVER where emnify cannot be
/// asked; EMNIFY_ERR_PROTOCOL where the answer makes no sense; EMNIFY_ERR_INVALID_INPUT where
/// `client` or `auth_token` is NULL, or the credential file cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_authenticate(
    client: *const emnify_client,
    auth_token: *mut *mut emnify_auth_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { usable(client) }?;
        // SAFETY: the contract.
        let out = unsafe { Out::new("auth_token", auth_token) }?;
        out.share(client.last_handed_out.handle_of(client.core.authenticate()?));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
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
        let client = unsafe { usable(client) }?;
        if buffer.is_null() && capacity > 0 {
            return Err(emnify_error::null("buffer"));
        }
        let auth_token = client.core.authenticate()?;
        let token = auth_token.reveal().as_bytes();
        if !length.is_null() {
            // SAFETY: it is not NULL, and so may be written to.
            unsafe { length.write(SCHEME.len() + token.len()) };
        }
        // SAFETY: `buffer` is NULL only with a capacity of 0, and may be written to otherwise.
        unsafe { write_whole(buffer.cast(), capacity, &[SCHEME.as_bytes(), token, &[0]]) }
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Reports that a server refused `auth_token` (HTTP 401). If `client` still has it cached, the next
/// emnify_authenticate() signs in, and returns the old one if that fails. A late report about an
/// earlier one changes nothing. Nor does one soon after the last (1 to 5 minutes): a server that
/// refuses a new token too would refuse any. Free it as usual. Any thread. If either is NULL nothing
/// happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_invalidate(
    client: *const emnify_client,
    auth_token: *const emnify_auth_token,
) {
    infallible((), || {
        // SAFETY: the contract.
        let (client, auth_token) = unsafe { (client.as_ref(), auth_token.as_ref()) };
        if let (Some(client), Some(auth_token)) = (client, auth_token) {
            client.core.invalidate(&auth_token.token);
            client.last_handed_out.forget(auth_token.token.reveal());
        }
    });
}

/// The same for code that has only the text: the `length` bytes at `text`, either the auth token or
/// the value of the header as emnify_authorization_header() wrote it. Any thread. If a pointer is
/// NULL, or the text is no token that `client` has cached, nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_invalidate_text(
    client: *const emnify_client,
    text: *const c_char,
    length: usize,
) {
    infallible((), || {
        // SAFETY: the contract.
        let client = unsafe { client.as_ref() };
        // SAFETY: the contract; the bytes are read before the call ends.
        let text = unsafe { counted_text("text", text, length) };
        if let (Some(client), Ok(text)) = (client, text) {
            client.core.invalidate_text(text);
            client.last_handed_out.forget(text.strip_prefix(SCHEME).unwrap_or(text));
        }
    });
}

/// Ends the waits that failed attempts to sign in have caused: call it when the network link comes
/// up. After a 429 or refused credentials the wait goes on, since it does not depend on the link. It
/// sends nothing and waits for nothing. Any thread. If `client` is NULL nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_retry_now(client: *const emnify_client) {
    infallible((), || {
        // SAFETY: the contract.
        if let Some(client) = unsafe { client.as_ref() } {
            client.core.retry_now();
        }
    });
}

/// Writes all parts, or nothing where they do not fit.
///
/// # Safety
///
/// `capacity` bytes at `buffer` may be written to.
unsafe fn write_whole(buffer: *mut u8, capacity: usize, parts: &[&[u8]]) -> Result {
    let needed: usize = parts.iter().map(|part| part.len()).sum();
    if capacity < needed {
        let problem = format!("has {capacity} bytes and needs {needed}");
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
