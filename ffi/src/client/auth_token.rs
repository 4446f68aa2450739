//! The handle of an auth token and its getters. `authenticate` returns the handle.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use emnify_core::{AuthToken, Client, Clock, SystemClock};

use crate::boundary::{SecretText, milliseconds, read, release, unix_seconds};

/// An auth token, for the header "Authorization: Bearer ...".
///
/// Returned by emnify_authenticate(); free it with emnify_auth_token_free(). It is wiped from
/// memory when all its handles are freed and the client has replaced it.
pub struct emnify_auth_token {
    pub(super) token: AuthToken,
    text: SecretText,
    /// On the steady clock.
    valid_until: Duration,
}

/// The handle that was returned last. A caller that gets the same token gets the same handle, so
/// that the token is copied for C, and the copy wiped, once for each token and not once for each
/// call.
///
/// Without a lock, since a forked child could inherit it locked.
#[derive(Default)]
pub(crate) struct LastHandedOut(ArcSwapOption<emnify_auth_token>);

/// Returns the token's text. It is a secret: send it, but never log it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_reveal(
    auth_token: *const emnify_auth_token,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(auth_token, ptr::null(), |auth_token| auth_token.text.as_ptr()) }
}

/// Returns when the token expires, in seconds of Unix time on the server's clock. Do not compare it
/// with this machine's clock, which may be wrong: emnify_authenticate() returns only valid tokens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_expires_at(auth_token: *const emnify_auth_token) -> i64 {
    // SAFETY: the contract.
    unsafe { read(auth_token, 0, |auth_token| unix_seconds(auth_token.token.expires_at())) }
}

/// Returns for how many milliseconds the token is still valid; 0 if it has expired or is NULL. This
/// is measured with a clock that is never set and that counts while the machine is suspended. Use
/// it to schedule, for example, a reconnection with a new token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_valid_for_ms(
    auth_token: *const emnify_auth_token,
) -> i64 {
    let left = |token: &emnify_auth_token| token.valid_until.saturating_sub(SystemClock.steady());
    // SAFETY: the contract.
    unsafe { read(auth_token, 0, |auth_token| milliseconds(Some(left(auth_token)))) }
}

/// Returns the id of the organisation (workspace) that the token belongs to; 0 if it contains none.
/// For display only: the token's signature is not verified.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_organisation_id(
    auth_token: *const emnify_auth_token,
) -> u64 {
    // SAFETY: the contract.
    unsafe { read(auth_token, 0, |auth_token| auth_token.token.organisation_id().unwrap_or(0)) }
}

/// Frees an auth token. Call it once for each time emnify_authenticate() returned one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_free(auth_token: *mut emnify_auth_token) {
    // SAFETY: the contract.
    unsafe { release(auth_token) }
}

impl LastHandedOut {
    /// Drops a token that was refused: it will hardly be returned again.
    pub(super) fn forget(&self, text: &str) {
        self.0.rcu(|last| last.clone().filter(|handle| handle.token.reveal() != text));
    }

    /// Returns the handle of a token. A new one is created only for a new token.
    pub(super) fn handle_of(&self, client: &Client, token: AuthToken) -> Arc<emnify_auth_token> {
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
        let valid_until = SystemClock.steady().saturating_add(client.valid_for(&token));
        let handle = Arc::new(emnify_auth_token { token, text, valid_until });
        self.0.store(Some(Arc::clone(&handle)));
        handle
    }
}
