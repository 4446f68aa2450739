//! A client that trusts the sandbox, and calls that most tests need.

use std::sync::Arc;

use emnify_sandbox::Sandbox;
use reqwest::blocking::{Client, ClientBuilder, Response};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

pub const AUTHENTICATE: &str = "/api/v1/authenticate";
pub const TOKENS: &str = "/api/v1/application_token";
/// The SHA-1 of `password`.
pub const PASSWORD: &str = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";

/// A sandbox and a client for it.
pub struct Rig {
    pub sandbox: Sandbox,
    pub client: Client,
}

impl Rig {
    pub fn new() -> Rig {
        let sandbox = Sandbox::start().unwrap();
        let client = client(&sandbox).build().unwrap();
        Rig { sandbox, client }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(self.url(path)).json(body).send().unwrap()
    }

    pub fn authenticate(&self, body: &Value) -> (u16, Value) {
        status_and_body(self.post(AUTHENTICATE, body))
    }

    /// Exchanges an application token for an auth token.
    pub fn exchange(&self, application_token: &str) -> (u16, Value) {
        self.authenticate(&json!({ "application_token": application_token }))
    }

    /// Returns an auth token for the application token that exists from the start.
    pub fn sign_in(&self) -> String {
        let (status, body) = self.exchange(&self.sandbox.application_token());
        assert_eq!(status, 200, "{body}");
        text(&body, "auth_token")
    }

    pub fn log_in(&self, username: &str, password: &str) -> (u16, Value) {
        self.authenticate(&json!({ "username": username, "password": password }))
    }

    pub fn get(&self, token: &str, path: &str) -> Response {
        self.client.get(self.url(path)).bearer_auth(token).send().unwrap()
    }

    pub fn create(&self, token: &str, body: &Value) -> (u16, Value) {
        status_and_body(
            self.client.post(self.url(TOKENS)).bearer_auth(token).json(body).send().unwrap(),
        )
    }

    /// Returns the application tokens as the list shows them.
    pub fn rows(&self, token: &str, query: &str) -> Vec<Value> {
        let (status, rows) = status_and_body(self.get(token, &format!("{TOKENS}{query}")));
        assert_eq!(status, 200);
        rows.as_array().unwrap().clone()
    }

    pub fn patch(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        status_and_body(
            self.client.patch(self.url(path)).bearer_auth(token).json(body).send().unwrap(),
        )
    }
}

/// Returns a builder of clients that trust only the sandbox.
pub fn client(sandbox: &Sandbox) -> ClientBuilder {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(sandbox.ca_file()).unwrap()).unwrap();
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder().no_proxy().tls_backend_preconfigured(tls)
}

/// Returns status and body; null if the body is empty or not JSON.
pub fn status_and_body(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().unwrap()).unwrap_or_default())
}

pub fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_else(|| panic!("no {field} in {body}")).to_owned()
}

pub fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
}
