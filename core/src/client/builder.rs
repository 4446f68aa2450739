//! The settings for a new client.

mod build;
pub(super) mod credential;

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::http::tls::CaBundle;
use crate::session::event_queue::Observer;
use crate::session::policy::MAX_ATTEMPTS;
use crate::sign_in::token_source::ReadToken;
use crate::sign_in::user::{AskForCode, TrustedDevice};
use crate::store::Store;
use crate::sys::clock::{Clock, SystemClock};
use crate::types::error::{Error, Result};
use crate::types::event::Event;
use crate::types::secret::Secret;

const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The most exchanges at the same time for callers that can be interrupted. Each has a thread.
const MAX_EXCHANGES: usize = 64;

/// Settings for a new [`Client`](crate::Client), created by
/// [`Client::builder`](crate::Client::builder). Nothing is read, checked or sent before
/// [`ClientBuilder::build`].
///
/// ```no_run
/// use std::time::Duration;
/// use emnify_core::{Client, Store};
///
/// // A gateway, signed in at all times, also right after a restart.
/// let client = Client::builder()
///     .application_token_file("/etc/emnify/token")
///     .store(Store::directory("/var/lib/gateway/emnify"))
///     .auto_renew(true)
///     .interface("wwan0")
///     .fleet_size(300)
///     .timeout(Duration::from_secs(60))
///     .connect_timeout(Duration::from_secs(20))
///     .build()?;
///
/// // A service behind a proxy, with limits of its own.
/// # let from_vault = "a.b.c";
/// let client = Client::builder()
///     .application_token(from_vault)
///     .proxy("http://user:password@proxy.example.com:3128")
///     .local_address("192.0.2.7")
///     .pacing(false)
///     .retries(0)
///     .cancellable(true)
///     .max_exchanges(16)
///     .build()?;
/// # Ok::<(), emnify_core::Error>(())
/// ```
///
/// ```
/// # use std::{fs, sync::Arc, time::{Duration, SystemTime}};
/// use emnify_core::{Client, ManualClock};
/// use emnify_sandbox::Sandbox;
///
/// // A test, with the sandbox and a clock that moves only on request.
/// let (sandbox, clock) = (Sandbox::start()?, Arc::new(ManualClock::new(SystemTime::now())));
/// let client = Client::builder()
///     .application_token(sandbox.application_token())
///     .base_url(sandbox.url())
///     .ca_pem(fs::read(sandbox.ca_file())?) // or ca_bundle(sandbox.ca_file())
///     .clock(clock.clone())
///     .build()?;
/// client.authenticate()?;
/// clock.advance(Duration::from_secs(5 * 3_600));
/// assert!(client.cached_auth_token().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    application_token: Option<Secret>,
    application_token_file: Option<PathBuf>,
    application_token_source: Option<ReadToken>,
    base_url: Option<String>,
    timeout: Duration,
    connect_timeout: Duration,
    ca_bundle: Option<CaBundle>,
    proxy: Option<Secret>,
    interface: Option<String>,
    local_address: Option<String>,
    user: Option<(String, Secret)>,
    mfa: Option<AskForCode>,
    trusted_device: Option<TrustedDevice>,
    store: Option<Store>,
    observer: Option<Observer>,
    wants_expiry: Option<bool>,
    auto_renew: bool,
    fleet_size: Option<u32>,
    pacing: bool,
    retries: u32,
    max_exchanges: usize,
    cancellable: bool,
    clock: Arc<dyn Clock>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        ClientBuilder {
            application_token: None,
            application_token_file: None,
            application_token_source: None,
            base_url: None,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            ca_bundle: None,
            proxy: None,
            interface: None,
            local_address: None,
            user: None,
            mfa: None,
            trusted_device: None,
            store: None,
            observer: None,
            wants_expiry: None,
            auto_renew: false,
            fleet_size: None,
            pacing: true,
            retries: MAX_ATTEMPTS - 1,
            max_exchanges: MAX_EXCHANGES,
            cancellable: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the URL of the API: `https`, or `http` to this machine. Default: the environment
    /// variable `EMNIFY_BASE_PATH`, or else `https://cdn.emnify.net`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets how long one call may take, including all waits and retries. Default: 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long connecting may take, within the timeout. Default: 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets a file of PEM certificates, or a directory of such files. Only these authorities are
    /// trusted. Default: the environment variables `SSL_CERT_FILE`, `SSL_CERT_DIR` or
    /// `REQUESTS_CA_BUNDLE`, or else the system's certificates, or else a bundled set.
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_bundle = Some(CaBundle::Path(path.into()));
        self
    }

    /// Sets the certificate authorities, like [`ca_bundle`](Self::ca_bundle), which it replaces,
    /// from PEM certificates in memory.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_bundle = Some(CaBundle::Pem(pem.into()));
        self
    }

    /// Sets the URL of an HTTP proxy. Default: the environment variable `HTTPS_PROXY` or
    /// `ALL_PROXY`. Hosts in `NO_PROXY` and this machine are always reached directly.
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets the network interface that all connections are made from, such as `wwan0`, on Linux,
    /// Android and Apple's systems. It may appear after the client is created; without it, calls
    /// fail with `Network`. Before Linux 5.7 this needs the capability `CAP_NET_RAW`. Default: the
    /// system chooses. Applies to connections to emnify, or to the proxy; not to looking up names
    /// or to a store in Redis.
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        self.interface = Some(name.into());
        self
    }

    /// Sets the address of this machine that all connections are made from: an `IpAddr`, or its
    /// text. Only servers of the same IP version are reached. Otherwise like
    /// [`interface`](Self::interface), and on all systems.
    pub fn local_address(mut self, address: impl ToString) -> Self {
        self.local_address = Some(address.to_string());
        self
    }

    /// Sets where the session is kept. Default: the location in the environment variable
    /// `EMNIFY_STORE`, which [`Store::at`] reads, or else memory, where it ends with the process.
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets a function that gets the events of the session. It runs on a thread that calls the
    /// client, shortly before the call returns; events from the background wait for the next call.
    /// It may call the client. The events of these calls wait for the next call; those that repeat
    /// what it was just told are dropped. Its panics are caught.
    ///
    /// ```
    /// use emnify_core::{Client, Level};
    ///
    /// let builder = Client::builder().observer(|event| match event.level() {
    ///     Level::Error => eprintln!("needs attention: {event}"),
    ///     _ => println!("{event}"),
    /// });
    /// ```
    pub fn observer(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets whether the client looks up once a day when the application token expires, for the
    /// event [`ApplicationTokenExpires`](crate::EventKind::ApplicationTokenExpires). Default: yes
    /// if there is an observer.
    #[cfg(feature = "__faces")]
    #[doc(hidden)]
    pub fn expiry_notice(mut self, wanted: bool) -> Self {
        self.wants_expiry = Some(wanted);
        self
    }

    /// Sets whether a thread of the client renews the auth token on time, also without calls, and
    /// signs in again after an outage. It starts at the first call that needs an auth token.
    /// Default: no; then a call past the point of renewal starts it.
    pub fn auto_renew(mut self, auto_renew: bool) -> Self {
        self.auto_renew = auto_renew;
        self
    }

    /// Sets about how many clients sign in from the same public address, from 1 to 1,000,000. emnify
    /// limits sign-ins by address. After the first refusal because of that limit, a client of a
    /// fleet waits for 300 s and up to 4.2 s for each client, drawn at random, instead of 300 s:
    /// then a large fleet needs fewer calls, and gets signed in even if emnify counts refused calls.
    /// The first attempt is never delayed. Default: the environment variable `EMNIFY_FLEET_SIZE`, or
    /// else unknown.
    pub fn fleet_size(mut self, clients: u32) -> Self {
        self.fleet_size = Some(clients);
        self
    }

    /// Sets whether calls are delayed to stay within emnify's rate limits. Default: yes. A call
    /// that would have to wait longer than its timeout fails with `RateLimited`.
    ///
    /// The limits apply to all threads of this client together: 500 calls at once, then 5 per
    /// second (2,000 in any 300 s). In addition, lists and statistics have 5 at once, then 10 per
    /// second; other calls have 25 at once, then 50 per second. Signing in has limits of its own.
    pub fn pacing(mut self, pacing: bool) -> Self {
        self.pacing = pacing;
        self
    }

    /// Sets how often a call is repeated after temporary failures, within its timeout; see
    /// [`Request::send`](crate::Request::send). Default: 2, so three attempts in all. Signing in has
    /// limits of its own.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets whether [`Client::cancel`](crate::Client::cancel) also ends a call that waits for a
    /// response. Each exchange then runs on another thread, which is reused and ends after 10 idle
    /// seconds. Default: no.
    pub fn cancellable(mut self, cancellable: bool) -> Self {
        self.cancellable = cancellable;
        self
    }

    /// Sets how many exchanges with the server a cancellable client may run at the same time, each
    /// on its own thread. The same limit applies, separately, to the futures of
    /// [`Request::send_async`](crate::Request::send_async). Further ones wait for a free thread,
    /// within the timeout of their call. Default: 64; 0 counts as 1.
    pub fn max_exchanges(mut self, exchanges: usize) -> Self {
        self.max_exchanges = exchanges.max(1);
        self
    }

    /// Sets the clock, for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

/// Returns the value of an environment variable. An empty one counts as unset.
fn variable(name: &str) -> Result<Option<Secret>> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(Secret::from(value))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Error::invalid_input(name, "is not valid UTF-8")),
    }
}
