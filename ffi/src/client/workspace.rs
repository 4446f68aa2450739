//! Clients for other workspaces.

use super::client::{emnify_client, produce};
use crate::boundary::emnify_error;

/// Creates a client for the workspace `id` in `*new_client`, with the configuration of `client`. It
/// signs in at once, keeps itself signed in, and is freed independently of `client`, which stays in
/// its own workspace. Blocks.
///
/// The server decides who may switch. Users may switch to the workspaces that they belong to. At
/// present the server refuses application tokens (EMNIFY_ERR_REJECTED, HTTP 401); emnify calls this
/// temporary.
///
/// Other errors include EMNIFY_ERR_FORBIDDEN and EMNIFY_ERR_NOT_FOUND.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_switch_workspace(
    client: *const emnify_client,
    id: u64,
    new_client: *mut *mut emnify_client,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        Ok(emnify_client::new(client.core.switch_workspace(id)?, client.users.clone()))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("new_client", new_client), error, body) }
}
