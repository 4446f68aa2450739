//! Responses and certificates of servers that are not emnify's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use emnify_core::{AuthToken, Client, Error, ErrorKind, ManualClock};
use flate2::Compression;
use flate2::write::GzEncoder;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::common::{Scratch, clock};

const TOKEN: &[u8] = br#"{"auth_token":"opaque"}"#;

/// Starts a server that passes each connection to `serve`.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| serve(stream.unwrap())));
    address
}

/// Reads a request and sends the response.
fn respond(mut stream: impl Read + Write, coding: &str, body: &[u8]) {
    let mut request = [0; 8192];
    // The client may have closed the connection already.
    if stream.read(&mut request).unwrap_or(0) == 0 {
        return;
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\n{coding}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Returns the result of signing in if the response has this body.
fn sign_in(coding: &'static str, body: Vec<u8>) -> Result<AuthToken, Error> {
    let address = listen(move |stream| respond(stream, coding, &body));
    let client = Client::builder()
        .application_token("application-token")
        .base_url(format!("http://{address}"))
        .clock(clock())
        .build()
        .unwrap();
    client.authenticate()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_compressed_response_is_read_however_its_coding_is_written() {
    for coding in ["gzip", "GZIP", "X-Gzip"] {
        let coding: &'static str = format!("Content-Encoding: {coding}\r\n").leak();
        let (first, second) = TOKEN.split_at(9);
        let body = [gzip(first), gzip(second)].concat();
        assert_eq!(sign_in(coding, body).unwrap().reveal(), "opaque", "{coding}");
    }
}

#[test]
fn a_response_to_a_sign_in_is_bounded() {
    let long = [TOKEN, &b" ".repeat(256 * 1024)].concat();
    for (coding, body) in [("", long.clone()), ("Content-Encoding: gzip\r\n", gzip(&long))] {
        let error = sign_in(coding, body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains("longer than 256 KiB"), "{error}");
    }
    let error = sign_in("Content-Encoding: gzip\r\n", b"plain text".to_vec()).unwrap_err();
    assert!(error.to_string().contains("cannot be decompressed"), "{error}");
}

/// A server's self-signed certificate and configuration.
pub(super) struct SelfSigned {
    pub(super) pem: String,
    config: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>,
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl SelfSigned {
    pub(super) fn serve(self) -> ServerConfig {
        self.config.with_single_cert(self.chain, self.key).unwrap()
    }
}

pub(super) fn self_signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> SelfSigned {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    SelfSigned {
        pem: certificate.pem(),
        config,
        chain: vec![certificate.der().clone()],
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    }
}

/// Returns the result of signing in over TLS with these trusted certificates.
fn over_tls(config: ServerConfig, trusted: &str) -> Result<AuthToken, Error> {
    tls_client(config, trusted, clock()).authenticate()
}

/// Returns a client of a server with this configuration that trusts these certificates.
pub(super) fn tls_client(config: ServerConfig, trusted: &str, clock: Arc<ManualClock>) -> Client {
    let config = Arc::new(config);
    let address = listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        respond(StreamOwned::new(connection, stream), "", TOKEN);
    });
    let scratch = Scratch::new("hostile");
    std::fs::write(scratch.0.join("ca.pem"), trusted).unwrap();
    Client::builder()
        .application_token("application-token")
        .base_url(format!("https://localhost:{}", address.port()))
        .ca_bundle(scratch.0.join("ca.pem"))
        .timeout(Duration::from_secs(20))
        .clock(clock)
        .build()
        .unwrap()
}

#[test]
fn only_the_self_signed_certificate_in_the_bundle_is_trusted() {
    let ca = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let no_ca = |params: &mut CertificateParams| params.is_ca = IsCa::ExplicitNoCa;
    let plain = |_: &mut CertificateParams| {};
    let expired = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    };
    for change in [ca as fn(&mut CertificateParams), no_ca, plain] {
        let server = self_signed("localhost", change);
        let pem = server.pem.clone();
        over_tls(server.serve(), &pem).unwrap();
        let other = self_signed("localhost", change);
        let error = over_tls(other.serve(), &pem).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
        let misnamed = self_signed("elsewhere.example", change);
        let pem = misnamed.pem.clone();
        let error = over_tls(misnamed.serve(), &pem).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    }
    let server = self_signed("localhost", expired);
    let pem = server.pem.clone();
    let error = over_tls(server.serve(), &pem).unwrap_err();
    assert!(error.kind() == ErrorKind::Tls && error.to_string().contains("clock"), "{error}");
}

// Windows discards the alert when the server resets the connection.
#[cfg(unix)]
#[test]
fn the_message_says_that_a_server_requires_a_client_certificate() {
    use rustls::server::WebPkiClientVerifier;
    let mut server = self_signed("localhost", |_| {});
    let mut roots = RootCertStore::empty();
    roots.add(server.chain[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .build()
        .unwrap();
    server.config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(server.chain, server.key)
            .unwrap();
    let error = over_tls(config, &server.pem).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("client certificate"), "{error}");
}
