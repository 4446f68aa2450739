//! One round trip: sends a request over TLS, and reads the response, limited in time and size.
//! Every way in which that can fail becomes an [`Error`].

pub(crate) mod binding;
mod call;
mod connections;
mod connector;
pub(crate) mod gzip;
pub(crate) mod proxy;
mod proxy_error;
mod reach;
pub(crate) mod request_log;
mod resolver;
pub(crate) mod retry_after;
mod round_trip;
pub(crate) mod status_error;
pub(crate) mod tls;
pub(crate) mod tls_error;
pub(crate) mod transport_error;
pub(crate) mod url;
pub(crate) mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::blocking::Request;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};

use crate::api::{bodies, json};
use crate::http::binding::Binding;
pub(crate) use crate::http::call::{Call, OnLate, Response};
use crate::http::connector::Connector;
use crate::http::proxy::Proxy;
use crate::http::proxy_error::Tunnel;
use crate::http::request_log::{RequestLog, RequestRecord};
use crate::http::round_trip::{Failure, Judge, RoundTrip};
use crate::http::tls::Roots;
use crate::http::transport_error::{Context, TransportError};
use crate::http::worker::Workers;
use crate::sys::trace;
use crate::sys::wait::Wait;
use crate::types::auth_token::authorization;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// The longest response, and the longest response to a sign-in, in bytes. emnify sends less, and a
/// gateway has little memory.
const LONGEST: usize = 16 * 1024 * 1024;
const LONGEST_SIGN_IN: usize = 256 * 1024;

/// Advice for a call whose effect is unknown.
pub(crate) const MAYBE_DONE: &str = "the request may have taken effect; check before retrying";

/// How and where to connect. No `Debug`: a proxy's URL may contain a password.
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    pub(crate) connect_timeout: Duration,
    pub(crate) roots: Roots,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) binding: Binding,
    /// How many exchanges may be under way for callers that can be interrupted.
    pub(crate) max_exchanges: usize,
}

/// The HTTP client for one base URL.
pub(crate) struct Http {
    connector: Arc<Connector>,
    workers: Workers,
    callers: Arc<Workers>,
    requests: RequestLog,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        let workers = Workers::new(settings.max_exchanges);
        let callers = Arc::new(Workers::new(settings.max_exchanges));
        Http {
            connector: Arc::new(Connector::new(settings)),
            workers,
            callers,
            requests: RequestLog::new(),
        }
    }

    /// Sets whether requests are recorded from now on.
    pub(crate) fn record_requests(&self, wanted: bool) {
        self.requests.want(wanted);
    }

    /// Takes the oldest record of a request.
    pub(crate) fn take_request(&self) -> Option<RequestRecord> {
        self.requests.take()
    }

    fn settings(&self) -> &Settings {
        &self.connector.settings
    }

    /// Returns the threads for interruptible exchanges, and for undoing a call that was cancelled.
    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Returns the threads for asynchronous calls. They are not those for exchanges, which such a
    /// call may wait for.
    pub(crate) fn callers(&self) -> &Arc<Workers> {
        &self.callers
    }

    /// Returns the URL that all calls go to.
    pub(crate) fn base_url(&self) -> &str {
        self.settings().base_url.as_str()
    }

    /// Sends the call and returns the response if its status is 2xx. A call without an auth token
    /// exchanges credentials. It may be made on another
    /// thread.
    pub(crate) fn send(
        &self,
        call: &Call<'_>,
        auth_token: Option<&Secret>,
        wait: &Wait,
        wall: SystemTime,
    ) -> Result<Response> {
        self.requests.recording(call, || {
            let started = Instant::now();
            let result = self.send_once(call, auth_token, wait, wall);
            let status = result.as_ref().map(|response| response.status);
            trace::request(call.method.as_str(), call.path, status, started.elapsed());
            result
        })
    }

    fn send_once(
        &self,
        call: &Call<'_>,
        auth_token: Option<&Secret>,
        wait: &Wait,
        wall: SystemTime,
    ) -> Result<Response> {
        // The server may have processed the request, which matters if it must not be repeated.
        let unsure = auth_token.is_some() && call.method == Method::POST;
        let advise = |error: Error, is_unsure: bool| {
            if unsure && is_unsure { error.with_advice(MAYBE_DONE) } else { error }
        };
        let judge = Judge::new(call, auth_token, wall);
        let response = self.exchange(call, auth_token, &judge, wait).map_err(|error| {
            let was_sent = error.was_sent();
            advise(error, was_sent)
        })?;
        judge.judge(response).map_err(|error| {
            let is_fault = error.http_status().is_some_and(|status| status >= 500);
            advise(error, is_fault)
        })
    }

    /// Sends the call and returns the response, whatever its status.
    fn exchange(
        &self,
        call: &Call<'_>,
        auth_token: Option<&Secret>,
        judge: &Judge,
        wait: &Wait,
    ) -> Result<Response> {
        let round_trip = RoundTrip {
            connector: Arc::clone(&self.connector),
            request: self.request(call, auth_token, wait).map_err(Error::unsent)?,
            limit: if bodies::is_sign_in(call.path) { LONGEST_SIGN_IN } else { LONGEST },
        };
        round_trip.make(call, judge, wait, &self.workers)?.map_err(|failure| match failure {
            Failure::Transport(error) => self.failed(error, call.action, wait, judge.wall),
            Failure::Nonsense(problem) => json::nonsense(call.action, &problem),
        })
    }

    /// Returns host and port of the server, for messages.
    fn host(&self) -> String {
        let url = &self.settings().base_url;
        let port = url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", url.host_str().unwrap_or_default())
    }

    /// Returns the error for an exchange that failed before the whole response was read.
    fn failed(
        &self,
        transport_error: TransportError,
        action: &str,
        wait: &Wait,
        wall: SystemTime,
    ) -> Error {
        let settings = self.settings();
        let host = self.host();
        let peer = settings.proxy.as_ref().map(Proxy::peer);
        let status = match (&settings.proxy, transport_error.tunnel, wait.remaining(action)) {
            // The second request would not be bound.
            (Some(proxy), Some(Tunnel::Refused), Ok(left)) if !settings.binding.is_set() => {
                proxy.status_for(&host, left)
            }
            _ => None,
        };
        let context = Context {
            action,
            host: &host,
            proxy: peer.as_deref(),
            binding: &settings.binding,
            connect_timeout: settings.connect_timeout,
            wait,
            wall,
        };
        transport_error.into_error(&context, status)
    }

    fn request(
        &self,
        call: &Call<'_>,
        auth_token: Option<&Secret>,
        wait: &Wait,
    ) -> Result<Request> {
        let mut url = self.settings().base_url.clone();
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

/// Returns the value of the `Authorization` header.
fn bearer(token: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(authorization(token).reveal()).map_err(|_| {
        Error::new(ErrorKind::Protocol, "the auth token cannot be sent in a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
