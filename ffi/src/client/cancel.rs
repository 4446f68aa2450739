//! Cancels all calls of a client, so that other threads stop using it and it can be freed.

use super::client::emnify_client;
use super::config::{emnify_config, set};
use crate::boundary::{emnify_error, infallible};

/// Sets whether emnify_client_cancel() also ends a call that waits for a response. Default: false.
///
/// If true, each exchange with the server runs on a thread of the library, which adds 20 to 50
/// microseconds. The calling thread waits for it and runs your functions. The thread is reused, and
/// ends after 10 idle seconds. A call without an exchange, such as emnify_authenticate() with a
/// cached auth token, is as fast as before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_cancellable(
    config: *mut emnify_config,
    cancellable: bool,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.cancellable(cancellable))) }
}

/// Sets how many exchanges with the server a cancellable client may run at the same time, each on
/// its own thread: see emnify_config_set_cancellable(). Further exchanges wait for a free thread,
/// within the timeout of their call. Default: 64; 0 counts as 1.
///
/// A client that is not cancellable has no such limit: its exchanges run on the calling threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_max_exchanges(
    config: *mut emnify_config,
    max_exchanges: usize,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.max_exchanges(max_exchanges))) }
}

/// Cancels all current and later calls of `client` and of its pages. This cannot be undone. Use it
/// to end a program, or to free a client that other threads use: cancel, join these threads, free.
///
/// Later calls fail at once with EMNIFY_ERR_CANCELLED, except emnify_status_new() and the functions
/// that read or free a handle. The auth token is no longer renewed. Clients created by
/// emnify_switch_workspace() are not cancelled.
///
/// Current calls in other threads also fail with EMNIFY_ERR_CANCELLED:
///
/// - A call that waits for another thread's or process's sign-in, or before a retry, ends at once.
/// - A call that waits for a response ends at once if emnify_config_set_cancellable() was set;
///   otherwise when the response arrives or the timeout ends.
/// - A call that is running a function of yours ends when the function returns.
///
/// A request that was already sent may still take effect. If emnify_token_create() was cancelled,
/// the new application token is revoked in the background, if its id is found and the process runs
/// long enough. A cancelled rotation continues when another client with the same store calls
/// emnify_token_rotate().
///
/// Returns at once. May be called from any thread and from your functions, but not from a signal
/// handler: there, set a flag or write to a pipe, and let a thread call this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_client_cancel(client: *const emnify_client) {
    infallible((), || {
        // SAFETY: the contract.
        if let Some(client) = unsafe { client.as_ref() } {
            client.core.cancel();
        }
    });
}
