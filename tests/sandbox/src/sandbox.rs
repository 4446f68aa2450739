//! Starts and stops a sandbox, and lets tests inspect and change it. Each sandbox has its own
//! thread and runtime, so that it works in blocking and in asynchronous tests.

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

/// A running sandbox. Dropping it stops the server and removes the CA file.
pub struct Sandbox {
    shared: Arc<Shared>,
    ca: CaFile,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    process: u32,
}

/// Configures and starts a sandbox.
#[derive(Debug, Clone, Default)]
pub struct SandboxBuilder {
    plain_http: bool,
    port: u16,
    ca_file: Option<PathBuf>,
    settings: Settings,
}

impl SandboxBuilder {
    /// Sets whether the API uses plain HTTP instead of HTTPS.
    #[must_use]
    pub fn plain_http(mut self, plain: bool) -> Self {
        self.plain_http = plain;
        self
    }

    /// Sets the API's port. The default, 0, takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the path of the CA file. By default it is in a new temporary directory.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Changes the settings that the sandbox starts with. [`Sandbox::reset`] restores them.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts the sandbox. It accepts connections when this returns.
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
    /// Starts a sandbox with HTTPS on a free port.
    pub fn start() -> io::Result<Sandbox> {
        Sandbox::builder().start()
    }

    /// Starts a sandbox with plain HTTP on a free port.
    pub fn start_plain() -> io::Result<Sandbox> {
        Sandbox::builder().plain_http(true).start()
    }

    /// Returns a builder for a sandbox with other options.
    #[must_use]
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Returns the base URL of the API, such as `https://127.0.0.1:40001`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Returns the base URL of the control listener. It uses plain HTTP, serves only `/_sandbox/…`,
    /// and keeps running while the API refuses connections. The API listener serves `/_sandbox/…`,
    /// too.
    #[must_use]
    pub fn control_url(&self) -> &str {
        &self.shared.control_url
    }

    /// Returns the path of the certificate authority of the API's certificate, in PEM. The file is
    /// also written if the API uses plain HTTP.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.ca.path()
    }

    /// Returns the value of the application token that exists from the start.
    #[must_use]
    pub fn application_token(&self) -> String {
        self.shared.application_token.clone()
    }

    /// Returns how often the API was called with this method and path, whatever the response. An
    /// empty text matches any, a `*` at the end any continuation.
    #[must_use]
    pub fn calls(&self, method: &str, path: &str) -> u64 {
        self.shared.state().log.calls(method, path, None)
    }

    /// Returns how many of these calls got a response with this status.
    #[must_use]
    pub fn calls_with_status(&self, method: &str, path: &str, status: u16) -> u64 {
        self.shared.state().log.calls(method, path, Some(status))
    }

    /// Returns the last 20,000 requests of the API since the counters were reset, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.state().log.entries()
    }

    /// Returns how many TCP connections the API listener accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.state().log.connections
    }

    /// Forgets requests, calls and connections.
    pub fn reset_counters(&self) {
        self.shared.state().log.reset();
    }

    /// Restores the state and the settings at the start. Auth tokens issued before are refused; the
    /// application token that exists from the start keeps its value.
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

    /// Stops the sandbox's clock: from now on, only `move_clock` and `set_clock` move it.
    pub fn stop_clock(&self) {
        self.shared.state().clock.stop();
    }

    /// Returns the sandbox's time, in seconds of Unix time.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.shared.state().clock.now()
    }

    /// Adds a fault. Earlier ones take effect first.
    pub fn fault(&self, fault: Fault) {
        self.shared.fault(fault);
        self.shared.settle_blocking();
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
        self.shared.settle_blocking();
    }

    /// Returns the faults that are still in effect, oldest first.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.state().faults.all()
    }

    /// Changes settings.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.state().settings);
    }

    /// Adds an application token and returns its id and value.
    pub fn add_application_token(&self, token: NewToken) -> (u64, String) {
        self.shared.state().seed_token(token)
    }

    /// Revokes an application token, as a person does in the portal. Returns whether it exists.
    pub fn revoke_application_token(&self, id: u64) -> bool {
        self.shared.state().revoke_token(id)
    }

    /// Returns all application tokens, with their values.
    #[must_use]
    pub fn application_tokens(&self) -> Vec<TokenRow> {
        self.shared.state().tokens.clone()
    }

    /// Adds `count` events to the first Workspace, for tests of a long collection.
    pub fn add_events(&self, count: u64) {
        seed::add_events(&mut self.shared.state(), count);
    }

    /// Returns the one-time code that was last sent to this user, until it is used.
    #[must_use]
    pub fn one_time_code(&self, username: &str) -> Option<String> {
        self.shared.state().one_time_code(username).map(str::to_owned)
    }

    /// Revokes all auth tokens issued so far. Calls with one get a 401 from the gateway.
    pub fn revoke_auth_tokens(&self) {
        self.shared.state().revoke_auth_tokens();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // After a fork, the thread and the file belong to the parent.
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
