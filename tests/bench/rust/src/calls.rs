//! The same GET in three ways. Each function signs in and returns what makes one call.

use std::{env, fs};

use emnify_core::{Client, Method};
use serde_json::{Value, json};

use crate::Result;

const PATH: &str = "/api/v1/sim/500001";

pub(crate) fn emnify() -> Result<impl FnMut() -> Result<usize>> {
    let client = Client::builder().pacing(false).build()?;
    client.authenticate()?;
    Ok(move || Ok(client.request(Method::Get, PATH).send()?.body().len()))
}

pub(crate) fn reqwest() -> Result<impl FnMut() -> Result<usize>> {
    // Fails if a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificates = reqwest::Certificate::from_pem_bundle(&certificates()?)?;
    let http = reqwest::blocking::Client::builder().tls_certs_only(certificates).build()?;
    let body =
        serde_json::to_vec(&json!({"application_token": variable("EMNIFY_APPLICATION_TOKEN")?}))?;
    let signed_in = http
        .post(variable("EMNIFY_BASE_PATH")? + "/api/v1/authenticate")
        .header("content-type", "application/json")
        .body(body)
        .send()?
        .error_for_status()?;
    let header = bearer(&signed_in.bytes()?)?;
    let url = variable("EMNIFY_BASE_PATH")? + PATH;
    Ok(move || {
        let response = http.get(&url).header("authorization", &header).send()?;
        Ok(response.error_for_status()?.bytes()?.len())
    })
}

pub(crate) fn ureq() -> Result<impl FnMut() -> Result<usize>> {
    use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

    let pem = certificates()?;
    let roots: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
    let http = ureq::Agent::from(ureq::Agent::config_builder().tls_config(tls).build());
    let body =
        serde_json::to_vec(&json!({"application_token": variable("EMNIFY_APPLICATION_TOKEN")?}))?;
    let mut signed_in = http
        .post(variable("EMNIFY_BASE_PATH")? + "/api/v1/authenticate")
        .content_type("application/json")
        .send(&body)?;
    let header = bearer(&signed_in.body_mut().read_to_vec()?)?;
    let url = variable("EMNIFY_BASE_PATH")? + PATH;
    Ok(move || {
        let mut response = http.get(&url).header("authorization", &header).call()?;
        Ok(response.body_mut().read_to_vec()?.len())
    })
}

fn bearer(body: &[u8]) -> Result<String> {
    let body: Value = serde_json::from_slice(body)?;
    let token = body.get("auth_token").and_then(Value::as_str).ok_or("no auth token")?;
    Ok(format!("Bearer {token}"))
}

fn certificates() -> Result<Vec<u8>> {
    Ok(fs::read(variable("SSL_CERT_FILE")?)?)
}

fn variable(name: &str) -> Result<String> {
    Ok(env::var(name)?)
}
