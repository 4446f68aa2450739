//! A running sandbox and the handle on it: start, look, interfere, stop. Each has a thread and a
//! runtime of its own, so that it works the same inside blocking and asynchronous tests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::application_tokens::{NewToken, TokenRow};
use crate::certificate::{self, CaFile};
use crate::clock::milliseconds;
use crate::fault::Fault;
use crate::log::LoggedRequest;
use crate::seed;
use crate::server::{Shared, bind, listen, serve_api, serve_control};
use crate::settings::Settings;
use crate::state::State;

/// The emnify API on this machine. Dropping it stops the server and removes the CA file.
pub struct Sandbox {
    shared: Arc<Shared>,
    ca: CaFile,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    process: u32,
}

/// Says how a sandbox is to start.
#[derive(Debug, Clone, Default)]
pub struct SandboxBuilder {
    plain_http: bool,
    port: u16,
    ca_file: Option<PathBuf>,
    settings: Settings,
}

impl SandboxBuilder {
    /// Plain HTTP instead of HTTPS.
    #[must_use]
    pub fn plain_http(mut self, plain: bool) -> Self {
        self.plain_http = plain;
        self
    }

    /// The API's port; 0, as where nothing is said, for one that is free.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Where the CA file goes, instead of into a temporary directory of its own.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Changes the settings that the sandbox starts with, and to which [`Sandbox::reset`] returns.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts the sandbox. It listens when this returns.
    pub fn start(self) -> io::Result<Sandbox> {
        let mut state = State::new()?;
        state.settings = self.settings.clone();
        state.initial_settings = self.settings;
        let api = listen(bind(self.port)?)?;
        let control = listen(bind(0)?)?;
        let scheme = if self.plain_http { "http" } else { "https" };
        let url = format!("{scheme}://{}", api.local_addr()?);
        state.base_url.clone_from(&url);
        let control_url = format!("http://{}", control.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let certificates = certificate::make()?;
        let tls = (!self.plain_http).then(|| TlsAcceptor::from(certificates.server));
        let unique = state.random.hex(16);
        let ca = CaFile::write(self.ca_file, &unique, &certificates.ca_pem)?;
        let shared = Arc::new(Shared::new(state, url, control_url, ca.path().to_owned()));

        let (stop, stopped) = oneshot::channel();
        let served = shared.clone();
        let started = thread::Builder::new().name("emnify-sandbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = serve_api(served.clone(), api, tls) => {}
                    _ = serve_control(served.clone(), control) => {}
                }
            });
            runtime.shutdown_background();
        });
        match started {
            Ok(thread) => Ok(Sandbox {
                shared,
                ca,
                stop: Some(stop),
                thread: Some(thread),
                process: std::process::id(),
            }),
            Err(error) => {
                ca.remove();
                Err(error)
            }
        }
    }
}

impl Sandbox {
    /// Starts with HTTPS on a free port.
    pub fn start() -> io::Result<Sandbox> {
        Sandbox::builder().start()
    }

    /// Starts with plain HTTP on a free port.
    pub fn start_plain() -> io::Result<Sandbox> {
        Sandbox::builder().plain_http(true).start()
    }

    /// Starts as told.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Base URL of the API, such as `https://127.0.0.1:40001`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Base URL of the control listener. It speaks plain HTTP, knows only `/_sandbox/…`, and stays
    /// up while the API refuses connections. The API listener knows `/_sandbox/…` too.
    pub fn control_url(&self) -> &str {
        &self.shared.control_url
    }

    /// The authority that issued the API's certificate, in PEM. Written with plain HTTP as well.
    pub fn ca_file(&self) -> &Path {
        self.ca.path()
    }

    /// The seeded application token.
    pub fn application_token(&self) -> String {
        self.shared.application_token.clone()
    }

    /// How often the API was called with this method and path, whatever came of it. An empty text
    /// stands for any, a `*` at the end for any continuation.
    pub fn calls(&self, method: &str, path: &str) -> u64 {
        self.shared.state().log.calls(method, path, None)
    }

    /// How many of these calls were answered with this status.
    pub fn calls_with_status(&self, method: &str, path: &str, status: u16) -> u64 {
        self.shared.state().log.calls(method, path, Some(status))
    }

    /// The API's requests since the counters were reset, oldest first, the last 20,000 of them.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.state().log.entries()
    }

    /// TCP connections that the API listener accepted.
    pub fn connections(&self) -> u64 {
        self.shared.state().log.connections
    }

    /// Forgets requests, calls and connections.
    pub fn reset_counters(&self) {
        self.shared.state().log.reset();
    }

    /// Puts everything back to the seed. Auth tokens from before are void, the seeded application
    /// token keeps its value. The settings return to those that the sandbox was started with.
    pub fn reset(&self) {
        self.shared.reset();
        self.shared.settle_blocking();
    }

    /// Moves the sandbox's clock forward.
    pub fn move_clock(&self, by: Duration) {
        self.shared.state().clock.advance(milliseconds(by));
    }

    /// Sets the sandbox's clock.
    pub fn set_clock(&self, unix_seconds: i64) {
        self.shared.state().clock.set(unix_seconds);
    }

    /// Unix time in seconds by the sandbox's clock.
    pub fn now(&self) -> i64 {
        self.shared.state().clock.now()
    }

    /// Adds a fault. Older ones come first.
    pub fn fault(&self, fault: Fault) {
        self.shared.fault(fault);
        self.shared.settle_blocking();
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
        self.shared.settle_blocking();
    }

    /// The faults that still wait for a request, oldest first.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.state().faults.all()
    }

    /// Changes settings.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.state().settings);
    }

    /// Puts an application token there; returns its id and value.
    pub fn add_application_token(&self, token: NewToken) -> (u64, String) {
        self.shared.state().seed_token(token)
    }

    /// All application tokens, with their values.
    pub fn application_tokens(&self) -> Vec<TokenRow> {
        self.shared.state().tokens.clone()
    }

    /// Adds so many events to those of the first Workspace, for a collection that is long.
    pub fn add_events(&self, count: u64) {
        seed::add_events(&mut self.shared.state(), count);
    }

    /// The one-time code that this user was sent last, until it is used.
    pub fn one_time_code(&self, username: &str) -> Option<String> {
        self.shared.state().one_time_code(username).map(str::to_owned)
    }

    /// Makes all auth tokens void that were handed out so far; the gateway answers them with 401.
    pub fn revoke_auth_tokens(&self) {
        self.shared.state().revoke_auth_tokens();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // After a fork the thread and the file belong to the parent.
        if self.process != std::process::id() {
            return;
        }
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.ca.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_and_stops() {
        let sandbox = Sandbox::start().unwrap();
        let ca = sandbox.ca_file().to_owned();
        assert!(ca.exists() && sandbox.url().starts_with("https://127.0.0.1:"));
        assert_eq!(sandbox.calls("", ""), 0);
        drop(sandbox);
        assert!(!ca.exists() && !ca.parent().unwrap().exists());
    }
}
