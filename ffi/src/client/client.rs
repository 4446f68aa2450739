//! The client: created from a configuration or from the environment. `workspace` creates others.

use emnify_core::Client;

use super::auth_token::LastHandedOut;
use super::callback::Users;
use super::config::emnify_config;
use crate::boundary::{Out, Result, call, emnify_error, free, needed};

/// A client of emnify's API that keeps itself signed in. Any number of threads may use it at the
/// same time: one of them signs in while the others wait.
///
/// Created by emnify_client_new() or emnify_switch_workspace(); free it with emnify_client_free().
pub struct emnify_client {
    pub(crate) core: Client,
    pub(super) last_handed_out: LastHandedOut,
    pub(crate) users: Users,
}

/// Checks `config` and creates a client in `*client`. With NULL, all settings come from the
/// environment. `config` is copied and may be freed.
///
/// The client connects at its first call, which also starts its threads and reads the store. So it
/// may be created before a fork().
///
/// Fails with EMNIFY_ERR_INVALID_INPUT; the message contains the name of the setting or of the
/// environment variable.
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
        let (builder, users) = match config {
            Some(config) => (config.builder.clone(), config.users.clone()),
            None => (Client::builder(), Users::default()),
        };
        out.give(emnify_client::new(builder.build()?, users));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Frees a client. No thread may be using it: see emnify_client_cancel(). Auth tokens, pages and
/// clients for other workspaces stay valid. Does not wait for the network: an exchange that is
/// still running in the background ends within its timeout and calls none of your functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_free(client: *mut emnify_client) {
    // SAFETY: the contract.
    unsafe { free(client) }
}

impl emnify_client {
    pub(super) fn new(core: Client, users: Users) -> Self {
        emnify_client { core, last_handed_out: LastHandedOut::default(), users }
    }
}

impl Drop for emnify_client {
    fn drop(&mut self) {
        self.core.retire_descriptor();
    }
}

/// Runs a call of `client` that produces a handle: checks `client` and the out-pointer, which comes
/// with the name of its argument, runs `body`, and writes its value to the out-pointer.
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
        // SAFETY: guaranteed by the caller.
        let client = unsafe { usable(client) }?;
        // SAFETY: guaranteed by the caller.
        let out = unsafe { Out::new(name, out) }?;
        out.give(body(client)?);
        Ok(())
    };
    // SAFETY: guaranteed by the caller.
    unsafe { call(error, body) }
}

/// Returns the client in the argument `client`, which must be neither NULL nor cancelled.
///
/// # Safety
///
/// As for [`needed`].
pub(crate) unsafe fn usable<'a>(client: *const emnify_client) -> Result<&'a emnify_client> {
    // SAFETY: guaranteed by the caller.
    let client = unsafe { needed("client", client) }?;
    check(&client.core)?;
    Ok(client)
}

/// Fails if `client` was cancelled. Calls of the core check this themselves, but a cached auth
/// token and cached rows need no call.
#[inline]
pub(crate) fn check(client: &Client) -> Result {
    if client.is_cancelled() { Err(emnify_error::cancelled()) } else { Ok(()) }
}
