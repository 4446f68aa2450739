//! Environment variables that a client is created from.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use emnify_core::Client;

use crate::text::{check_secrets, check_shown};

/// The variables that the library reads when a client is created.
const VARIABLES: [&str; 14] = [
    "EMNIFY_APPLICATION_TOKEN",
    "EMNIFY_APPLICATION_TOKEN_FILE",
    "EMNIFY_BASE_PATH",
    "EMNIFY_STORE",
    "EMNIFY_FLEET_SIZE",
    "EMNIFY_USERNAME",
    "EMNIFY_PASSWORD",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
];

/// Checks the environment in `data`: each line is a letter from `a` on, for a variable, and its
/// value.
pub fn check(data: &[u8]) {
    for name in VARIABLES {
        // SAFETY: no other thread of this process uses the environment.
        unsafe { env::remove_var(name) };
    }
    for line in data.split(|byte| *byte == b'\n') {
        let Some((letter, value)) = line.split_first() else { continue };
        let Some(name) = VARIABLES.get(usize::from(letter.wrapping_sub(b'a'))) else { continue };
        // A path to certificates could lead to a device that never ends.
        let is_path = name.contains("CERT") || name.contains("BUNDLE");
        let kept = |byte: &u8| *byte != 0 && !(is_path && *byte == b'/');
        let value: Vec<u8> = value.iter().copied().filter(kept).collect();
        if !hides_canary(name, &String::from_utf8_lossy(&value)) {
            continue;
        }
        // SAFETY: no other thread of this process uses the environment.
        unsafe { env::set_var(name, OsStr::from_bytes(&value)) };
    }
    match Client::from_env() {
        Ok(client) => {
            check_secrets(&format!("{client:?} {}", client.base_url()), &["canary"]);
            check_secrets(&client.store().unwrap_or_default(), &["canary"]);
        }
        Err(error) => check_shown(&error, &["canary"]),
    }
}

/// Whether "canary" stands only where the value is secret: a token, a password, the user in a URL.
/// The names of files and hosts are shown.
fn hides_canary(name: &str, value: &str) -> bool {
    if matches!(name, "EMNIFY_APPLICATION_TOKEN" | "EMNIFY_PASSWORD") {
        return true;
    }
    let is_url = value.contains("://") && !name.contains("FILE") && name != "NO_PROXY";
    let shown = if is_url { value.rsplit('@').next().unwrap_or(value) } else { value };
    let has_user = shown.len() < value.len();
    !shown.contains("canary") && (has_user || !value.contains("canary"))
}
