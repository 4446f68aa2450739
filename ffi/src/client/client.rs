//! The client: made from a configuration, from the environment alone, or from another client, and
//! shared by all threads.

use emnify_core::Client;

use super::auth_token::LastHandedOut;
use super::config::emnify_config;
use crate::boundary::{Out, Result, call, emnify_error, free, needed};

/// A machine that is signed in to emnify, or about to be.
///
/// Made by emnify_client_new() or emnify_switch_workspace(), owned by the caller, freed with
/// emnify_client_free(). Any number of threads may use one at the same time; one of them signs in
/// and the others wait for it.
pub struct emnify_client {
    pub(crate) core: Client,
    pub(super) last_handed_out: LastHandedOut,
}

/// Makes a client from `config`, or from the environment alone if that is NULL, and gives it to the
/// caller in `*client`. `config` is not kept and may be freed.
///
/// Everything is checked here and nothing is sent: the client connects with its first call. Nor is
/// a thread started here, or a store touched; what the first call starts belongs to the process that
/// it is made in. So make the client before you fork, or after, as you like.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT, and a message that names the option or the environment
/// variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_new(
    config: *const emnify_config,
    client: *mut *mut emnify_client,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let out = unsafe { Out::new("client", client) }?;
        // SAFETY: the contract.
        let config = unsafe { config.as_ref() };
        let builder = config.map_or_else(Client::builder, emnify_config::builder);
        out.give(emnify_client::new(builder.build()?));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Makes a client for the workspace `id`, and gives it to the caller in `*new_client`. It has all that was configured for `client`, renews itself, and is freed for
/// itself; `client` goes on in its own workspace, and may be freed before it.
///
/// It signs in at once, which takes at most the configured timeout. Any thread.
///
/// The server decides who may switch. Today it refuses application tokens (EMNIFY_ERR_REJECTED, HTTP
/// 401), which emnify calls temporary; a user may switch to the workspaces that they belong to.
///
/// Fails with EMNIFY_ERR_REJECTED, _FORBIDDEN, _NOT_FOUND and the like as the server answers; and
/// besides as emnify_authenticate() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_switch_workspace(
    client: *const emnify_client,
    id: u64,
    new_client: *mut *mut emnify_client,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| Ok(emnify_client::new(client.core.switch_workspace(id)?));
    // SAFETY: the contract.
    unsafe { produce(client, ("new_client", new_client), error, body) }
}

/// Frees a client, once no thread uses it any more. NULL is allowed. What it gave out, such as auth
/// tokens, pages and clients for other workspaces, lives on. It closes the connections, once none of
/// these needs them, which may take a moment; a renewal that is under way in the background ends by
/// itself and calls nothing of yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_free(client: *mut emnify_client) {
    // SAFETY: the contract.
    unsafe { free(client) }
}

impl emnify_client {
    fn new(core: Client) -> Self {
        emnify_client { core, last_handed_out: LastHandedOut::default() }
    }
}

/// Runs a call of `client` that produces a handle: checks `client` and the out-pointer, which is given
/// with the name of its argument, runs `body`, and gives its value to the caller.
///
/// # Safety
///
/// As for [`needed`], [`Out::new`] and [`call`].
pub(crate) unsafe fn produce<T>(
    client: *const emnify_client,
    (name, out): (&str, *mut *mut T),
    error: *mut *mut emnify_error,
    body: impl FnOnce(&emnify_client) -> Result<T>,
) -> i32 {
    let body = || {
        // SAFETY: as demanded of the caller.
        let client = unsafe { usable(client) }?;
        // SAFETY: as demanded of the caller.
        let out = unsafe { Out::new(name, out) }?;
        out.give(body(client)?);
        Ok(())
    };
    // SAFETY: as demanded of the caller.
    unsafe { call(error, body) }
}

/// Returns the client in the argument `client`, which must not be NULL, and not be cancelled.
///
/// # Safety
///
/// As for [`needed`].
pub(crate) unsafe fn usable<'a>(client: *const emnify_client) -> Result<&'a emnify_client> {
    // SAFETY: as demanded of the caller.
    let client = unsafe { needed("client", client) }?;
    check(&client.core)?;
    Ok(client)
}

/// Fails if `client` was cancelled. Calls fail by themselves then; this is also for what needs no
/// call, such as a cached auth token.
#[inline]
pub(crate) fn check(client: &Client) -> Result {
    if client.is_cancelled() { Err(emnify_error::cancelled()) } else { Ok(()) }
}
