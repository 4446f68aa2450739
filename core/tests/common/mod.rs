//! A client of the sandbox, for the tests of this crate.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::time::Duration;

use emnify_core::{Client, ClientBuilder};
use emnify_sandbox::Sandbox;

pub const AUTHENTICATE: &str = "/api/v1/authenticate";
pub const TOKENS: &str = "/api/v1/application_token";

pub fn sandbox() -> Sandbox {
    Sandbox::start().unwrap()
}

pub fn builder(sandbox: &Sandbox) -> ClientBuilder {
    builder_without_token(sandbox).application_token(sandbox.application_token())
}

pub fn builder_without_token(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder()
        .base_url(sandbox.url())
        .ca_bundle(sandbox.ca_file())
        .timeout(Duration::from_secs(20))
}

pub fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

/// All that was asked of the sandbox.
pub fn all_calls(sandbox: &Sandbox) -> usize {
    sandbox.requests().len()
}
