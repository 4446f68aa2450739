//! An error says which part of an exchange failed: its reason for programs, its message for people.

use std::error::Error as _;
use std::io;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use emnify_core::{Client, ClientBuilder, Error, ErrorKind, ErrorReason, Level, ManualClock};
use emnify_sandbox::{Fault, FaultKind};
use rcgen::{CertificateParams, date_time_ymd};

use super::hostile::{self_signed, tls_client};
use crate::common::{AUTHENTICATE, TOKENS, builder, clock, sandbox};

/// A limit that ends first, in tests of a peer that never answers.
const SHORT: Duration = Duration::from_millis(500);

/// Longer than any test should take.
const LONG: Duration = Duration::from_secs(20);

/// Returns a peer to which the kernel connects, but which never says anything.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn reaching(url: &str) -> ClientBuilder {
    Client::builder().application_token("any").base_url(url).clock(clock())
}

fn fail(builder: ClientBuilder) -> Error {
    builder.build().unwrap().authenticate().unwrap_err()
}

#[track_caller]
fn check(error: &Error, kind: ErrorKind, reason: ErrorReason, message: &str) {
    assert_eq!((error.kind(), error.reason()), (kind, Some(reason)), "{error}");
    assert!(error.to_string().contains(message), "{error} without {message}");
}

#[test]
fn an_unknown_host_fails_in_the_lookup() {
    let error = fail(reaching("https://no-such-host.invalid").timeout(Duration::from_secs(2)));
    check(&error, ErrorKind::Network, ErrorReason::Dns, "looking up no-such-host.invalid failed: ");
    let proxied = reaching("https://cdn.example").proxy("http://no-such-proxy.invalid:3128");
    let error = fail(proxied.timeout(Duration::from_secs(2)));
    let message =
        "connecting to the proxy no-such-proxy.invalid:3128 failed: the lookup of its name";
    check(&error, ErrorKind::Proxy, ErrorReason::Dns, message);
}

#[test]
fn a_peer_that_refuses_fails_in_connecting() {
    let (listener, peer) = silent();
    drop(listener);
    let error = fail(reaching(&format!("https://{peer}")));
    let message = format!("connecting to {peer} failed: Connection refused");
    check(&error, ErrorKind::Network, ErrorReason::Connect, &message);
    let cause = error.io_error().map(io::Error::kind);
    assert_eq!(cause, Some(io::ErrorKind::ConnectionRefused));
    assert!(error.source().is_none(), "the message quotes it");
    let error = fail(reaching("https://cdn.example").proxy(format!("http://{peer}")));
    let message = format!("connecting to the proxy {peer} failed: Connection refused");
    check(&error, ErrorKind::Proxy, ErrorReason::Proxy, &message);
}

#[test]
fn a_peer_that_does_not_answer_times_out_in_connecting_whichever_limit_ends_first() {
    let (_listener, peer) = silent();
    for (connect, call) in [(SHORT, LONG), (LONG, SHORT), (SHORT, SHORT)] {
        let limited = |builder: ClientBuilder| fail(builder.connect_timeout(connect).timeout(call));
        let error = limited(reaching(&format!("https://{peer}")));
        let message = format!("cannot sign in: connecting to {peer} timed out after 0.5 s");
        check(&error, ErrorKind::Timeout, ErrorReason::Connect, &message);
        let error = limited(reaching("https://cdn.example").proxy(format!("http://{peer}")));
        let message =
            format!("connecting to cdn.example:443 through the proxy {peer} timed out after 0.5 s");
        check(&error, ErrorKind::Timeout, ErrorReason::Proxy, &message);
    }
}

#[test]
fn a_server_that_does_not_answer_a_request_times_out_waiting_for_the_response() {
    let sandbox = sandbox();
    let peer = sandbox.url().trim_start_matches("https://").trim_end_matches('/').to_owned();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 30_000 }));
    let limit = Duration::from_secs(2);
    for connect in [limit / 2, LONG] {
        let error = fail(builder(&sandbox).connect_timeout(connect).timeout(limit));
        let message = format!("waiting for the response from {peer} timed out after 2 s");
        check(&error, ErrorKind::Timeout, ErrorReason::Receive, &message);
    }
    // On a connection that was there before.
    sandbox.clear_faults();
    let client = builder(&sandbox).timeout(Duration::from_secs(3)).build().unwrap();
    client.authenticate().unwrap();
    sandbox.fault(Fault::new(TOKENS, FaultKind::Delay { milliseconds: 30_000 }));
    let error = client.application_tokens().list().unwrap_err();
    let message = format!("waiting for the response from {peer} timed out after 3 s");
    check(&error, ErrorKind::Timeout, ErrorReason::Receive, &message);
}

#[test]
fn a_connection_that_breaks_after_the_request_fails_in_receiving() {
    let sandbox = sandbox();
    for fault in [FaultKind::ResetBefore, FaultKind::ResetAfter, FaultKind::CutBody] {
        sandbox.fault(Fault::new(AUTHENTICATE, fault));
        let error = fail(builder(&sandbox));
        check(&error, ErrorKind::Network, ErrorReason::Receive, "broke: ");
        sandbox.clear_faults();
    }
}

/// Returns the error of a sign-in at a server with this certificate, and the server's name in
/// messages. The certificate is trusted, apart from what is wrong with it.
fn with_certificate(
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
    wall: SystemTime,
) -> (Error, Level) {
    let server = self_signed(name, change);
    let pem = server.pem.clone();
    let clock = std::sync::Arc::new(ManualClock::new(wall));
    let client = tls_client(server.serve(), &pem, clock);
    let error = client.authenticate().unwrap_err();
    let events = client.take_events();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    (error, events.first().unwrap().level())
}

fn expired(certificate: &mut CertificateParams) {
    certificate.not_after = date_time_ymd(2020, 1, 31);
}

fn premature(certificate: &mut CertificateParams) {
    certificate.not_before = date_time_ymd(2048, 2, 29);
}

#[test]
fn an_expired_certificate_is_reported_with_its_date_and_not_retried() {
    let (error, level) = with_certificate("localhost", expired, SystemTime::now());
    let message = " expired on 2020-01-31 00:00:00 UTC (this machine's clock shows 20";
    check(&error, ErrorKind::Tls, ErrorReason::CertificateExpired, message);
    assert!(error.to_string().contains("the certificate of localhost:"), "{error}");
    let cause = error.source().unwrap().to_string();
    assert!(cause.starts_with("invalid peer certificate: certificate expired"), "{cause}");
    assert_eq!((error.is_retryable(), level), (false, Level::Error), "{error}");
}

#[test]
fn a_clock_that_is_behind_is_blamed_for_a_certificate_and_the_sign_in_is_retried() {
    let unset = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
    let before_release = "this machine's clock is wrong: it shows 1970-01-01 00:00:";
    for (change, wall, message) in [
        (expired as fn(&mut CertificateParams), unset, before_release),
        (premature, unset, before_release),
        (
            premature,
            SystemTime::now(),
            " is valid from 2048-02-29 00:00:00 UTC, and this machine's",
        ),
    ] {
        let (error, level) = with_certificate("localhost", change, wall);
        check(&error, ErrorKind::Tls, ErrorReason::Clock, "set the clock");
        assert!(error.is_retryable() && level == Level::Warning, "{level:?} {error}");
        assert!(error.to_string().contains(message), "{error} without {message}");
    }
}

#[test]
fn a_sign_in_that_failed_because_of_the_clock_is_repeated_within_30_s() {
    let server = self_signed("localhost", premature);
    let (pem, clock) = (server.pem.clone(), clock());
    let client = tls_client(server.serve(), &pem, clock.clone());
    for _ in 0..8 {
        client.authenticate().unwrap_err();
        clock.advance(Duration::from_secs(60));
    }
    let error = client.authenticate().unwrap_err();
    let next = client.status().next_attempt.unwrap();
    assert!(next <= Duration::from_secs(30), "{next:?} {error}");
}

#[test]
fn a_certificate_for_other_names_is_reported_with_them() {
    let change = |certificate: &mut CertificateParams| {
        let other = rcgen::SanType::IpAddress([192, 0, 2, 7].into());
        certificate.subject_alt_names.push(other);
    };
    let (error, level) = with_certificate("login.example", change, SystemTime::now());
    let message = "is not for this host, but for login.example, 192.0.2.7; check that base_url";
    check(&error, ErrorKind::Tls, ErrorReason::CertificateName, message);
    assert_eq!(level, Level::Error);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_not_trusted_whatever_the_clock_shows() {
    let (sandbox, other) = (sandbox(), sandbox());
    for wall in [SystemTime::now(), SystemTime::UNIX_EPOCH] {
        let clock = std::sync::Arc::new(ManualClock::new(wall));
        let error = fail(builder(&sandbox).ca_bundle(other.ca_file()).clock(clock));
        let message = "was not issued by a trusted authority; if a proxy or a private authority";
        check(&error, ErrorKind::Tls, ErrorReason::CertificateUntrusted, message);
        assert!(!error.is_retryable());
    }
    assert_eq!(sandbox.requests().len(), 0);
}
