//! One round trip. A request goes out over TLS with a time limit on all of it, a bounded answer
//! comes back, and every way in which that can fail becomes one [`Error`].

use std::env;
use std::error::Error as StdError;
use std::fmt;
use std::io::Read;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::blocking::{Client, Request, Response};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, Url, redirect};
use zeroize::Zeroizing;

use crate::api::{self, Body};
use crate::auth_token::SCHEME;
use crate::date;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::fault::Fault;
use crate::gzip;
use crate::input;
use crate::per_process::PerProcess;
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::signals;
use crate::tls::{self, Roots};

/// No answer of the API comes near it; a server that sends more is lying or not emnify.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// What official clients send under these names, so that emnify can tell who calls.
const ORIGIN_APP: &str = "emnify-auth";

/// What reqwest reads, in no certain order.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Said of a call whose effect is unknown.
pub(crate) const MAYBE_DONE: &str =
    "it may have been carried out all the same: look before trying again";

/// How and where to connect. No `Debug`: a proxy's URL may hold a password.
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    pub(crate) connect_timeout: Duration,
    pub(crate) roots: Roots,
    pub(crate) proxy: Option<Url>,
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
    pub(crate) headers: &'a HeaderMap,
    /// JSON, unless the headers say otherwise.
    pub(crate) body: Option<Body>,
    /// What else the request carries that no error may repeat.
    pub(crate) secrets: &'a [&'a str],
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Wiped when dropped: it may hold a token.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// How many pages the collection has, of which this is one.
    pub(crate) fn total_pages(&self) -> u64 {
        let header = self.headers.get("X-Total-Pages").and_then(|value| value.to_str().ok());
        header.and_then(|text| text.trim().parse().ok()).unwrap_or(1)
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
    ) -> Result<Answer> {
        let client = self.client()?;
        let request = self.request(call, auth_token, deadline)?;
        // What got out may have been carried out, which matters where it is not repeatable.
        let unsure = auth_token.is_some() && call.method == Method::POST;
        let fault = |error: &(dyn StdError + 'static)| {
            let fault = Fault::of(error);
            let unsent = fault.connect;
            let error = fault.into_error(call.action, &self.peer(), deadline, wall);
            match (unsent, unsure) {
                (true, _) => error.unsent(),
                (false, true) => error.with_advice(MAYBE_DONE),
                (false, false) => error,
            }
        };
        let response = client.execute(request).map_err(|e| fault(&e))?;
        let (status, mut headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = read_bounded(call.action, response, &fault)?;
        let is_gzip = headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        if is_gzip && !body.is_empty() {
            body = gzip::decompress(&body, LONGEST_ANSWER).ok_or_else(|| {
                api::nonsense(call.action, "the answer is not the gzip that it says it is")
            })?;
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
        }
        if (200..300).contains(&status) {
            return Ok(Answer { status, headers, body });
        }
        let mut secrets = call.secrets.to_vec();
        secrets.extend(auth_token.map(Secret::reveal));
        let retry_after = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| date::retry_after(value, date::of_answer(&headers).unwrap_or(wall)));
        let refusal = Refusal {
            action: call.action,
            authenticating: auth_token.is_none(),
            status,
            body: &body,
            retry_after,
            secrets: &secrets,
        };
        let error = refusal.into_error();
        Err(if unsure && status >= 500 { error.with_advice(MAYBE_DONE) } else { error })
    }

    /// Who is at the other end of a connection, for a message.
    fn peer(&self) -> String {
        let url = &self.settings.base_url;
        let port = url.port_or_known_default().unwrap_or_default();
        let peer = format!("{}:{port}", url.host_str().unwrap_or_default());
        let set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
        if input::is_loopback(url) {
            return peer;
        }
        match self.settings.proxy.as_ref().and_then(Url::host_str) {
            Some(proxy) => format!("{peer} through the proxy {proxy}"),
            None => match PROXY_VARIABLES.iter().find(|name| set(name)) {
                Some(name) => format!("{peer}, perhaps through the proxy that {name} names"),
                None => peer,
            },
        }
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
        request.headers_mut().extend(call.headers.clone());
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
        .redirect(redirect::Policy::none());
    if input::is_loopback(&settings.base_url) {
        // What stays on this machine, perhaps in plain text, takes no way around.
        builder = builder.no_proxy();
    } else if let Some(proxy) = &settings.proxy {
        let proxy = reqwest::Proxy::all(proxy.clone())
            .map_err(|_| Error::invalid_input("proxy", "is no proxy's URL"))?;
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_env()));
    }
    // The thread that this starts inherits the mask: the host's signals are none of its business,
    // and a peer that closes a connection must not kill the host with SIGPIPE.
    signals::while_blocked(|| builder.build()).map_err(|e| {
        let message = format!("the HTTP client could not be set up: {}", Fault::of(&e).deepest);
        Error::new(ErrorKind::Network, message)
    })
}

fn read_bounded(
    action: &str,
    response: Response,
    fault: &dyn Fn(&(dyn StdError + 'static)) -> Error,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut body = Zeroizing::new(Vec::with_capacity(8 * 1024));
    let limit = LONGEST_ANSWER as u64 + 1;
    response.take(limit).read_to_end(&mut body).map_err(|e| fault(&e))?;
    if body.len() > LONGEST_ANSWER {
        return Err(api::nonsense(action, "the answer is longer than 16 MiB"));
    }
    Ok(body)
}
