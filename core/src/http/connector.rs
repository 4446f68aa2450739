//! Builds the HTTP client of each process.

use std::sync::Arc;

use reqwest::blocking::Client;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect;

use crate::http::connections::Connections;
use crate::http::resolver::Resolver;
use crate::http::transport_error::TransportError;
use crate::http::{Settings, tls};
use crate::sys::per_process::PerProcess;
use crate::sys::signal_mask;
use crate::types::error::{Error, ErrorKind, Result};

/// The name of this client in a header that emnify's official clients send.
const ORIGIN_APP: &str = "emnify-auth";

/// The HTTP client of each process, with what it knows about its connections.
pub(super) struct Connector {
    pub(super) settings: Settings,
    client: PerProcess<(Client, Connections)>,
}

impl Connector {
    pub(super) fn new(settings: Settings) -> Self {
        Connector { settings, client: PerProcess::new() }
    }

    /// Returns the HTTP client, and creates it at the first call. It starts a thread, which a
    /// server that forks its workers must not have before, and which a child cannot share.
    pub(super) fn client(&self) -> Result<&(Client, Connections)> {
        self.client.get_or_try_init(|| build(&self.settings, Resolver::new()))
    }

    /// Creates it with this resolver.
    #[cfg(test)]
    pub(super) fn client_with(&self, resolver: &Resolver) -> Result<&(Client, Connections)> {
        self.client.get_or_try_init(|| build(&self.settings, resolver.clone()))
    }
}

fn build(settings: &Settings, resolver: Resolver) -> Result<(Client, Connections)> {
    let connections = Connections::new(resolver.clone());
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert("x-emn-origin-app", HeaderValue::from_static(ORIGIN_APP));
    headers.insert("x-emn-origin-app-version", HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls::config(&settings.roots)?)
        .user_agent(concat!("emnify-auth/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .connect_timeout(settings.connect_timeout)
        // Each call has its own limit.
        .timeout(None)
        .dns_resolver(Arc::new(resolver))
        .connector_layer(connections.clone())
        // Another crate of the program may have enabled these decoders.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .redirect(redirect::Policy::none());
    builder = match &settings.proxy {
        Some(proxy) => builder.no_proxy().proxy(proxy.for_reqwest()?),
        None => builder.no_proxy(),
    };
    builder = settings.binding.apply(builder);
    // The client's thread inherits the signal mask. It must not handle the host's signals, and a
    // peer that closes a connection must not kill the host with SIGPIPE.
    let client = signal_mask::while_blocked(|| builder.build()).map_err(|e| {
        const FAILED: &str = "cannot set up the HTTP client";
        let network = |why| Error::new(ErrorKind::Network, format!("{FAILED}: {why}"));
        TransportError::of(&e).exhausted(FAILED).unwrap_or_else(network)
    })?;
    Ok((client, connections))
}
