//! The settings for connections: server, time limits, certificates, proxy, interface, pace.

use std::ffi::c_char;
use std::time::Duration;

use super::config::{emnify_config, set};
use crate::boundary::{counted_text, emnify_error, text};

/// Sets the URL of the API: https, or http to this machine.
///
/// Default: the environment variable EMNIFY_BASE_PATH, or else https://cdn.emnify.net.
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

/// Sets how long one call may take, in milliseconds, including all waits and retries. Must be
/// greater than 0. Default: 30,000.
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

/// Sets how long connecting may take, in milliseconds, within the timeout of the call. Must be
/// greater than 0. Default: 10,000.
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

/// Sets the path of a file of PEM certificates, or of a directory of such files. Only these
/// certificate authorities are trusted. emnify_client_new() reads the path and fails if there is no
/// certificate in it.
///
/// Default: the environment variables SSL_CERT_FILE, SSL_CERT_DIR or REQUESTS_CA_BUNDLE, or else
/// the system's certificates, or else a bundled set.
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

/// Sets the certificate authorities, like emnify_config_set_ca_bundle(), which it replaces, from
/// the `length` bytes of PEM certificates at `pem`. They need no NUL. Error messages call them
/// ca_bundle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_ca_pem(
    config: *mut emnify_config,
    pem: *const c_char,
    length: usize,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the bytes are copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let pem = counted_text("pem", pem, length)?;
            Ok(builder.ca_pem(pem))
        })
    }
}

/// Sets the URL of an HTTP proxy, such as http://proxy.example:3128. It may contain a user name and
/// a password; messages do not repeat it.
///
/// Default: the environment variables HTTPS_PROXY and ALL_PROXY. Hosts in NO_PROXY and this machine
/// are always reached directly.
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

/// Sets the network interface that all connections are made from, such as "wwan0". It may appear
/// after the client is created; without it, calls fail with EMNIFY_ERR_NETWORK. Before Linux 5.7
/// this needs the capability CAP_NET_RAW. On systems other than Linux, Android and Apple's,
/// emnify_client_new() fails with EMNIFY_ERR_INVALID_INPUT.
///
/// Applies to connections to emnify, or to the proxy; not to looking up names or to a store in
/// Redis. Default: the system chooses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_interface(
    config: *mut emnify_config,
    interface: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the string is copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let name = text("interface", interface)?;
            Ok(builder.interface(name))
        })
    }
}

/// Sets the IPv4 or IPv6 address of this machine that all connections are made from, such as
/// "192.0.2.7", for an application token that is limited to it. Only servers of the same IP version
/// are reached. Otherwise like emnify_config_set_interface(), and on all systems.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_local_address(
    config: *mut emnify_config,
    local_address: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; the string is copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let address = text("local_address", local_address)?;
            Ok(builder.local_address(address))
        })
    }
}

/// Sets about how many clients sign in from the same public address, from 1 to 1,000,000. emnify
/// limits sign-ins by address. After the first refusal because of that limit, a client of a fleet
/// waits for 300 s and up to 4.2 s for each client, drawn at random, instead of 300 s: then a
/// large fleet needs fewer calls, and gets signed in even if emnify counts refused calls. The first
/// attempt is never delayed.
///
/// Default: the environment variable EMNIFY_FLEET_SIZE, or else unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_fleet_size(
    config: *mut emnify_config,
    fleet_size: u32,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.fleet_size(fleet_size))) }
}

/// Sets whether calls are delayed to stay within emnify's rate limits. A call that would have to
/// wait longer than its timeout fails with EMNIFY_ERR_RATE_LIMITED. Default: true.
///
/// The limits apply to all threads of a client together: 500 calls at once, then 5 per second
/// (2,000 in any 300 s). In addition, lists and statistics have 5 at once, then 10 per second;
/// other calls have 25 at once, then 50 per second. Signing in has limits of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_pacing(
    config: *mut emnify_config,
    pacing: bool,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.pacing(pacing))) }
}

/// Sets how often a call is repeated after temporary failures (5xx, 429, broken connections), within
/// its timeout and only if that is safe. Signing in has limits of its own. Default: 2, so three
/// attempts in all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_retries(
    config: *mut emnify_config,
    retries: u32,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract.
    unsafe { set(config, error, |builder| Ok(builder.retries(retries))) }
}
