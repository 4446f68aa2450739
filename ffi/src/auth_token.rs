//! Auth tokens: getting a valid one, as a handle or straight into the caller's memory, and
//! reporting one that a server refused.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use emnify_core::{AuthToken, SCHEME};

use crate::boundary::{Outcome, Place, ask, call, infallible, release};
use crate::client::{emnify_client, usable};
use crate::convert::{SecretText, counted_text, unix_seconds};
use crate::error::emnify_error;

/// An auth token: what goes into the header "Authorization: Bearer ...".
///
/// Made by emnify_authenticate(), owned by the caller, freed with emnify_auth_token_free(). It is
/// wiped when the last handle of the same token is freed and its client has let go of it, too. It
/// may outlive its client. Any thread may read it.
pub struct emnify_auth_token {
    token: AuthToken,
    text: SecretText,
}

/// The handle that was given out last. Whoever gets the same token gets the same handle, so that it
/// is copied for C, and the copy wiped, once for each token and not once for each call.
///
/// Without a lock: a child of a fork must not find it held.
#[derive(Default)]
pub(crate) struct LastHandedOut(ArcSwapOption<emnify_auth_token>);

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
        let place = unsafe { Place::new("auth_token", auth_token) }?;
        place.share(client.last_handed_out.handle_of(client.authenticate()?));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// The auth token itself, ending with a NUL: a secret, to be sent and never to be logged.
///
/// Borrowed from `auth_token`. NULL if that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_reveal(
    auth_token: *const emnify_auth_token,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { ask(auth_token, ptr::null(), |auth_token| auth_token.text.as_ptr()) }
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

/// Frees an auth token, once for each time that emnify_authenticate() gave it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_free(auth_token: *mut emnify_auth_token) {
    // SAFETY: the contract.
    unsafe { release(auth_token) }
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
        let auth_token = client.authenticate()?;
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

impl LastHandedOut {
    /// Lets go of a token that was refused: it will hardly be handed out again.
    fn forget(&self, text: &str) {
        self.0.rcu(|last| last.clone().filter(|handle| handle.token.reveal() != text));
    }

    fn handle_of(&self, token: AuthToken) -> Arc<emnify_auth_token> {
        let last = self.0.load();
        // The core shares one text among all clones of a token; while ours lives, no other token
        // can have it.
        let same = |handle: &&Arc<emnify_auth_token>| {
            ptr::eq(handle.token.reveal().as_ptr(), token.reveal().as_ptr())
        };
        if let Some(handle) = last.as_ref().filter(same) {
            return Arc::clone(handle);
        }
        let text = SecretText::new(token.reveal());
        let handle = Arc::new(emnify_auth_token { token, text });
        self.0.store(Some(Arc::clone(&handle)));
        handle
    }
}

/// Writes all parts, or nothing where they do not fit.
///
/// # Safety
///
/// `capacity` bytes at `buffer` may be written to.
unsafe fn write_whole(buffer: *mut u8, capacity: usize, parts: &[&[u8]]) -> Outcome {
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
