//! Checks the settings, completes them from the environment, and creates the client.

use std::sync::Arc;
use std::time::Duration;

use crate::calls::rate_limiter::RateLimiter;
use crate::calls::retry::Transport;
use crate::client::Client;
use crate::client::builder::{ClientBuilder, variable};
use crate::client::check::Given;
use crate::http::binding::Binding;
use crate::http::proxy::Proxy;
use crate::http::tls::Roots;
use crate::http::url;
use crate::http::{Http, Settings};
use crate::session::backoff::LARGEST_FLEET;
use crate::session::event_queue::Events;
use crate::session::{Parts, Session};
use crate::sign_in::exchange::SignInMode;
use crate::store::Store;
use crate::types::error::{Error, Result};

/// The base URL of emnify's API.
const BASE_URL: &str = "https://cdn.emnify.net";

impl ClientBuilder {
    /// Checks the settings and creates the client. It connects at the first call, not here.
    ///
    /// # Errors
    ///
    /// `InvalidInput`, with a message that names the setting or the environment variable.
    pub fn build(self) -> Result<Client> {
        for (name, limit) in [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)]
        {
            if limit.is_zero() {
                return Err(Error::invalid_input(name, "must be greater than zero"));
            }
        }
        let given = Given {
            base_url: self.base_url.is_some(),
            store: self.store.is_some(),
            fleet_size: self.fleet_size.is_some(),
            credential: self.credentials() > 0,
            proxy: self.proxy.is_some(),
            ca_bundle: self.ca_bundle.is_some(),
        };
        let base_url = match &self.base_url {
            Some(url) => url::base_url("base_url", url)?,
            None => {
                let url = variable("EMNIFY_BASE_PATH")?.unwrap_or_else(|| BASE_URL.into());
                url::base_url("EMNIFY_BASE_PATH", url.reveal())?
            }
        };
        let roots = Roots::choose(self.ca_bundle.as_ref())?;
        let store = self.chosen_store()?.for_client(&roots, &self.clock)?;
        let fleet_size = self.chosen_fleet_size()?;
        let credential = self.credential()?;
        let proxy = self.proxy.as_ref().map(|url| url::proxy(url.reveal())).transpose()?;
        let settings = Settings {
            connect_timeout: self.connect_timeout,
            roots,
            proxy: Proxy::choose(proxy.as_ref(), &base_url)?,
            binding: Binding::new(self.interface.as_deref(), self.local_address.as_deref())?,
            base_url,
            max_exchanges: self.max_exchanges,
        };
        let http = Arc::new(Http::new(settings));
        let wants_expiry = self.wants_expiry.unwrap_or(self.observer.is_some());
        let session = Arc::new(Session::new(Parts {
            http: Arc::clone(&http),
            clock: Arc::clone(&self.clock),
            credential,
            store,
            events: Arc::new(Events::new(self.observer, wants_expiry)),
            timeout: self.timeout,
            auto_renew: self.auto_renew,
            fleet_size,
        }));
        let rate_limiter = self.pacing.then(|| Arc::new(RateLimiter::new()));
        let Self { clock, timeout, retries, cancellable, .. } = self;
        let transport = Transport {
            http,
            clock,
            session,
            timeout,
            retries,
            rate_limiter,
            interrupt: None,
            waited: Duration::ZERO,
            mode: SignInMode::Interactive,
        };
        Ok(Client::new(transport, cancellable, given))
    }

    /// Returns the size of the fleet that was set, or else the one from the environment.
    fn chosen_fleet_size(&self) -> Result<Option<u32>> {
        const VARIABLE: &str = "EMNIFY_FLEET_SIZE";
        let (name, size) = match (self.fleet_size, variable(VARIABLE)?) {
            (Some(size), _) => ("fleet_size", Some(size)),
            (None, Some(text)) => (VARIABLE, text.reveal().parse().ok()),
            (None, None) => return Ok(None),
        };
        let size = size.filter(|size| (1..=LARGEST_FLEET).contains(size));
        let problem = || format!("must be a number of clients from 1 to {LARGEST_FLEET}");
        size.map(Some).ok_or_else(|| Error::invalid_input(name, problem()))
    }

    /// Returns the store that was set, or else the one from the environment.
    fn chosen_store(&self) -> Result<Store> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        match variable("EMNIFY_STORE")? {
            Some(location) => Store::named("EMNIFY_STORE", location.reveal()),
            None => Ok(Store::memory()),
        }
    }
}
