//! The handle of an auth token, and what C reads of it. `authenticate` gives it out.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use emnify_core::AuthToken;

use crate::boundary::{SecretText, read, release, unix_seconds};

/// An auth token: what goes into the header "Authorization: Bearer ...".
///
/// Made by emnify_authenticate(), owned by the caller, freed with emnify_auth_token_free(). It is
/// wiped when the last handle of the same token is freed and its client has let go of it, too. It
/// may outlive its client. Any thread may read it.
pub struct emnify_auth_token {
    pub(super) token: AuthToken,
    text: SecretText,
}

/// The handle that was given out last. Whoever gets the same token gets the same handle, so that it
/// is copied for C, and the copy wiped, once for each token and not once for each call.
///
/// Without a lock: a child of a fork must not find it held.
#[derive(Default)]
pub(crate) struct LastHandedOut(ArcSwapOption<emnify_auth_token>);

/// The auth token itself, ending with a NUL: a secret, to be sent and never to be logged.
///
/// Borrowed from `auth_token`. NULL if that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_reveal(
    auth_token: *const emnify_auth_token,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(auth_token, ptr::null(), |auth_token| auth_token.text.as_ptr()) }
}

/// When it expires, in seconds of Unix time on the server's clock; 0 if `auth_token` is NULL. Do
/// not compare it with the clock of a machine that may be wrong: emnify_authenticate() gives out
/// what is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_expires_at(auth_token: *const emnify_auth_token) -> i64 {
    // SAFETY: the contract.
    unsafe { read(auth_token, 0, |auth_token| unix_seconds(auth_token.token.expires_at())) }
}

/// The id of the organisation (workspace) that it is for; 0 if it does not tell. For display only:
/// nobody verified it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_organisation_id(
    auth_token: *const emnify_auth_token,
) -> u64 {
    // SAFETY: the contract.
    unsafe { read(auth_token, 0, |auth_token| auth_token.token.organisation_id().unwrap_or(0)) }
}

/// Frees an auth token, once for each time that emnify_authenticate() gave it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_auth_token_free(auth_token: *mut emnify_auth_token) {
    // SAFETY: the contract.
    unsafe { release(auth_token) }
}

impl LastHandedOut {
    /// Lets go of a token that was refused: it will hardly be handed out again.
    pub(super) fn forget(&self, text: &str) {
        self.0.rcu(|last| last.clone().filter(|handle| handle.token.reveal() != text));
    }

    /// Returns the handle of a token, a new one only if the token is new.
    pub(super) fn handle_of(&self, token: AuthToken) -> Arc<emnify_auth_token> {
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
