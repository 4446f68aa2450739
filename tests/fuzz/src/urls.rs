//! Base URLs and proxies that a program or its environment sets.

use emnify_core::{Client, parsers};

use crate::text::check_shown;

/// Checks `data` as each kind of URL.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parsers::base_url(text) {
        Ok(url) => {
            let (scheme, rest) = url.split_once("://").unwrap();
            let host = rest.split('/').next().unwrap();
            let is_local = host.starts_with("127.")
                || host.starts_with("localhost")
                || host.starts_with("[::");
            assert!(scheme == "https" || scheme == "http" && is_local, "{url}");
            assert!(!rest.contains(['@', '?', '#', ' ']) || !host.contains('@'), "{url}");
        }
        Err(error) => check_shown(&error, &["canary"]),
    }
    let client = Client::builder()
        .application_token("canary")
        .base_url("https://192.0.2.7")
        .proxy(text)
        .local_address(text)
        .interface(text)
        .build();
    if let Err(error) = client {
        check_shown(&error, &["canary"]);
    }
}
