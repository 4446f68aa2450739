//! A request to send, and its response.

use std::cell::Cell;
use std::sync::Arc;

use reqwest::Method;
use reqwest::header::HeaderMap;
use zeroize::Zeroizing;

use crate::api::json::Body;
use crate::api::paging::Page;
use crate::types::error::Result;

/// What a 401 means to a call with an auth token.
const TOKEN_REFUSED: &str = "emnify refused the auth token";

/// A request to send.
pub(crate) struct Call<'a> {
    /// What the call does, to follow "cannot" in a message.
    pub(crate) action: &'a str,
    pub(crate) method: Method,
    /// Starts with `/api`.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, String)],
    /// Headers in addition to those of the library.
    pub(crate) headers: Option<&'a HeaderMap>,
    /// JSON, unless the headers give another content type.
    pub(crate) body: Option<Body>,
    /// Secrets in the request, besides the auth token, that no error may repeat.
    pub(crate) secrets: &'a [&'a str],
    /// What a 401 means, for the message.
    pub(crate) refused: &'static str,
    /// Gets a response that comes after the caller has returned.
    pub(crate) on_late: Option<OnLate>,
    /// How many requests were made for this call.
    pub(crate) attempts: Cell<u32>,
}

impl<'a> Call<'a> {
    /// Creates a call without query, headers, body or secrets.
    pub(crate) fn new(action: &'a str, method: Method, path: &'a str) -> Self {
        Call {
            action,
            method,
            path,
            query: &[],
            headers: None,
            body: None,
            secrets: &[],
            refused: TOKEN_REFUSED,
            on_late: None,
            attempts: Cell::new(0),
        }
    }
}

/// A function that gets a response, or the error that its status means, after its caller has
/// returned. It runs on a thread of its own.
pub(crate) type OnLate = Arc<dyn Fn(Result<Response>) + Send + Sync>;

/// A successful response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Wiped when dropped, since it may contain a token.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// Returns the response as a page of a list.
    pub(crate) fn into_page(self) -> Page {
        Page { headers: self.headers, body: self.body }
    }
}
