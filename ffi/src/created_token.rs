//! Creating an application token, and the handle that holds its value, which is shown once.

use std::ffi::c_char;
use std::ptr;

use emnify_core::{Client, CreatedApplicationToken};

use crate::boundary::{Place, ask, call, free};
use crate::client::{emnify_client, usable};
use crate::convert::SecretText;
use crate::error::emnify_error;
use crate::token_options::{emnify_token_options, new_token};

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
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { usable(client) }?;
        // SAFETY: the contract.
        let place = unsafe { Place::new("created", created) }?;
        // SAFETY: the contract, by which `size` tells how much is there.
        let new = unsafe { new_token(options) }?;
        let create = move |client: &Client| client.application_tokens().create(&new);
        // Nobody is there any more to whom its value could be shown.
        let undo = |client: &Client, created| client.application_tokens().discard(&created);
        let created = client.call_or_undo(create, undo)?;
        place.give(emnify_created_token::new(&created));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// The application token itself, ending with a NUL: a secret, to be stored and never to be logged.
///
/// Borrowed from `created`, and wiped with it. NULL if that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_created_token_reveal(
    created: *const emnify_created_token,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { ask(created, ptr::null(), |created| created.text.as_ptr()) }
}

/// Its id, by which it can be revoked; 0 where it could not be found out for certain, in which case
/// emnify_token_list() shows it by its description.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_created_token_id(created: *const emnify_created_token) -> u64 {
    // SAFETY: the contract.
    unsafe { ask(created, 0, |created| created.id) }
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
