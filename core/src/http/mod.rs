//! One round trip. A request goes out over TLS with a time limit on all of it, a bounded answer
//! comes back, and every way in which that can fail becomes one [`Error`].

mod gzip;
pub(crate) mod proxy;
mod resolver;
mod retry_after;
mod round_trip;
pub(crate) mod status_error;
pub(crate) mod tls;
mod transport_error;
pub(crate) mod url;
pub(crate) mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::blocking::{Client, Request};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, Url, redirect};
use zeroize::Zeroizing;

use crate::api::json::Body;
use crate::api::paging::Page;
use crate::api::{bodies, json};
use crate::http::proxy::Proxy;
use crate::http::resolver::Resolver;
use crate::http::round_trip::{Failure, RoundTrip};
use crate::http::status_error::StatusError;
use crate::http::tls::Roots;
use crate::http::transport_error::{Context, TransportError, Tunnel};
use crate::http::worker::Workers;
use crate::sys::per_process::PerProcess;
use crate::sys::signal_mask;
use crate::sys::wait::Wait;
use crate::types::auth_token::SCHEME;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// The longest response, and the longest to a sign-in, in bytes: a server that sends more is lying
/// or not emnify, and a gateway has little memory.
const LONGEST: usize = 16 * 1024 * 1024;
const LONGEST_SIGN_IN: usize = 256 * 1024;

/// What official clients send under these names, so that emnify can tell who calls.
const ORIGIN_APP: &str = "emnify-auth";

/// Said of a call whose effect is unknown.
pub(crate) const MAYBE_DONE: &str =
    "it may have been carried out all the same: look before trying again";

/// How and where to connect. No `Debug`: a proxy's URL may hold a password.
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    pub(crate) connect_timeout: Duration,
    pub(crate) roots: Roots,
    pub(crate) proxy: Option<Proxy>,
    /// How many exchanges may be under way for callers that can be interrupted.
    pub(crate) max_exchanges: usize,
}

/// A request, before it is known whether it works.
pub(crate) struct Call<'a> {
    /// What it is for, to follow "cannot" in a message.
    pub(crate) action: &'a str,
    pub(crate) method: Method,
    /// Starts with `/api`.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, String)],
    /// Beside those of the library.
    pub(crate) headers: Option<&'a HeaderMap>,
    /// JSON, unless the headers say otherwise.
    pub(crate) body: Option<Body>,
    /// What else the request carries that no error may repeat.
    pub(crate) secrets: &'a [&'a str],
    /// Takes a success that comes after the caller has left.
    pub(crate) on_late: Option<OnLate>,
}

impl<'a> Call<'a> {
    /// Returns a call with no query, headers, body or secrets of its own.
    pub(crate) fn new(action: &'a str, method: Method, path: &'a str) -> Self {
        Call {
            action,
            method,
            path,
            query: &[],
            headers: None,
            body: None,
            secrets: &[],
            on_late: None,
        }
    }
}

/// Takes a success that nobody waits for any more, on a thread of ours.
pub(crate) type OnLate = Arc<dyn Fn(Response) + Send + Sync>;

/// A successful response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Wiped when dropped: it may hold a token.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// Returns the response as a page of a list.
    pub(crate) fn into_page(self) -> Page {
        Page { headers: self.headers, body: self.body }
    }
}

impl Response {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The way to one API.
pub(crate) struct Http {
    settings: Settings,
    client: PerProcess<Client>,
    workers: Workers,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        let workers = Workers::new(settings.max_exchanges);
        Http { settings, client: PerProcess::new(), workers }
    }

    /// The threads for exchanges, and for what has to be undone when a caller has left.
    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Where all calls go.
    pub(crate) fn base_url(&self) -> &str {
        self.settings.base_url.as_str()
    }

    /// Sends the call and returns its answer if that is a success (2xx). A call without an auth
    /// token is one that exchanges credentials. For a caller that can be interrupted the exchange is
    /// made on another thread.
    pub(crate) fn send(
        &self,
        call: &Call<'_>,
        auth_token: Option<&Secret>,
        wait: &Wait,
        wall: SystemTime,
    ) -> Result<Response> {
        let round_trip = RoundTrip {
            client: self.client()?.clone(),
            request: self.request(call, auth_token, wait)?,
            limit: if bodies::is_sign_in(call.path) { LONGEST_SIGN_IN } else { LONGEST },
        };
        // What got out may have been carried out, which matters where it is not repeatable.
        let unsure = auth_token.is_some() && call.method == Method::POST;
        let advise = |error: Error, is_unsure: bool| {
            if unsure && is_unsure { error.with_advice(MAYBE_DONE) } else { error }
        };
        let outcome = round_trip.make(call, wait, &self.workers).map_err(|error| {
            let was_sent = error.was_sent();
            advise(error, was_sent)
        })?;
        let response = match outcome {
            Ok(response) if response.is_success() => return Ok(response),
            Ok(response) => response,
            Err(Failure::Transport(error)) => {
                let error = self.failed(error, call.action, wait, wall);
                let was_sent = error.was_sent();
                return Err(advise(error, was_sent));
            }
            Err(Failure::Nonsense(problem)) => return Err(json::nonsense(call.action, &problem)),
        };
        let Response { status, headers, body } = response;
        let mut secrets = call.secrets.to_vec();
        secrets.extend(auth_token.map(Secret::reveal));
        let retry_after =
            headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|value| {
                retry_after::retry_after(value, retry_after::sent_at(&headers).unwrap_or(wall))
            });
        let status_error = StatusError {
            action: call.action,
            authenticating: auth_token.is_none(),
            status,
            body: &body,
            retry_after,
            secrets: &secrets,
        };
        Err(advise(status_error.into_error(), status >= 500))
    }

    /// The error for an exchange that failed before there was a response.
    fn failed(
        &self,
        transport_error: TransportError,
        action: &str,
        wait: &Wait,
        wall: SystemTime,
    ) -> Error {
        let url = &self.settings.base_url;
        let port = url.port_or_known_default().unwrap_or_default();
        let host = format!("{}:{port}", url.host_str().unwrap_or_default());
        let peer = self.settings.proxy.as_ref().map(Proxy::peer);
        let status = match (&self.settings.proxy, transport_error.tunnel, wait.remaining(action)) {
            (Some(proxy), Some(Tunnel::Refused), Ok(left)) => proxy.status_for(&host, left),
            _ => None,
        };
        let context = Context { action, host: &host, proxy: peer.as_deref(), wait, wall };
        transport_error.into_error(&context, status)
    }

    /// Made at the first call and not with the `Client`: it starts a thread, which a server that
    /// forks its workers must not have, and a child must not share.
    fn client(&self) -> Result<&Client> {
        self.client.get_or_try_init(|| build(&self.settings))
    }

    fn request(
        &self,
        call: &Call<'_>,
        auth_token: Option<&Secret>,
        wait: &Wait,
    ) -> Result<Request> {
        let mut url = self.settings.base_url.clone();
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = Request::new(call.method.clone(), url);
        request.headers_mut().extend(call.headers.cloned().unwrap_or_default());
        *request.timeout_mut() = Some(wait.remaining(call.action)?);
        if let Some(token) = auth_token {
            request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
        }
        if let Some(body) = &call.body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().entry(CONTENT_TYPE).or_insert(json);
            *request.body_mut() = Some(Bytes::from_owner(body.clone()).into());
        }
        Ok(request)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}

/// The value of the `Authorization` header.
fn bearer(token: &Secret) -> Result<HeaderValue> {
    let text = Zeroizing::new([SCHEME, token.reveal()].concat());
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::new(ErrorKind::Protocol, "the auth token fits into no header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn build(settings: &Settings) -> Result<Client> {
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
        // Each call brings its own limit.
        .timeout(None)
        .dns_resolver(Arc::new(Resolver::new()))
        // Another crate of the program may have built the library with decoders of its own.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .redirect(redirect::Policy::none());
    builder = match &settings.proxy {
        Some(proxy) => builder.no_proxy().proxy(proxy.for_reqwest()?),
        None => builder.no_proxy(),
    };
    // The thread that this starts inherits the mask: the host's signals are none of its business,
    // and a peer that closes a connection must not kill the host with SIGPIPE.
    signal_mask::while_blocked(|| builder.build()).map_err(|e| {
        TransportError::of(&e).exhausted("the HTTP client could not be set up").unwrap_or_else(
            |why| {
                let message = format!("the HTTP client could not be set up: {why}");
                Error::new(ErrorKind::Network, message)
            },
        )
    })
}
