//! What the tests share: clients of the sandbox, a clock, and temporary directories.

#![allow(dead_code, unreachable_pub, reason = "each program uses only a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use emnify_core::{Client, ClientBuilder, ManualClock};
use emnify_sandbox::Sandbox;

pub mod gateway;
#[cfg(all(feature = "redis", unix))]
pub mod redis_server;

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
        .clock(clock())
}

/// Returns a clock that starts at the present time and moves only when it is advanced, so that no
/// test waits.
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemTime::now()))
}

pub fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

/// Returns the number of sign-ins at the sandbox.
pub fn sign_ins(sandbox: &Sandbox) -> u64 {
    sandbox.calls("POST", AUTHENTICATE)
}

/// Returns the number of all requests to the sandbox.
pub fn all_calls(sandbox: &Sandbox) -> usize {
    sandbox.requests().len()
}

/// Waits for something that happens in the background, and fails if it does not.
#[track_caller]
pub fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the arguments with which this program runs one of its ignored tests and no other.
/// `module` is the `module_path!()` of that test.
pub fn only(module: &str, test: &str) -> [String; 4] {
    let path = module.split_once("::").map_or(test.into(), |(_, path)| format!("{path}::{test}"));
    [path, "--exact".into(), "--ignored".into(), "--nocapture".into()]
}

/// A directory for one test, removed at its end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("emnify-{name}-{process}-{number}"));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
