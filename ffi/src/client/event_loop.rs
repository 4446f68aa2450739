//! What a program with an event loop needs: a descriptor to watch, and renewal without calls.

use super::client::{check, emnify_client, usable};
use super::config::{emnify_config, set};
use crate::boundary::{Result, call, emnify_error, needed};

/// Sets whether a thread of the client renews the auth token on time, also without calls, and signs
/// in again after an outage. It starts at the first call that needs an auth token. Default: false;
/// then the first call after the point of renewal starts the renewal. After a fork, the child's
/// thread starts with its first call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_auto_renew(
    config: *mut emnify_config,
    auto_renew: bool,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.auto_renew(auto_renew))) }
}

/// Writes a descriptor for poll(), epoll or select() to `*fd`. It becomes readable when an auth
/// token arrives, when an attempt to sign in fails, and when an event waits for the observer. Then
/// call emnify_client_process() and, if you need a token, emnify_try_authorization_header(). Try
/// once before you wait: there may be a token already. From this call on, a thread of the client
/// keeps it signed in, as with emnify_config_set_auto_renew(). Never blocks.
///
/// Later calls write the same descriptor. Do not read from it, write to it or close it. After
/// emnify_client_free() it is no longer readable, and it is closed as soon as a sign-in in progress
/// has ended. It belongs to this process: a forked child calls this function again and gets its own.
///
/// Fails with EMNIFY_ERR_RESOURCE if no descriptor or thread can be created, and on Windows with
/// EMNIFY_ERR_INVALID_INPUT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_fd(
    client: *const emnify_client,
    fd: *mut i32,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { usable(client) }?;
        if fd.is_null() {
            return Err(emnify_error::null("fd"));
        }
        let descriptor = descriptor(client)?;
        // SAFETY: it is not NULL, and so may be written to.
        unsafe { fd.write(descriptor) };
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Makes the descriptor of emnify_client_fd() unreadable until something else happens, and passes
/// the events to the observer, on this thread. Without a descriptor it only passes the events.
/// Takes as long as your observer does. If the client was cancelled, it does the same, and then
/// fails with EMNIFY_ERR_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_process(
    client: *const emnify_client,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { needed("client", client) }?;
        // Also of a cancelled client: a loop would spin while the descriptor stays readable.
        client.core.process();
        check(&client.core)
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

#[cfg(unix)]
fn descriptor(client: &emnify_client) -> Result<i32> {
    Ok(client.core.descriptor()?)
}

#[cfg(not(unix))]
fn descriptor(_: &emnify_client) -> Result<i32> {
    Err(emnify_error::invalid_input("client", "this system offers no descriptor to watch"))
}
