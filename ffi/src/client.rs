//! The client: made from a configuration or from the environment alone, and shared by all threads.

use emnify_core::Client;

use crate::auth_token::LastHandedOut;
use crate::boundary::{Outcome, Place, call, free, needed};
use crate::config::emnify_config;
use crate::error::emnify_error;

/// A machine that is signed in to emnify, or about to be.
///
/// Made by emnify_client_new(), owned by the caller, freed with emnify_client_free(). Any number of
/// threads may use one at the same time; one of them signs in and the others wait for it.
pub struct emnify_client {
    pub(crate) core: Client,
    pub(crate) last_handed_out: LastHandedOut,
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
        let place = unsafe { Place::new("client", client) }?;
        // SAFETY: the contract.
        let config = unsafe { config.as_ref() };
        let builder = config.map_or_else(Client::builder, emnify_config::builder);
        let core = builder.build()?;
        place.give(emnify_client { core, last_handed_out: LastHandedOut::default() });
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Frees a client, once no thread uses it any more. NULL is allowed. What it gave out, such as auth
/// tokens, lives on. It closes the connections, which may take a moment; a renewal that is under way
/// in the background ends by itself and calls nothing of yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_free(client: *mut emnify_client) {
    // SAFETY: the contract.
    unsafe { free(client) }
}

/// The core's client in the argument `client`, which must not be NULL.
///
/// # Safety
///
/// As for [`needed`].
pub(crate) unsafe fn core<'a>(client: *const emnify_client) -> Outcome<&'a Client> {
    // SAFETY: as demanded of the caller.
    unsafe { needed("client", client) }.map(|client| &client.core)
}
