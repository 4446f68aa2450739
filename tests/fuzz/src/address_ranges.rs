//! Addresses and ranges that an application token is restricted to.

use emnify_core::parsers;

use crate::text::check_shown;

/// Checks the address or range `data`.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (address, prefix) = text.split_once('/').unwrap_or((text, "0"));
    match parsers::ip(text) {
        Ok(()) => {
            let most = if address.contains(':') { 128 } else { 32 };
            assert!(prefix.parse::<u8>().unwrap() <= most, "{text}");
            assert!(text.bytes().all(|b| b.is_ascii_hexdigit() || b"./:".contains(&b)), "{text}");
        }
        Err(error) => {
            check_shown(&error, &[]);
            assert!(error.to_string().starts_with("ip: "), "{error}");
            assert!(text.parse::<std::net::IpAddr>().is_err(), "{text}");
        }
    }
}
