//! Any other call of the API, with the session's auth token. The token goes to the base URL's
//! origin and nowhere else: a path is relative, and no header may name another host or caller.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::api::json;
use crate::api::paging::Page;
use crate::calls::retry::Transport;
use crate::http::url;
use crate::http::{self, Call};
use crate::sys::wait::Wait;
use crate::types::error::{Error, Result};

/// The method of a request (RFC 9110, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers alone.
    Head,
    /// Creates, or does something.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    fn wire(self) -> reqwest::Method {
        match self {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    /// Reads a method's name, in upper or lower case.
    fn from_str(name: &str) -> Result<Self> {
        use Method::{Delete, Get, Head, Patch, Post, Put};
        [Get, Head, Post, Put, Patch, Delete]
            .into_iter()
            .find(|method| method.wire().as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let problem = "is none of GET, HEAD, POST, PUT, PATCH, DELETE";
                Error::invalid_input("method", problem)
            })
    }
}

/// A call that is being put together. Made by [`Client::request`](crate::Client::request); what is
/// wrong with it is told by [`Request::send`], before anything is sent.
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

    /// Adds a parameter to the query; it is encoded as it must be.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds a header. `Authorization`, `Host` and those of the connection are the library's.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a value as JSON.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        self.body = Some(json::body(value));
        self
    }

    /// Sends bytes as they are; a header `Content-Type` says what they are, JSON where none does.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(Ok(Zeroizing::new(bytes.into())));
        self
    }

    /// Sends the request, and returns the answer if that is a success (2xx). A 401 is answered by
    /// one new authentication and one more attempt; `GET`, `HEAD`, `PUT` and `DELETE` are tried
    /// again after what may pass by itself, `POST` and `PATCH` only if nothing was sent; all within
    /// the client's timeout.
    ///
    /// # Errors
    ///
    /// `InvalidInput` before anything was sent; else as the answer says.
    pub fn send(self) -> Result<Response> {
        self.send_within(&[], &self.transport.wait())
    }

    /// The same with more of a query.
    pub(crate) fn send_within(&self, more: &[(&str, String)], wait: &Wait) -> Result<Response> {
        let (path, inline) = url::path(&self.path)?;
        let mut query: Vec<(&str, String)> = Vec::new();
        query.extend(inline.iter().map(|(name, value)| (name.as_str(), value.clone())));
        query.extend(self.query.iter().map(|(name, value)| (name.as_str(), value.clone())));
        query.extend_from_slice(more);
        let headers = headers(&self.headers)?;
        let method = self.method.wire();
        let call = Call {
            action: &format!("{method} {path}"),
            method,
            path,
            query: &query,
            headers: Some(&headers),
            body: self.body.clone().transpose()?,
            secrets: &[],
            on_late: None,
        };
        self.transport.send(&call, wait).map(Response)
    }

    /// The value of the first parameter of that name in the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let inline = url::path(&self.path).map(|(_, inline)| inline).unwrap_or_default();
        let mut all = inline.into_iter().chain(self.query.iter().cloned());
        all.find(|(asked, _)| asked == name).map(|(_, value)| value)
    }

    pub(crate) fn ask(&mut self, name: &str, value: u64) {
        self.query.push((name.to_owned(), value.to_string()));
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
        // The query, the headers and the body may hold anything.
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
            .map_err(|_| refuse("is no name of a header"))?;
        if is_reserved(&name) {
            return Err(refuse("is the library's own"));
        }
        let value = HeaderValue::from_str(value)
            .map_err(|_| refuse("has a value with a line break or another control character"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Headers that say who calls whom, and how the message is framed.
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

/// A successful answer.
pub struct Response(http::Response);

impl Response {
    /// The HTTP status, from 200 to 299.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// A header by its name, in any case; `None` too where its value is no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All headers whose values are text, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    pub(crate) fn into_page(self) -> Page {
        self.0.into_page()
    }

    /// The body, decompressed; at most 16 MiB.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// `Protocol` where it is none, or not what `T` takes.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        json::read("read the answer", &self.0.body)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, length) = (self.status(), self.body().len());
        f.debug_struct("Response").field("status", &status).field("length", &length).finish()
    }
}
