//! Cancelling all calls of a client, so that it can be freed while other threads use it.

use super::client::emnify_client;
use super::config::emnify_config;
use crate::boundary::{call, emnify_error, infallible, needed_mut};

/// Sets whether emnify_client_cancel() ends calls that are under way at once, whatever they wait for.
/// It costs a thread for each call that may wait (some 100 microseconds): the call is made there,
/// while the thread that called waits and runs your functions. What needs no wait, such as
/// emnify_authenticate() with a valid auth token, costs no more.
///
/// Default: false. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_cancellable(
    config: *mut emnify_config,
    cancellable: bool,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        unsafe { needed_mut("config", config) }?.set_cancellable(cancellable);
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Cancels all calls of `client` and of its pages, for good: to end a program, or to free a client
/// that other threads use. From now on each call fails at once with EMNIFY_ERR_CANCELLED, save
/// emnify_status_new() and those that free or read what you have. A client for another workspace
/// that came of this one goes on.
///
/// Calls that are under way in other threads fail with EMNIFY_ERR_CANCELLED at once where the client
/// was made so by emnify_config_set_cancellable(); else they end as they would have, within the
/// timeout (each of the calls of emnify_token_rotate() has its own). One that is running a function
/// of yours ends when that returns. So, to free a client that other threads may be using: cancel,
/// join these threads, free.
///
/// A call that was left so goes on on a thread of the library's, and calls nothing of yours any
/// more. What it brings is undone: an application token that it creates is revoked, as far as its id
/// is found and the process lives long enough. A rotation goes on, or stops in a state that the next
/// emnify_token_rotate() goes on from. What emnify_request() has sent may have been carried out.
///
/// It waits for nothing. Any thread, also from within an observer; but no signal handler, which may
/// set a flag or write to a pipe for a thread that then calls this. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_cancel(client: *const emnify_client) {
    infallible((), || {
        // SAFETY: the contract.
        if let Some(client) = unsafe { client.as_ref() } {
            client.calls.cancel();
        }
    });
}
