//! The list of application tokens. The list owns its rows, so that C frees only the list.

use std::ptr;

use emnify_core::ApplicationToken;

use super::token::emnify_token;
use crate::boundary::{emnify_error, free, read};
use crate::client::{emnify_client, produce};

/// A list of application tokens, as they were when it was read.
///
/// Created by emnify_token_list() or emnify_token_own(); free it with emnify_token_list_free().
pub struct emnify_tokens(Vec<emnify_token>);

/// Reads all application tokens of the workspace, also expired and revoked ones, into `*list`.
/// Fails with EMNIFY_ERR_FORBIDDEN if the credentials are not allowed to read them. Blocks.
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

/// Reads the properties of the application token that `client` signs in with, such as its
/// description and expiry, into `*list`. The list has one token, or none if the auth token does not
/// contain the application token's id, for example with user credentials. Fails like
/// emnify_token_list(). Blocks.
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

/// Returns the number of application tokens in the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_size(list: *const emnify_tokens) -> usize {
    // SAFETY: the contract.
    unsafe { read(list, 0, |list| list.0.len()) }
}

/// Returns the application token at `index`, counted from 0, in the server's order. Borrowed from
/// `list`. NULL if `index` is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_list_at(
    list: *const emnify_tokens,
    index: usize,
) -> *const emnify_token {
    // SAFETY: the contract.
    unsafe { read(list, ptr::null(), |list| list.0.get(index).map_or(ptr::null(), ptr::from_ref)) }
}

/// Frees a list and everything borrowed from it.
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
