//! Setting up a client: what it takes, where the environment fills in, and what is refused.

use std::env;
use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::api::validate;
use crate::calls::rate_limiter::RateLimiter;
use crate::calls::retry::Transport;
use crate::client::Client;
use crate::http::proxy::Proxy;
use crate::http::tls::Roots;
use crate::http::url;
use crate::http::{Http, Settings};
use crate::session::event_queue::{Events, Observer};
use crate::session::{Parts, Session};
use crate::sign_in::credential::{Credential, TokenFile};
use crate::sign_in::user::{AskForCode, TrustedDevice, User};
use crate::store::Store;
use crate::sys::clock::{Clock, SystemClock};
use crate::types::error::{Error, Result};
use crate::types::event::Event;
use crate::types::secret::Secret;

/// emnify itself.
const BASE_URL: &str = "https://cdn.emnify.net";
/// What emnify's quickstart and integrators call an application token. It is not read, since it may
/// as well hold an auth token.
const VARIABLES_OF_OTHERS: [&str; 3] = ["EMNIFY_TOKEN", "EMNIFY_APP_TOKEN", "EMNIFY_API_TOKEN"];
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Exchanges at the same time for callers that can be interrupted: each has a thread then.
const MAX_EXCHANGES: usize = 64;

/// Sets up a [`Client`]. Made by [`Client::builder`]; nothing is read, checked or sent before
/// [`ClientBuilder::build`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    application_token: Option<Secret>,
    application_token_file: Option<PathBuf>,
    base_url: Option<String>,
    timeout: Duration,
    connect_timeout: Duration,
    ca_bundle: Option<PathBuf>,
    proxy: Option<Secret>,
    user: Option<(String, Secret)>,
    mfa: Option<AskForCode>,
    trusted_device: Option<TrustedDevice>,
    store: Store,
    observer: Option<Observer>,
    wants_expiry: Option<bool>,
    pacing: bool,
    max_exchanges: usize,
    cancellable: bool,
    clock: Arc<dyn Clock>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        ClientBuilder {
            application_token: None,
            application_token_file: None,
            base_url: None,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            ca_bundle: None,
            proxy: None,
            user: None,
            mfa: None,
            trusted_device: None,
            store: Store::memory(),
            observer: None,
            wants_expiry: None,
            pacing: true,
            max_exchanges: MAX_EXCHANGES,
            cancellable: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// The application token to sign in with. Without it and
    /// [`application_token_file`](Self::application_token_file), the environment variable
    /// `EMNIFY_APPLICATION_TOKEN`, else `EMNIFY_APPLICATION_TOKEN_FILE`, is read.
    pub fn application_token(mut self, token: impl Into<Secret>) -> Self {
        self.application_token = Some(token.into());
        self
    }

    /// A file that holds the application token, white space around it aside. It is read at each
    /// sign-in, so that a rotated token is picked up with no restart.
    pub fn application_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.application_token_file = Some(path.into());
        self
    }

    /// Where the API is: `https`, or `http` to this machine. Default: the environment variable
    /// `EMNIFY_BASE_PATH`, else `https://cdn.emnify.net`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The time that one call may take, with everything that it waits for. Default: 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The part of it that connecting may take. Default: 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// A file of certificates in PEM form, or a directory of such files: these authorities are
    /// trusted and no others. Default: the environment variables `SSL_CERT_FILE`, `SSL_CERT_DIR`,
    /// `REQUESTS_CA_BUNDLE`, else the system's, else a bundled set.
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_bundle = Some(path.into());
        self
    }

    /// The URL of an HTTP proxy. Default: the environment variables `HTTPS_PROXY` and `ALL_PROXY`.
    /// `NO_PROXY` names hosts that are reached directly; this machine always is.
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// A person's user name and password to sign in with, for what an application token cannot do.
    /// Without them and an application token, the environment variables `EMNIFY_USERNAME` and
    /// `EMNIFY_PASSWORD` are read.
    pub fn user(mut self, username: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.user = Some((username.into(), password.into()));
        self
    }

    /// Asks the person for the one-time code that emnify sent, where one is due. It is called on
    /// the thread of a caller who waits to be signed in, and may take its time: that is not the
    /// timeout's. It must not call the client, which waits for it. `None` gives up; an error
    /// cancels the call and becomes the [`source`](std::error::Error::source) of its error, while
    /// another caller who waits for the same sign-in takes over.
    pub fn mfa<F>(mut self, ask: F) -> Self
    where
        F: Fn() -> Result<Option<Secret>, Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    {
        self.mfa = Some(Arc::new(ask));
        self
    }

    /// A device that skips the one-time code for 90 days once one was given on it.
    pub fn trusted_device(mut self, device: TrustedDevice) -> Self {
        self.trusted_device = Some(device);
        self
    }

    /// Where the session outlives the process. Default: memory, which does not.
    pub fn store(mut self, store: Store) -> Self {
        self.store = store;
        self
    }

    /// Who is told what happens to the session: called on the thread of a caller of the client,
    /// with no lock held, also for what happened in the background. It may call the client.
    pub fn observer(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets whether emnify is asked, once a day, when the application token expires, for the event
    /// [`ApplicationTokenExpires`](crate::EventKind::ApplicationTokenExpires). Default: if there is an observer.
    #[doc(hidden)] // For the other faces of this library.
    pub fn expiry_notice(mut self, wanted: bool) -> Self {
        self.wants_expiry = Some(wanted);
        self
    }

    /// Whether calls that come too fast for emnify's limits are delayed, over all threads of this
    /// client: 500 calls at once, then 5 a second (2,000 in any 300 s); of these 25 at once, then 50 a
    /// second; of lists and statistics 5 at once, then 10 a second. Authenticating has limits of its
    /// own. Default: yes. What would wait beyond the timeout is refused as `RateLimited`.
    pub fn pacing(mut self, pacing: bool) -> Self {
        self.pacing = pacing;
        self
    }

    /// Sets whether [`Client::cancel`] also ends a call that waits for a response. Each exchange is
    /// made on another thread then, which is kept for the next one. Default: no.
    pub fn cancellable(mut self, cancellable: bool) -> Self {
        self.cancellable = cancellable;
        self
    }

    /// Sets how many exchanges may be under way at the same time for callers that can be
    /// interrupted; each has a thread then. More of them wait, within their timeout. Default: 64;
    /// at least 1.
    pub fn max_exchanges(mut self, exchanges: usize) -> Self {
        self.max_exchanges = exchanges.max(1);
        self
    }

    /// The clock to measure and date with; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks everything and makes the client. It connects at the first call, not here.
    ///
    /// # Errors
    ///
    /// `InvalidInput`, with a message that names the argument or the environment variable.
    pub fn build(self) -> Result<Client> {
        for (name, limit) in [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)]
        {
            if limit.is_zero() {
                return Err(Error::invalid_input(name, "must be longer than zero"));
            }
        }
        let base_url = match &self.base_url {
            Some(url) => url::base_url("base_url", url)?,
            None => {
                let url = variable("EMNIFY_BASE_PATH")?.unwrap_or_else(|| BASE_URL.into());
                url::base_url("EMNIFY_BASE_PATH", url.reveal())?
            }
        };
        self.store.check()?;
        let credential = self.credential()?;
        let proxy = self.proxy.as_ref().map(|url| url::proxy(url.reveal())).transpose()?;
        let settings = Settings {
            connect_timeout: self.connect_timeout,
            roots: Roots::choose(self.ca_bundle.as_deref())?,
            proxy: Proxy::choose(proxy.as_ref(), &base_url)?,
            base_url,
            max_exchanges: self.max_exchanges,
        };
        let http = Arc::new(Http::new(settings));
        let wants_expiry = self.wants_expiry.unwrap_or(self.observer.is_some());
        let session = Arc::new(Session::new(Parts {
            http: Arc::clone(&http),
            clock: Arc::clone(&self.clock),
            credential,
            store: self.store,
            events: Events::new(self.observer, wants_expiry),
            timeout: self.timeout,
        }));
        let rate_limiter = self.pacing.then(|| Arc::new(RateLimiter::new()));
        let Self { clock, timeout, cancellable, .. } = self;
        let transport = Transport {
            http,
            clock,
            session,
            timeout,
            rate_limiter,
            interrupt: None,
            waited: Duration::ZERO,
        };
        Ok(Client::new(transport, cancellable))
    }

    /// What to sign in with: what was passed in, else what the environment holds.
    fn credential(&self) -> Result<Credential> {
        let given = [
            self.application_token.is_some(),
            self.application_token_file.is_some(),
            self.user.is_some(),
        ];
        if given.iter().filter(|given| **given).count() > 1 {
            let problem = "goes with no other: pass one of application_token, \
                           application_token_file and user";
            return Err(Error::invalid_input("application_token", problem));
        }
        if let Some(token) = &self.application_token {
            checked("application_token", token.clone())
        } else if let Some(path) = &self.application_token_file {
            Ok(Credential::ApplicationTokenFile(TokenFile::new(path.clone())))
        } else if let Some((username, password)) = &self.user {
            self.person(username, password)
        } else if let Some(token) = variable("EMNIFY_APPLICATION_TOKEN")? {
            checked("EMNIFY_APPLICATION_TOKEN", token)
        } else if let Some(path) =
            env::var_os("EMNIFY_APPLICATION_TOKEN_FILE").filter(|path| !path.is_empty())
        {
            Ok(Credential::ApplicationTokenFile(TokenFile::new(path.into())))
        } else if let Some(username) = variable("EMNIFY_USERNAME")? {
            let password = variable("EMNIFY_PASSWORD")?.ok_or_else(|| {
                Error::invalid_input("EMNIFY_PASSWORD", "is missing beside EMNIFY_USERNAME")
            })?;
            self.person(username.reveal(), &password)
        } else {
            let mut problem = "is missing: pass it, or a file that holds it, or set \
                               EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE"
                .to_owned();
            let is_set = |name: &&&str| env::var_os(name).is_some_and(|value| !value.is_empty());
            if let Some(name) = VARIABLES_OF_OTHERS.iter().find(is_set) {
                let hint = format!(
                    "; {name} is set, but not read: if it holds an application token, rename it to \
                     EMNIFY_APPLICATION_TOKEN"
                );
                problem.push_str(&hint);
            }
            Err(Error::invalid_input("application_token", problem))
        }
    }

    fn person(&self, username: &str, password: &Secret) -> Result<Credential> {
        let mut user = User::new(username, password)?;
        if let Some(device) = &self.trusted_device {
            device.check()?;
        }
        user.mfa = self.mfa.clone();
        user.trusted_device = self.trusted_device.clone();
        Ok(Credential::User(user))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

fn checked(name: &str, token: Secret) -> Result<Credential> {
    validate::application_token(name, &token)?;
    Ok(Credential::ApplicationToken(token))
}

/// An environment variable; an empty one counts as unset.
fn variable(name: &str) -> Result<Option<Secret>> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(Secret::from(value))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Error::invalid_input(name, "is no UTF-8 text")),
    }
}
