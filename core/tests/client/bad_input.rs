//! Invalid arguments are refused before anything is sent, with a message that names the argument.

use std::time::Duration;

use emnify_core::{ApplicationTokenUpdate, Error, ErrorKind, NewApplicationToken, TrustedDevice};

use crate::common::{all_calls, builder, builder_without_token, client, sandbox};

#[track_caller]
fn assert_refused(argument: &str, error: Error) {
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().starts_with(&format!("{argument}: ")), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[test]
fn a_client_is_not_built_from_invalid_arguments() {
    let sandbox = sandbox();
    for token in ["", "canary\n", "canary\0", "canäry", "two canary"] {
        assert_refused(
            "application_token",
            builder_without_token(&sandbox).application_token(token).build().unwrap_err(),
        );
    }
    for url in ["http://cdn.emnify.net", "cdn.emnify.net", "", "https://cdn.emnify.net/api"] {
        assert_refused("base_url", builder(&sandbox).base_url(url).build().unwrap_err());
    }
    for path in ["/nonexistent/ca.pem", "Cargo.toml", "/dev/null"] {
        assert_refused("ca_bundle", builder(&sandbox).ca_bundle(path).build().unwrap_err());
    }
    for pem in ["", "canary", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_refused("ca_bundle", builder(&sandbox).ca_pem(pem).build().unwrap_err());
    }
    for name in ["", "a b", "a/b", "wwan0\0", "wwan0\n", "sixteen-letters!"] {
        assert_refused("interface", builder(&sandbox).interface(name).build().unwrap_err());
    }
    for address in ["", "localhost", "192.0.2.0/24", "192.0.2.7:443", "fe80::1%lo"] {
        let builder = builder(&sandbox).local_address(address);
        assert_refused("local_address", builder.build().unwrap_err());
    }
    for url in ["", "socks5://canary@proxy", "proxy"] {
        assert_refused("proxy", builder(&sandbox).proxy(url).build().unwrap_err());
    }
    for path in ["", "a\0b"] {
        let store = emnify_core::Store::directory(path);
        assert_refused("store", builder(&sandbox).store(store).build().unwrap_err());
    }
    for size in [0, 1_000_001] {
        assert_refused("fleet_size", builder(&sandbox).fleet_size(size).build().unwrap_err());
    }
    assert_refused("timeout", builder(&sandbox).timeout(Duration::ZERO).build().unwrap_err());
    assert_refused(
        "connect_timeout",
        builder(&sandbox).connect_timeout(Duration::ZERO).build().unwrap_err(),
    );
    assert_refused(
        "application_token",
        builder(&sandbox).application_token_file("/etc/hostname").build().unwrap_err(),
    );
    assert_refused("mfa", builder(&sandbox).mfa(|| Ok(None)).build().unwrap_err());
    let device = TrustedDevice::new("a-device-of-mine", "laptop");
    assert_refused("trusted_device", builder(&sandbox).trusted_device(device).build().unwrap_err());
    assert_eq!(all_calls(&sandbox), 0);
}

#[test]
fn an_application_token_is_not_created_from_invalid_values() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let tokens = client.application_tokens();
    let create = |new: NewApplicationToken| tokens.create(&new).unwrap_err();
    for date in ["", "2020-01-01", "1970-01-01T00:00:00Z", "2027-02-30", "next year"] {
        assert_refused("expiry_date", create(NewApplicationToken::new().expiry_date(date)));
    }
    for ip in ["", "300.1.2.3/99", "192.0.2.0/33", "example.com"] {
        assert_refused("ip", create(NewApplicationToken::new().ip(ip)));
    }
    let megabyte = "x".repeat(1024 * 1024);
    for description in [megabyte.as_str(), "a\0b", "a\r\nb"] {
        assert_refused("description", create(NewApplicationToken::new().description(description)));
        let update = ApplicationTokenUpdate::new().description(description);
        assert_refused("description", tokens.update(1, &update).unwrap_err());
    }
    let nothing = ApplicationTokenUpdate::new();
    assert_refused("description", tokens.update(1, &nothing).unwrap_err());
    assert_eq!(all_calls(&sandbox), 0);
}
