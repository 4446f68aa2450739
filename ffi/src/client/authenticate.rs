//! Returns valid auth tokens, as a handle or in the caller's buffer, and takes reports of refused
//! ones.

use std::ffi::c_char;
use std::time::Duration;

use emnify_core::{AuthToken, Client, SCHEME, without_scheme};

use super::auth_token::emnify_auth_token;
use super::client::{emnify_client, usable};
use crate::boundary::{Buffer, Out, Result, call, counted_text, emnify_error, infallible};

/// Returns an auth token that is valid now in `*auth_token`: the cached one, or a new one. Call
/// this each time you need an auth token, and do not keep it: a cached token is returned at once,
/// and renewed in time. Blocks if there is no cached token.
///
/// The first call after a random point between 50 and 75 % of the token's lifetime starts a renewal
/// in the background. Without calls nothing is renewed, unless emnify_config_set_auto_renew() was
/// set or emnify_client_fd() is in use. In the last minute of the lifetime, callers wait for the
/// renewal.
///
/// If several threads need a new token, one signs in and the others wait for its result. Temporary
/// failures are retried, up to three attempts in all, at least 5 seconds apart, within the timeout.
/// After a failure the client backs off: calls that cannot wait that long fail at once with the
/// last error, and emnify_error_retry_after_ms() returns the time that is left. Wait that long
/// instead of calling in a loop.
///
/// The time that your emnify_mfa function takes does not count towards the timeout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_authenticate(
    client: *const emnify_client,
    auth_token: *mut *mut emnify_auth_token,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { authenticate(client, auth_token, error, |client| Ok(client.authenticate()?)) }
}

/// Returns an auth token like emnify_authenticate(), but takes at most `timeout_ms` milliseconds
/// instead of the client's timeout. 0 fails with EMNIFY_ERR_INVALID_INPUT; to never wait, call
/// emnify_try_authorization_header().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_authenticate_within(
    client: *const emnify_client,
    timeout_ms: u32,
    auth_token: *mut *mut emnify_auth_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let within = |client: &Client| match timeout_ms {
        0 => Err(emnify_error::invalid_input("timeout_ms", "must be greater than zero")),
        _ => Ok(client.with_timeout(Duration::from_millis(timeout_ms.into())).authenticate()?),
    };
    // SAFETY: the contract.
    unsafe { authenticate(client, auth_token, error, within) }
}

/// Returns an auth token in `*auth_token` that stays valid for at least `valid_for_ms`
/// milliseconds, for a program that cannot ask for another one meanwhile. Like
/// emnify_authenticate() otherwise. Do not ask for nearly the whole lifetime of an auth token,
/// since that signs in at each call.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT if `valid_for_ms` is not less than the lifetime of emnify's
/// auth tokens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_authenticate_for(
    client: *const emnify_client,
    valid_for_ms: u32,
    auth_token: *mut *mut emnify_auth_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let valid_for = Duration::from_millis(valid_for_ms.into());
    let get = |client: &Client| Ok(client.authenticate_for(valid_for)?);
    // SAFETY: the contract.
    unsafe { authenticate(client, auth_token, error, get) }
}

/// Writes the value of the header Authorization ("Bearer ", a valid auth token, and a NUL) to the
/// `capacity` bytes at `buffer`. It replaces emnify_authenticate() in code that does not allocate
/// memory. Afterwards the buffer contains a secret: wipe it. Blocks if there is no cached token.
///
/// If `length` is not NULL, `*length` is set to the length without the NUL. If the buffer is
/// smaller than `*length` + 1 bytes, the call fails with EMNIFY_ERR_INVALID_INPUT and sets only
/// `*length`; `buffer` may be NULL if `capacity` is 0. 1,024 bytes are enough at present. The next
/// token may be longer. After any other error `*length` is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_authorization_header(
    client: *const emnify_client,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut emnify_error,
) -> i32 {
    let buffer = (buffer, capacity, length);
    // SAFETY: the contract.
    unsafe { header(client, buffer, error, Client::authenticate) }
}

/// Writes the value of the header Authorization, like emnify_authorization_header(), but never
/// waits. For programs with an event loop: see emnify_client_fd().
///
/// Without a cached token it starts a sign-in on a thread of the library and fails with
/// EMNIFY_ERR_PENDING. After a failed attempt it fails with the error of that attempt until the
/// next one may start: emnify_error_retry_after_ms() returns when. With a descriptor in use that
/// attempt starts by itself, otherwise with the first call after that time.
///
/// Other errors: EMNIFY_ERR_RESOURCE if no thread can be created; EMNIFY_ERR_MFA_REQUIRED if the
/// client signs in with user credentials and would have to call its emnify_mfa function: call
/// emnify_authenticate() on a thread that may wait. Calls none of your functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_try_authorization_header(
    client: *const emnify_client,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut emnify_error,
) -> i32 {
    let buffer = (buffer, capacity, length);
    // SAFETY: the contract.
    unsafe { header(client, buffer, error, Client::try_authenticate) }
}

/// Reports that a server refused `auth_token` (HTTP 401). If it is still the cached one, the next
/// emnify_authenticate() signs in, and returns the old token if that fails. The token must still be
/// freed. NULL is ignored.
///
/// A report about an earlier auth token is ignored. So is a report less than a minute after the
/// previous one. This limit grows to 5 minutes if the new auth tokens are reported, too: signing in
/// does not help then.
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

/// Reports a refused auth token, like emnify_invalidate(), by the `length` bytes at `text`: the
/// token's text, or the header value from emnify_authorization_header(). NULL, or a text that is
/// not the cached token, is ignored.
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
            client.last_handed_out.forget(without_scheme(text));
        }
    });
}

/// Ends the back-off after failed attempts to sign in. Call this when the network link comes up.
/// The back-off after a 429 or refused credentials continues, since it does not depend on the link.
/// NULL is ignored. Sends nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_retry_now(client: *const emnify_client) {
    infallible((), || {
        // SAFETY: the contract.
        if let Some(client) = unsafe { client.as_ref() } {
            client.core.retry_now();
        }
    });
}

/// Runs `get` and returns its token as a handle.
///
/// # Safety
///
/// As for [`usable`], [`Out::new`] and [`call`].
unsafe fn authenticate(
    client: *const emnify_client,
    auth_token: *mut *mut emnify_auth_token,
    error: *mut *mut emnify_error,
    get: impl FnOnce(&Client) -> Result<AuthToken>,
) -> i32 {
    let body = || {
        // SAFETY: guaranteed by the caller.
        let client = unsafe { usable(client) }?;
        // SAFETY: guaranteed by the caller.
        let out = unsafe { Out::new("auth_token", auth_token) }?;
        let auth_token = get(&client.core)?;
        out.share(client.last_handed_out.handle_of(&client.core, auth_token));
        Ok(())
    };
    // SAFETY: guaranteed by the caller.
    unsafe { call(error, body) }
}

/// Runs `get` and writes its token as the value of a header to the buffer: its address, capacity
/// and length.
///
/// # Safety
///
/// As for [`usable`], [`Buffer::new`] and [`call`].
unsafe fn header(
    client: *const emnify_client,
    (buffer, capacity, length): (*mut c_char, usize, *mut usize),
    error: *mut *mut emnify_error,
    get: impl FnOnce(&Client) -> emnify_core::Result<AuthToken>,
) -> i32 {
    let body = || {
        // SAFETY: guaranteed by the caller.
        let client = unsafe { usable(client) }?;
        // SAFETY: guaranteed by the caller.
        let buffer = unsafe { Buffer::new(buffer, capacity, length) }?;
        let auth_token = get(&client.core)?;
        buffer.fill(&[SCHEME, auth_token.reveal()])
    };
    // SAFETY: guaranteed by the caller.
    unsafe { call(error, body) }
}
