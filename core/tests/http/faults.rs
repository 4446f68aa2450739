//! Faults of the server and of the network lead to the right kind of error, in time.

use std::time::{Duration, Instant};

use emnify_core::{Client, ErrorKind, ErrorReason};
use emnify_sandbox::{Fault, FaultKind, RetryAfter, Sandbox};

use crate::common::{self, AUTHENTICATE, TOKENS, builder, builder_without_token, client, sandbox};

/// Returns the kinds of error that a fault on each of two paths leads to.
fn kinds(fault: FaultKind) -> (Option<ErrorKind>, Option<ErrorKind>) {
    let sandbox = sandbox();
    let client = client(&sandbox);
    sandbox.fault(Fault::new(AUTHENTICATE, fault.clone()));
    let authenticate = client.authenticate().err();
    sandbox.clear_faults();
    let client = common::client(&sandbox);
    client.authenticate().unwrap();
    sandbox.fault(Fault::new(TOKENS, fault));
    let list = client.application_tokens().list().err();
    for error in [&authenticate, &list].into_iter().flatten() {
        println!("{error}");
    }
    (authenticate.map(|e| e.kind()), list.map(|e| e.kind()))
}

#[test]
fn each_fault_has_its_kind() {
    use ErrorKind::{Network, Protocol};
    for (fault, authenticate, list) in [
        (FaultKind::ResetBefore, Some(Network), Some(Network)),
        (FaultKind::ResetAfter, Some(Network), Some(Network)),
        (FaultKind::CutBody, Some(Network), Some(Network)),
        (FaultKind::InvalidJson, Some(Protocol), Some(Protocol)),
        (FaultKind::Html { status: 200 }, Some(Protocol), Some(Protocol)),
        (FaultKind::Html { status: 502 }, Some(ErrorKind::Server), Some(ErrorKind::Server)),
        (FaultKind::NoAuthToken, Some(Protocol), Some(Protocol)),
        (FaultKind::EndlessBody { fast: true }, Some(Protocol), Some(Protocol)),
        (FaultKind::WrongContentType, None, None),
        (FaultKind::TokenNotJwt, None, None),
        (FaultKind::DateOff { seconds: -800_000_000 }, None, None),
        (FaultKind::Delay { milliseconds: 50 }, None, None),
    ] {
        assert_eq!(kinds(fault.clone()), (authenticate, list), "{fault:?}");
    }
}

#[test]
fn a_body_that_does_not_match_its_encoding_is_a_protocol_error() {
    let headers = [("Content-Encoding".to_owned(), "gzip".to_owned())].into();
    let fault = FaultKind::Status {
        status: 200,
        body: "{}".to_owned(),
        content_type: "application/json".to_owned(),
        headers,
    };
    assert_eq!(kinds(fault), (Some(ErrorKind::Protocol), Some(ErrorKind::Protocol)));
}

#[test]
fn a_body_that_never_ends_ends_with_the_timeout() {
    let sandbox = sandbox();
    let client = builder(&sandbox).timeout(Duration::from_secs(1)).build().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::EndlessBody { fast: false }));
    let started = Instant::now();
    let error = client.authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let phase =
        format!("sign in: reading the response from {} timed out after 1 s", host(&sandbox));
    assert!(error.to_string().contains(&phase), "{error}");
    assert_eq!(error.reason(), Some(ErrorReason::Receive));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// Host and port of the sandbox.
fn host(sandbox: &Sandbox) -> String {
    sandbox.url().trim_start_matches("https://").trim_end_matches('/').to_owned()
}

#[test]
fn a_call_without_a_response_ends_with_the_timeout() {
    let sandbox = sandbox();
    let client = builder(&sandbox).timeout(Duration::from_millis(500)).build().unwrap();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 30_000 }));
    let error = client.authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.is_retryable());
}

#[test]
fn a_refused_connection_is_a_network_fault_that_names_the_host() {
    let sandbox = sandbox();
    sandbox.fault(Fault::new("", FaultKind::Refuse { milliseconds: None }));
    let error = client(&sandbox).authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn an_unknown_host_is_a_network_fault() {
    let client = Client::builder()
        .application_token("any")
        .base_url("https://no-such-host.invalid")
        .build()
        .unwrap();
    let error = client.authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}

#[test]
fn a_server_with_an_unknown_certificate_authority_is_not_trusted() {
    let (sandbox, other) = (sandbox(), sandbox());
    let client = builder(&sandbox).ca_bundle(other.ca_file()).build().unwrap();
    let error = client.authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("ca_bundle"), "{error}");
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn certificate_authorities_may_be_in_memory_and_the_last_setting_applies() {
    let (sandbox, other) = (sandbox(), sandbox());
    let pem = std::fs::read(sandbox.ca_file()).unwrap();
    let in_memory = builder(&sandbox).ca_bundle(other.ca_file()).ca_pem(pem);
    in_memory.clone().build().unwrap().authenticate().unwrap();
    let error = in_memory.ca_bundle(other.ca_file()).build().unwrap().authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[test]
fn plain_http_works_on_this_machine_and_does_not_pass_for_tls() {
    let plain = Sandbox::start_plain().unwrap();
    let client = builder_without_token(&plain).application_token(plain.application_token());
    client.build().unwrap().authenticate().unwrap();
    let tls_to_plain = builder(&plain).base_url(plain.url().replace("http:", "https:"));
    let error = tls_to_plain.build().unwrap().authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[test]
fn a_rate_limit_has_a_wait_in_every_form_of_retry_after() {
    for (form, from, to) in [
        (RetryAfter::Seconds, 1, 362),
        (RetryAfter::HttpDate, 1, 362),
        // Without `Retry-After`, one to five minutes the first time.
        (RetryAfter::None, 59, 300),
    ] {
        let sandbox = sandbox();
        sandbox.settings(|settings| {
            settings.authenticate_limit = 0;
            settings.retry_after = form;
        });
        let error = client(&sandbox).authenticate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
        let wait = error.retry_after().unwrap().as_secs();
        assert!((from..=to).contains(&wait), "{form:?}: {wait}");
        assert_eq!(sandbox.calls("POST", AUTHENTICATE), 1);
    }
}

#[test]
fn an_account_that_was_refused_too_often_is_locked() {
    let sandbox = sandbox();
    let attempt = || {
        let client = builder(&sandbox).application_token("never-known").build().unwrap();
        client.authenticate().unwrap_err()
    };
    let kinds: Vec<_> = (0..4).map(|_| attempt().kind()).collect();
    assert_eq!(kinds.last(), Some(&ErrorKind::Locked), "{kinds:?}");
    assert!(attempt().retry_after().is_some_and(|wait| wait.as_secs() >= 299));
}

#[test]
fn an_error_contains_emnifys_error_object() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let body = r#"{"error_code":1400,"error_token":"InputValidationFailed","message":"Bad input",
        "errors":[{"error_code":1402,"error_token":"Required","message":"description"}]}"#;
    sandbox.fault(Fault::new(TOKENS, FaultKind::status(422, body)));
    let error = client.application_tokens().list().unwrap_err();
    let said = error.api_error().unwrap();
    assert_eq!(said.error_code, Some(1400));
    assert_eq!(said.errors[0].error_name.as_deref(), Some("Required"));
}
