//! Any call of the API, with the session's auth token. The token is sent only to the base URL: a
//! path is relative, and a header cannot set another host or credential.

use std::fmt;
use std::future::Future;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::api::json;
use crate::api::paging::Page;
use crate::calls::method::Method;
use crate::calls::retry::Transport;
use crate::http::url;
use crate::http::{self, Call};
use crate::sys::interrupt::TriggerOnDrop;
use crate::sys::wait::Wait;
use crate::types::error::{Error, ErrorKind, Result};

/// A request that is being built, created by [`Client::request`](crate::Client::request).
/// [`Request::send`] checks it before anything is sent.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use std::time::Duration;
/// use emnify_core::Method;
///
/// let sims = client.request(Method::Get, "/api/v1/sim").query("per_page", 5);
/// let response = sims.header("X-Trace", "7").timeout(Duration::from_secs(5)).send()?;
///
/// let name = serde_json::json!({ "name": "gateway 7" }); // or a type of your own
/// client.request(Method::Patch, "/api/v1/endpoint/100001").json(&name).send()?;
/// let text = r#"{"name":"gateway 7"}"#;
/// client.request(Method::Patch, "/api/v1/endpoint/100001").body(text).send()?;
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    transport: Arc<Transport>,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Result<json::Body>>,
}

impl Request {
    pub(crate) fn new(transport: Arc<Transport>, method: Method, path: &str) -> Self {
        Request {
            transport,
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a parameter to the query. The parameter is percent-encoded as needed.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds a header. `Authorization`, `Host` and headers about the connection are reserved for the
    /// library.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body to a value, sent as JSON. If it cannot be serialised, [`send`](Self::send) fails
    /// with `InvalidInput`, and serde's error is the [`source`](std::error::Error::source).
    pub fn json(mut self, value: &impl Serialize) -> Self {
        self.body = Some(json::body(value));
        self
    }

    /// Sets the body to bytes, sent unchanged. Set their type with the header `Content-Type`; the
    /// default is JSON.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(Ok(Zeroizing::new(bytes.into())));
        self
    }

    /// Sets how long this request may take, including all waits and retries, in place of the client's
    /// timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.transport = Arc::new(Transport { timeout, ..Transport::clone(&self.transport) });
        self
    }

    /// Sends the request and returns the response if its status is 2xx.
    ///
    /// After a 401 the client signs in and repeats the request once, if that may help. Temporary
    /// failures (5xx, 429, broken connections) of `GET`, `HEAD`, `PUT` and `DELETE` are retried,
    /// three attempts in all by default; `POST` and `PATCH` are retried only if the request was not
    /// sent. All attempts together take at most the timeout.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use emnify_core::{ErrorKind, Method};
    ///
    /// let request = client.request(Method::Get, "/api/v1/sim").query("per_page", 5);
    /// let response = request.header("X-Trace", "7").send()?;
    /// assert_eq!((response.status(), response.header("X-Total-Pages").is_some()), (200, true));
    ///
    /// let error = client.request(Method::Get, "/api/v1/sim/1").send().unwrap_err();
    /// assert_eq!((error.kind(), error.http_status()), (ErrorKind::NotFound, Some(404)));
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` before anything is sent; otherwise the kind that fits the response or the
    /// failure.
    pub fn send(self) -> Result<Response> {
        self.send_within(&[], &self.transport.wait())
    }

    /// Returns a future that sends the request, like [`send`](Self::send), on a thread of this
    /// library. It works in any asynchronous runtime. The timeout starts now and includes the wait
    /// for a thread: see [`max_exchanges`](crate::ClientBuilder::max_exchanges). Dropping the future
    /// cancels the wait; a request under way may still take effect.
    ///
    /// ```
    /// # use emnify_core::{Client, ErrorKind, Method};
    /// # let client = Client::builder().application_token("a.b.c").base_url("http://127.0.0.1:9").build()?;
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// match client.request(Method::Get, "/api/v1/sim/7").send_async().await {
    ///     Ok(response) => println!("{} bytes", response.body().len()),
    ///     Err(error) => eprintln!("{error}"),
    /// }
    /// # });
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), and `Resource` if no thread can be created.
    pub fn send_async(self) -> impl Future<Output = Result<Response>> + Send + 'static {
        let transport = Arc::new(self.transport.asynchronous());
        let (callers, wait) = (Arc::clone(transport.http.callers()), transport.wait());
        let guard = TriggerOnDrop::of(transport.interrupt.clone());
        let request = Request { transport, ..self };
        guard.around(async move { callers.spawn(move || request.send_within(&[], &wait)).await? })
    }

    /// Sends the request with more parameters in its query, within `wait`.
    pub(crate) fn send_within(&self, more: &[(&str, String)], wait: &Wait) -> Result<Response> {
        let (path, inline) = url::path(&self.path)?;
        let mut query: Vec<(&str, String)> = Vec::new();
        query.extend(inline.iter().map(|(name, value)| (name.as_str(), value.clone())));
        query.extend(self.query.iter().map(|(name, value)| (name.as_str(), value.clone())));
        query.extend_from_slice(more);
        let headers = headers(&self.headers)?;
        let method = self.method.wire();
        let action = format!("{method} {path}");
        let call = Call {
            query: &query,
            headers: Some(&headers),
            body: self.body.clone().transpose()?,
            ..Call::new(&action, method, path)
        };
        self.transport.send(&call, wait).map(Response)
    }

    /// Returns the value of the first parameter with this name in the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let inline = url::path(&self.path).map(|(_, inline)| inline).unwrap_or_default();
        let mut all = inline.into_iter().chain(self.query.iter().cloned());
        all.find(|(given, _)| given == name).map(|(_, value)| value)
    }

    pub(crate) fn add_parameter(&mut self, name: &str, value: u64) {
        self.query.push((name.to_owned(), value.to_string()));
    }

    /// Makes the calls from now on by another transport of the same client. Returns the one before.
    pub(crate) fn go_by(&mut self, transport: &Arc<Transport>) -> Arc<Transport> {
        mem::replace(&mut self.transport, Arc::clone(transport))
    }

    pub(crate) fn wait(&self) -> Wait {
        self.transport.wait()
    }

    pub(crate) fn action(&self) -> String {
        format!("{} {}", self.method.wire(), self.path.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query, the headers and the body may contain secrets.
        f.debug_struct("Request").field("action", &self.action()).finish_non_exhaustive()
    }
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let refuse = |problem: &str| {
            let name: String = name.chars().filter(char::is_ascii_graphic).take(64).collect();
            Error::invalid_input("headers", format_args!("{name}: {problem}"))
        };
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse("is not a valid header name"))?;
        if is_reserved(&name) {
            return Err(refuse("is set by the library and cannot be changed"));
        }
        let value = HeaderValue::from_str(value)
            .map_err(|_| refuse("the value contains a line break or another control character"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Whether only the library may set the header: it names the host or the credentials, or frames the
/// message.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    use reqwest::header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    };
    [
        AUTHORIZATION,
        CONNECTION,
        CONTENT_LENGTH,
        EXPECT,
        HOST,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ]
    .contains(name)
}

/// A response with a 2xx status.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::Method;
///
/// let response = client.request(Method::Get, "/api/v1/sim/500001").send()?;
/// assert_eq!(response.status(), 200);
/// assert!(response.header("Content-Type").is_some_and(|value| value.contains("json")));
/// for (name, value) in response.headers() {
///     println!("{name}: {value}");
/// }
/// println!("{} bytes", response.body().len());
/// let sim: serde_json::Value = response.json()?; // or a type of your own
/// assert_eq!(sim["id"], 500_001);
/// # Ok::<(), emnify_core::Error>(())
/// ```
pub struct Response(http::Response);

impl Response {
    /// Returns the HTTP status, from 200 to 299.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Returns the value of a header; upper and lower case do not matter. `None` if the header is
    /// missing or its value is not ASCII text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns all headers with values of ASCII text, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    pub(crate) fn into_page(self) -> Page {
        self.0.into_page()
    }

    /// Returns the body, decompressed. It has at most 16 MiB.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// `Protocol` if the body is empty or not JSON, or if `T` does not match it. Serde's error is the
    /// [`source`](std::error::Error::source); unlike the message, it may quote a value of the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if self.body().is_empty() {
            let message =
                format!("cannot read the response: it has no body (HTTP {})", self.status());
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        json::read_own("read the response", self.body())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, length) = (self.status(), self.body().len());
        f.debug_struct("Response").field("status", &status).field("length", &length).finish()
    }
}
