//! The configuration that a client is made from: the core's builder, with a setter for each of its
//! options. Those about a person are in `config_user`, the observer in `event`.

use std::ffi::c_char;
use std::ptr;
use std::time::Duration;

use emnify_core::{Client, ClientBuilder, Secret, Store};

use crate::boundary::{
    Result, call, counted_text, emnify_error, free, infallible, needed_mut, new, text,
};

/// How a client shall sign in and connect. Everything is optional: what is not set comes from the
/// environment, or has the default that its setter names.
///
/// Made by emnify_config_new(), owned by the caller, freed with emnify_config_free(). One thread at
/// a time.
pub struct emnify_config {
    builder: ClientBuilder,
}

/// An empty configuration, owned by the caller. NULL only after a fault of this library.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_config_new() -> *mut emnify_config {
    infallible(ptr::null_mut(), || new(emnify_config { builder: Client::builder() }))
}

/// Sets the application token to sign in with: `length` bytes, no NUL needed. They are copied; wipe
/// your own when you no longer need them.
///
/// Default: the environment variable EMNIFY_APPLICATION_TOKEN, else the file that
/// EMNIFY_APPLICATION_TOKEN_FILE names. Set this, emnify_config_set_application_token_file() or
/// emnify_config_set_user(), and not more than one.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or the bytes are no UTF-8.
/// emnify_client_new() refuses what cannot be a token: nothing at all, more than 8,192 bytes, or a
/// line break, space, NUL or other character that is not visible ASCII.
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

/// Sets the path of a file that holds the application token. It is read at each sign-in, and when
/// its token was refused, so that one that was replaced is picked up with no restart.
///
/// Default: see emnify_config_set_application_token(). Fails with EMNIFY_ERR_INVALID_INPUT if a
/// pointer is NULL or the path is no UTF-8. A file that cannot be read, or holds no token, is
/// reported by the call that signs in; a client that has read a token from it goes on with that.
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

/// Sets where the API is: a URL with https, or with http to this machine.
///
/// Default: the environment variable EMNIFY_BASE_PATH, else https://cdn.emnify.net. Fails with
/// EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or the URL is no UTF-8; emnify_client_new() checks
/// it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_base_url(
    config: *mut emnify_config,
    base_url: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the string is copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let url = text("base_url", base_url)?;
            Ok(builder.base_url(url))
        })
    }
}

/// Sets the time that one call may take, with everything that it waits for, in milliseconds.
///
/// Default: 30,000. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL; emnify_client_new()
/// refuses 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_timeout_ms(
    config: *mut emnify_config,
    timeout_ms: u32,
    error: *mut *mut emnify_error,
) -> i32 {
    let timeout = Duration::from_millis(timeout_ms.into());
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.timeout(timeout))) }
}

/// Sets the part of that time that connecting may take, in milliseconds.
///
/// Default: 10,000. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL; emnify_client_new()
/// refuses 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_connect_timeout_ms(
    config: *mut emnify_config,
    connect_timeout_ms: u32,
    error: *mut *mut emnify_error,
) -> i32 {
    let timeout = Duration::from_millis(connect_timeout_ms.into());
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.connect_timeout(timeout))) }
}

/// Sets the path of a file of certificates in PEM form, or of a directory of such files: these
/// authorities are trusted and no others.
///
/// Default: the environment variables SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else the
/// system's authorities, else a set that is built in. Fails with EMNIFY_ERR_INVALID_INPUT if a
/// pointer is NULL or the path is no UTF-8; emnify_client_new() reads it, and refuses one without a
/// certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_ca_bundle(
    config: *mut emnify_config,
    ca_bundle: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the string is copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let path = text("ca_bundle", ca_bundle)?;
            Ok(builder.ca_bundle(path))
        })
    }
}

/// Sets the URL of an HTTP proxy, such as http://proxy.example:3128, perhaps with a user name and
/// password. Messages do not repeat it.
///
/// Default: the environment variables HTTPS_PROXY and ALL_PROXY. NO_PROXY names hosts that are
/// reached directly; this machine always is. Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is
/// NULL or the URL is no UTF-8; emnify_client_new() checks it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_proxy(
    config: *mut emnify_config,
    proxy: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the string is copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let url = text("proxy", proxy)?;
            Ok(builder.proxy(url))
        })
    }
}

/// Sets where the session outlives the process: the path of a directory, made with mode 0700 if it
/// is not there, or, where the library was built with the feature `redis`, a URL such as
/// `redis://host:6379/0`. A restart then goes on with the auth token that it finds, and processes
/// which share the store and the credential sign in once for all of them. After a failure it also
/// keeps until when no attempt may be made, so that a restart loop does not get a device locked out.
///
/// Each credential has a file there, mode 0600, sealed with a key derived from the credential: who
/// has the disk and not the credential learns nothing. It is written only when the session changes,
/// as a whole or not at all. emnify_token_rotate() keeps there how far it has come, and needs a
/// directory for it.
///
/// A directory that the group or others can write to is not used: EMNIFY_EVENT_STORE_TROUBLE has the
/// chmod to run, and emnify_token_rotate() fails with EMNIFY_ERR_STORE. What root writes into another
/// user's directory belongs to that user. Two copies of this library in one process (say, this one
/// and the Python package) do not exclude each other: give each a directory of its own.
///
/// Default: nothing outlives the process. Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL
/// or the text is no UTF-8 or no such place. A store that cannot be read or written stops nothing:
/// the session goes on in memory, and EMNIFY_EVENT_STORE_TROUBLE tells it.
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

/// Sets whether calls that come too fast for emnify's limits are delayed, over all threads of a
/// client: 500 calls at once, then 5 a second (2,000 in any 300 s); of these 25 at once, then 50 a
/// second; of lists and statistics 5 at once, then 10 a second. Authenticating has limits of its own.
/// A call that would wait beyond the timeout fails with EMNIFY_ERR_RATE_LIMITED.
///
/// Default: true. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_pacing(
    config: *mut emnify_config,
    pacing: bool,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.pacing(pacing))) }
}

/// Frees a configuration and wipes its secrets. NULL is allowed. Clients that were made from it are
/// not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_free(config: *mut emnify_config) {
    // SAFETY: the contract.
    unsafe { free(config) }
}

impl emnify_config {
    pub(crate) fn builder(&self) -> ClientBuilder {
        self.builder.clone()
    }
}

/// Puts what `change` makes of the builder in its place, or leaves it as it was.
///
/// # Safety
///
/// As for [`call`] and [`needed_mut`].
pub(crate) unsafe fn set(
    config: *mut emnify_config,
    error: *mut *mut emnify_error,
    change: impl FnOnce(ClientBuilder) -> Result<ClientBuilder>,
) -> i32 {
    let body = || {
        // SAFETY: as demanded of the caller.
        let config = unsafe { needed_mut("config", config) }?;
        config.builder = change(config.builder())?;
        Ok(())
    };
    // SAFETY: as demanded of the caller.
    unsafe { call(error, body) }
}
