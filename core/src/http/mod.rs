//! One round trip. A request goes out over TLS with a time limit on all of it, a bounded answer
//! comes back, and every way in which that can fail becomes one [`Error`].

mod gzip;
pub(crate) mod proxy;
mod resolver;
mod retry_after;
pub(crate) mod status_error;
pub(crate) mod tls;
mod transport_error;
pub(crate) mod url;

use std::error::Error as StdError;
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::blocking::{Client, Request};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, Url, redirect};
use zeroize::Zeroizing;

use crate::api::json::Body;
use crate::api::paging::Page;
use crate::api::{bodies, json};
use crate::http::proxy::Proxy;
use crate::http::resolver::Resolver;
use crate::http::status_error::StatusError;
use crate::http::tls::Roots;
use crate::http::transport_error::{Context, TransportError, Tunnel};
use crate::sys::per_process::PerProcess;
use crate::sys::signal_mask;
use crate::sys::wait::Deadline;
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
}

impl<'a> Call<'a> {
    /// Returns a call with no query, headers, body or secrets of its own.
    pub(crate) fn new(action: &'a str, method: Method, path: &'a str) -> Self {
        Call { action, method, path, query: &[], headers: None, body: None, secrets: &[] }
    }
}

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

/// The way to one API.
pub(crate) struct Http {
    settings: Settings,
    client: PerProcess<Client>,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        Http { settings, client: PerProcess::new() }
    }

    /// Where all calls go.
    pub(crate) fn base_url(&self) -> &str {
        self.settings.base_url.as_str()
    }

    /// Sends the call and returns its answer if that is a success (2xx). A call without an auth
    /// token is one that exchanges credentials.
    pub(crate) fn send(
        &self,
        call: &Call<'_>,
        auth_token: Option<&Secret>,
        deadline: Deadline,
        wall: SystemTime,
    ) -> Result<Response> {
        let client = self.client()?;
        let request = self.request(call, auth_token, deadline)?;
        // What got out may have been carried out, which matters where it is not repeatable.
        let unsure = auth_token.is_some() && call.method == Method::POST;
        let failed = |error: &(dyn StdError + 'static)| {
            let error = self.failed(TransportError::of(error), call.action, deadline, wall);
            if unsure && error.was_sent() { error.with_advice(MAYBE_DONE) } else { error }
        };
        let response = client.execute(request).map_err(|e| failed(&e))?;
        let (status, mut headers) = (response.status().as_u16(), response.headers().clone());
        let limit = if bodies::is_sign_in(call.path) { LONGEST_SIGN_IN } else { LONGEST };
        let too_long = || {
            json::nonsense(
                call.action,
                &format!("the response is longer than {} KiB", limit / 1024),
            )
        };
        let mut body = Zeroizing::new(Vec::with_capacity(8 * 1024));
        response.take(limit as u64 + 1).read_to_end(&mut body).map_err(|e| failed(&e))?;
        if body.len() > limit {
            return Err(too_long());
        }
        if is_gzip(&headers) && !body.is_empty() {
            body = gzip::decompress(&body, limit).map_err(|problem| match problem {
                gzip::Problem::TooLong => too_long(),
                gzip::Problem::Damaged => {
                    json::nonsense(call.action, "the response is not the gzip that it says it is")
                }
            })?;
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
        }
        if (200..300).contains(&status) {
            return Ok(Response { status, headers, body });
        }
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
        let error = status_error.into_error();
        Err(if unsure && status >= 500 { error.with_advice(MAYBE_DONE) } else { error })
    }

    /// The error for an exchange that failed before there was a response.
    fn failed(
        &self,
        transport_error: TransportError,
        action: &str,
        deadline: Deadline,
        wall: SystemTime,
    ) -> Error {
        let url = &self.settings.base_url;
        let port = url.port_or_known_default().unwrap_or_default();
        let host = format!("{}:{port}", url.host_str().unwrap_or_default());
        let peer = self.settings.proxy.as_ref().map(Proxy::peer);
        let status =
            match (&self.settings.proxy, transport_error.tunnel, deadline.remaining(action)) {
                (Some(proxy), Some(Tunnel::Refused), Ok(left)) => proxy.status_for(&host, left),
                _ => None,
            };
        let context = Context { action, host: &host, proxy: peer.as_deref(), deadline, wall };
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
        deadline: Deadline,
    ) -> Result<Request> {
        let mut url = self.settings.base_url.clone();
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = Request::new(call.method.clone(), url);
        request.headers_mut().extend(call.headers.cloned().unwrap_or_default());
        *request.timeout_mut() = Some(deadline.remaining(call.action)?);
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

/// Names of content codings are case-insensitive (RFC 9110, section 8.4.1).
fn is_gzip(headers: &HeaderMap) -> bool {
    let coding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    coding.is_some_and(|coding| {
        ["gzip", "x-gzip"].iter().any(|name| coding.trim().eq_ignore_ascii_case(name))
    })
}
