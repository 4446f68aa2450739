//! Connections are made from the interface and the address that the program chooses.

use emnify_core::{ClientBuilder, Error, ErrorKind, ErrorReason};
use emnify_sandbox::NewToken;

use crate::common::{all_calls, builder, builder_without_token, sandbox};

fn fail(builder: ClientBuilder) -> Error {
    builder.build().unwrap().authenticate().unwrap_err()
}

#[test]
fn a_token_that_is_limited_to_an_address_works_from_this_address() {
    let sandbox = sandbox();
    let new = NewToken { ip: Some("127.0.0.2".to_owned()), ..NewToken::default() };
    let (_, token) = sandbox.add_application_token(new);
    let builder = builder_without_token(&sandbox).application_token(token.as_str());
    assert_eq!(fail(builder.clone()).kind(), ErrorKind::Rejected);
    let client = builder.local_address("127.0.0.2").build().unwrap();
    client.authenticate().unwrap();
    client.application_tokens().list().unwrap();
}

#[test]
fn an_address_of_another_machine_is_named() {
    let sandbox = sandbox();
    let error = fail(builder(&sandbox).local_address(std::net::Ipv4Addr::new(192, 0, 2, 7)));
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Network, "{message}");
    assert_eq!(error.reason(), Some(ErrorReason::Connect), "{message}");
    let expected = "cannot sign in: binding to the local address 192.0.2.7 failed: ";
    assert!(message.starts_with(expected), "{message}");
    assert!(message.contains("; check that this machine has this address"), "{message}");
    assert_eq!(all_calls(&sandbox), 0);
}

#[test]
fn an_address_of_the_other_ip_version_reaches_no_server() {
    let sandbox = sandbox();
    let error = fail(builder(&sandbox).local_address("::1"));
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().contains(" from the address ::1 failed: "), "{error}");
    assert_eq!(all_calls(&sandbox), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interface_carries_the_calls() {
    let sandbox = sandbox();
    builder(&sandbox).interface("lo").build().unwrap().authenticate().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn an_interface_that_does_not_exist_is_named() {
    let sandbox = sandbox();
    let error = fail(builder(&sandbox).interface("nowhere0"));
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Network, "{message}");
    let expected = "cannot sign in: binding to the network interface nowhere0 failed: ";
    assert!(message.starts_with(expected) && message.contains("CAP_NET_RAW"), "{message}");
    assert_eq!(all_calls(&sandbox), 0);
}

#[test]
fn a_connection_to_a_proxy_is_bound_too() {
    let sandbox = sandbox();
    let builder = builder(&sandbox).base_url("https://cdn.example").proxy("http://127.0.0.1:9");
    let error = fail(builder.local_address("192.0.2.7"));
    let expected = "cannot sign in: binding to the local address 192.0.2.7 failed: ";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert_eq!(error.reason(), Some(ErrorReason::Connect), "{error}");
}

#[test]
fn an_error_in_connecting_names_the_binding() {
    let sandbox = sandbox();
    let builder = builder(&sandbox).base_url("http://127.0.0.1:9").local_address("127.0.0.2");
    let message = fail(builder).to_string();
    assert!(message.contains("127.0.0.1:9 from the address 127.0.0.2 failed: "), "{message}");
}
