//! The list of application tokens. Its rows belong to it, so that C frees one thing.

use std::ptr;

use emnify_core::ApplicationToken;

use super::token::emnify_token;
use crate::boundary::{emnify_error, free, read};
use crate::client::{emnify_client, produce};

/// Application tokens of a workspace, as they were when the list was read.
///
/// Made by emnify_token_list() or emnify_token_own(), owned by the caller, freed with
/// emnify_token_list_free(). It may outlive its client. Any thread may read it.
pub struct emnify_tokens(Vec<emnify_token>);

/// Gives all application tokens of the workspace, expired and revoked ones too, to the caller in
/// `*list`.
///
/// Takes at most the configured timeout. Any thread. Fails as emnify_authenticate() does, and with
/// EMNIFY_ERR_FORBIDDEN where these credentials may not see them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list(
    client: *const emnify_client,
    list: *mut *mut emnify_tokens,
    error: *mut *mut emnify_error,
) -> i32 {
    let body =
        |client: &emnify_client| Ok(emnify_tokens::new(client.core.application_tokens().list()?));
    // SAFETY: the contract.
    unsafe { produce(client, ("list", list), error, body) }
}

/// Gives the row of the application token that `client` signs in with, its description and when it
/// expires, to the caller in `*list`: a list of one, or of none where the auth token does not tell
/// which it is, as with user credentials.
///
/// Takes at most the configured timeout. Any thread. Fails as emnify_token_list() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_own(
    client: *const emnify_client,
    list: *mut *mut emnify_tokens,
    error: *mut *mut emnify_error,
) -> i32 {
    let body =
        |client: &emnify_client| Ok(emnify_tokens::new(client.core.application_tokens().own()?));
    // SAFETY: the contract.
    unsafe { produce(client, ("list", list), error, body) }
}

/// How many application tokens are in the list; 0 if `list` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_size(list: *const emnify_tokens) -> usize {
    // SAFETY: the contract.
    unsafe { read(list, 0, |list| list.0.len()) }
}

/// The application token at `index`, counted from 0, in the server's order.
///
/// Borrowed from `list`. NULL if there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_at(
    list: *const emnify_tokens,
    index: usize,
) -> *const emnify_token {
    // SAFETY: the contract.
    unsafe { read(list, ptr::null(), |list| list.0.get(index).map_or(ptr::null(), ptr::from_ref)) }
}

/// Frees a list with all that was borrowed from it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_free(list: *mut emnify_tokens) {
    // SAFETY: the contract.
    unsafe { free(list) }
}

impl emnify_tokens {
    fn new(rows: impl IntoIterator<Item = ApplicationToken>) -> Self {
        emnify_tokens(rows.into_iter().map(|row| emnify_token::new(&row)).collect())
    }
}
