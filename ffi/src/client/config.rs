//! The configuration of a client: the core's builder, with a setter for each option. Here are those
//! that most programs need; the other files named `config_…`, `event` and `cancel` have the others.

use std::ffi::c_char;
use std::ptr;

use emnify_core::{Client, ClientBuilder, Secret, Store};

use super::callback::Users;
use crate::boundary::{
    Result, call, counted_text, emnify_error, free, infallible, needed_mut, new, text,
};

/// Settings for a client. All are optional: a setting that is not set comes from an environment
/// variable or has the default that its setter names.
///
/// Create it with emnify_config_new() and free it with emnify_config_free().
///
/// Setters copy the value. They fail with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or a text
/// is not UTF-8, and then change nothing. Unless noted, emnify_client_new() makes all other checks.
pub struct emnify_config {
    pub(super) builder: ClientBuilder,
    pub(super) users: Users,
}

/// Creates a configuration without any setting. NULL only after a bug in this library.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_config_new() -> *mut emnify_config {
    let config = || emnify_config { builder: Client::builder(), users: Users::default() };
    infallible(ptr::null_mut(), || new(config()))
}

/// Sets the application token to sign in with: `length` bytes at `application_token`, which need no
/// NUL. Wipe your own copy when you no longer need it.
///
/// Default: the environment variable EMNIFY_APPLICATION_TOKEN, or else the file named by
/// EMNIFY_APPLICATION_TOKEN_FILE. Call only one of emnify_config_set_application_token(),
/// emnify_config_set_application_token_file() and emnify_config_set_user().
///
/// A token has 1 to 8,192 visible ASCII characters, without spaces or line breaks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_application_token(
    config: *mut emnify_config,
    application_token: *const c_char,
    length: usize,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the bytes are copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let token = counted_text("application_token", application_token, length)?;
            Ok(builder.application_token(Secret::from(token)))
        })
    }
}

/// Sets the path of a file that contains the application token; white space around the token is
/// ignored. The file is read at each sign-in and after its token was refused, so a new token is
/// used without a restart.
///
/// Default: see emnify_config_set_application_token(). If the file cannot be read or contains no
/// token, the call that signs in fails with EMNIFY_ERR_INVALID_INPUT; a client that has read a
/// token from it before continues to use that one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_application_token_file(
    config: *mut emnify_config,
    application_token_file: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the string is copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let path = text("application_token_file", application_token_file)?;
            Ok(builder.application_token_file(path))
        })
    }
}

/// Sets where the session is kept after the process ends: the path of a directory, which is created
/// with mode 0700 if it is missing, or, if the library was built with the feature `redis`, the URL
/// of a Redis or Valkey server: `redis://`, or `rediss://` with TLS, and
/// `[user[:password]@]host[:port][/database]`; or `redis+unix:///path?db=0`. A password that is not
/// in the URL comes from the environment variable EMNIFY_STORE_PASSWORD, or else from the file that
/// EMNIFY_STORE_PASSWORD_FILE names. Any other URL fails with EMNIFY_ERR_INVALID_INPUT. `~/` at the
/// beginning is the directory in the environment variable HOME.
///
/// Default: the environment variable EMNIFY_STORE, or else in memory only. With a store:
///
/// - A restarted process uses the auth token that it finds in the store.
/// - Processes with the same store and credential sign in once for all.
/// - After a 429 or refused credentials, the wait before the next attempt is stored, so that a
///   restart loop does not lock out the device.
/// - emnify_token_rotate() keeps its progress there. It needs a directory.
///
/// Each credential has one file with mode 0600, encrypted with a key derived from the credential. A
/// file is written only when the session changes, and always as a whole.
///
/// If the store cannot be read or written, the session continues in memory and reports
/// EMNIFY_EVENT_STORE_ERROR. This also happens if the group or others can write to the directory:
/// the event's message contains the chmod command to run, and emnify_token_rotate() fails with
/// EMNIFY_ERR_STORE. Files that root creates in another user's directory belong to that user. The
/// store's locks have no effect between two copies of this library in one process, such as this one
/// and the Python package: give each copy its own directory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_store(
    config: *mut emnify_config,
    store: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the string is copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let location = text("store", store)?;
            Ok(builder.store(Store::at(location)?))
        })
    }
}

/// Frees a configuration and wipes its secrets. Clients created from it are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_free(config: *mut emnify_config) {
    // SAFETY: the contract.
    unsafe { free(config) }
}

/// Replaces the builder by the one that `change` returns. If that fails, the builder is unchanged.
///
/// # Safety
///
/// As for [`configure`].
pub(crate) unsafe fn set(
    config: *mut emnify_config,
    error: *mut *mut emnify_error,
    change: impl FnOnce(ClientBuilder) -> Result<ClientBuilder>,
) -> i32 {
    let change = |config: &mut emnify_config| {
        config.builder = change(config.builder.clone())?;
        Ok(())
    };
    // SAFETY: guaranteed by the caller.
    unsafe { configure(config, error, change) }
}

/// Changes the configuration with `change`, which changes nothing if it fails.
///
/// # Safety
///
/// As for [`call`] and [`needed_mut`].
pub(super) unsafe fn configure(
    config: *mut emnify_config,
    error: *mut *mut emnify_error,
    change: impl FnOnce(&mut emnify_config) -> Result,
) -> i32 {
    // SAFETY: guaranteed by the caller.
    unsafe { call(error, || change(needed_mut("config", config)?)) }
}
