//! Cancelling all calls of a client, so that it can be freed while other threads use it.

use super::client::emnify_client;
use super::config::{emnify_config, set};
use crate::boundary::{emnify_error, infallible};

/// Sets whether emnify_client_cancel() also ends calls that wait for a response of the server. Each
/// exchange with the server is made on a thread of the library's then, which costs 20 to 50
/// microseconds, while the thread that called waits and runs your functions. A thread is kept for
/// the next exchange, and ends when it was idle for 10 seconds. A call that needs no exchange, such
/// as emnify_authenticate() with a valid auth token, costs nothing more.
///
/// Default: false. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_cancellable(
    config: *mut emnify_config,
    cancellable: bool,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.cancellable(cancellable))) }
}

/// Sets how many exchanges with the server a cancellable client makes at the same time, each on a
/// thread of its own: see emnify_config_set_cancellable(). Further exchanges wait for one of these
/// threads, within the timeout of their call. It does not limit a client that is not cancellable,
/// whose exchanges are made on the threads that call.
///
/// Default: 64; 0 counts as 1. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_max_exchanges(
    config: *mut emnify_config,
    max_exchanges: usize,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.max_exchanges(max_exchanges))) }
}

/// Cancels all calls of `client` and of its pages, for good: to end a program, or to free a client
/// that other threads use. From now on each call fails at once with EMNIFY_ERR_CANCELLED, except
/// emnify_status_new() and the functions that free or read what you have. Clients for other
/// workspaces, made by emnify_switch_workspace(), go on.
///
/// Calls that are under way in other threads fail with EMNIFY_ERR_CANCELLED at once, whether they
/// wait for another thread or process to sign in, or before another attempt. A call that waits for
/// a response of the server ends at once if emnify_config_set_cancellable() was set, and otherwise
/// when the response is there or the timeout is over. A call that is running a function of yours
/// ends when the function returns. So, to free a client that other threads may be using: cancel,
/// join these threads, free.
///
/// A request that was sent before may still take effect. An application token that
/// emnify_token_create() receives too late is revoked in the background, provided that its id is
/// found and the process lives long enough. A rotation stops in a state from which
/// emnify_token_rotate(), called with another client and the same store, continues.
///
/// Returns without waiting. Call it from any thread, also from within an observer, but not from a
/// signal handler: that may set a flag or write to a pipe for a thread which then calls this. NULL
/// is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_cancel(client: *const emnify_client) {
    infallible((), || {
        // SAFETY: the contract.
        if let Some(client) = unsafe { client.as_ref() } {
            client.core.cancel();
        }
    });
}
