//! Requests to the API, and the handle of a response.

use std::ffi::{CString, c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

use emnify_core::{Method, Request, Response};

use crate::boundary::options::{self, Options};
use crate::boundary::{
    Result, SecretText, c_text, counted, emnify_error, free, optional_text, pointer, read, text,
};
use crate::client::{emnify_client, produce};

/// A name and its value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_pair {
    /// Never NULL.
    pub name: *const c_char,
    /// Never NULL.
    pub value: *const c_char,
}

/// Optional parts of a request. All are copied.
///
/// Initialise it with EMNIFY_REQUEST_OPTIONS_INIT, which sets `size`: see "Options" above.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_request_options {
    /// sizeof(emnify_request_options) in the header that the program was built with.
    pub size: usize,
    /// Query parameters, added to those in the path. The library encodes them. NULL: none.
    pub query: *const emnify_pair,
    /// The number of query parameters.
    pub query_size: usize,
    /// Headers. The library sets Authorization, Host and the connection's headers itself, and does
    /// not accept them here. NULL: none.
    pub headers: *const emnify_pair,
    /// The number of headers.
    pub headers_size: usize,
    /// The body, sent unchanged. It is JSON unless a header Content-Type says otherwise. NULL:
    /// none.
    pub body: *const c_void,
    /// The length of the body in bytes.
    pub body_length: usize,
    /// How long this call may take, in milliseconds, with all waits and retries. 0: as long as the
    /// client's timeout.
    pub timeout_ms: u64,
}

const _: () = assert!(
    offset_of!(emnify_request_options, timeout_ms) + size_of::<u64>()
        == size_of::<emnify_request_options>()
);

// SAFETY: it is laid out as in C, of numbers and pointers, and its last member ends it.
unsafe impl Options for emnify_request_options {
    const INIT: &'static str = "EMNIFY_REQUEST_OPTIONS_INIT";
}

/// The response to a request that succeeded (HTTP 2xx).
///
/// Created by emnify_request(); free it with emnify_response_free(), which wipes the body.
pub struct emnify_response {
    status: i32,
    headers: Vec<(String, CString)>,
    body: SecretText,
}

/// Makes any request to the API, with the auth token of `client`, and writes the response to
/// `*response`. Blocks.
///
/// `method` is GET, HEAD, POST, PUT, PATCH or DELETE. `path` starts with one slash, such as
/// /api/v1/sim/7, and may contain a query. It is relative to the base URL, and the auth token is
/// sent nowhere else. `options` may be NULL.
///
/// After a 401 the client signs in and repeats the request once, if that may help. After a
/// temporary failure, GET, HEAD, PUT and DELETE are retried as often as emnify_config_set_retries()
/// allows (default: 2); POST and PATCH only if the request was not sent. Redirects are not followed.
/// A response may have up to 16 MiB.
///
/// HTTP errors become EMNIFY_ERR_NOT_FOUND, _FORBIDDEN, _CONFLICT, _VALIDATION and so on. After
/// EMNIFY_ERR_NETWORK, _TIMEOUT or _SERVER the request may have taken effect; check before
/// retrying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_request(
    client: *const emnify_client,
    method: *const c_char,
    path: *const c_char,
    options: *const emnify_request_options,
    response: *mut *mut emnify_response,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract.
        let (method, path) = unsafe { (text("method", method)?, text("path", path)?) };
        // SAFETY: the contract; `size` says how many bytes there are.
        let options = unsafe { options::copy(options) }?;
        let timeout_ms = options.map_or(0, |options| options.timeout_ms);
        let timeout = Some(Duration::from_millis(timeout_ms)).filter(|timeout| !timeout.is_zero());
        let limited = timeout.map(|timeout| client.core.with_timeout(timeout));
        let core = limited.as_ref().unwrap_or(&client.core);
        let mut request = core.request(method.parse::<Method>()?, path);
        if let Some(options) = &options {
            // SAFETY: the contract.
            request = unsafe { apply(request, options) }?;
        }
        Ok(emnify_response::new(&request.send()?))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("response", response), error, body) }
}

/// Returns the HTTP status, 200 to 299.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_response_status(response: *const emnify_response) -> i32 {
    // SAFETY: the contract.
    unsafe { read(response, 0, |response| response.status) }
}

/// Returns the value of the header `name`, such as "X-Total-Count", in upper or lower case; the
/// first value if there are several. NULL if there is none or if the value is not ASCII text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_response_header(
    response: *const emnify_response,
    name: *const c_char,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        read(response, ptr::null(), |response| {
            let name = optional_text("name", name).ok().flatten();
            pointer(name.and_then(|name| response.header(name)))
        })
    }
}

/// Returns the body, decompressed, and followed by a NUL. If `length` is not NULL, `*length` is set
/// to the length in bytes without that NUL. A body that is not text may also contain NULs. An empty
/// body is not NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_response_body(
    response: *const emnify_response,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the contract.
    let (body, its_length) = unsafe {
        read(response, (ptr::null(), 0), |response| (response.body.as_ptr(), response.body.len()))
    };
    if !length.is_null() {
        // SAFETY: it is not NULL, and so may be written to.
        unsafe { length.write(its_length) };
    }
    body
}

/// Wipes the body, and frees the response and everything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_response_free(response: *mut emnify_response) {
    // SAFETY: the contract.
    unsafe { free(response) }
}

impl emnify_response {
    fn new(response: &Response) -> Self {
        emnify_response {
            status: response.status().into(),
            headers: response
                .headers()
                .map(|(name, value)| (name.to_owned(), c_text(value)))
                .collect(),
            body: SecretText::new(response.body()),
        }
    }

    fn header(&self, name: &str) -> Option<&CString> {
        let is_it = |(its_name, _): &&(String, CString)| its_name.eq_ignore_ascii_case(name);
        self.headers.iter().find(is_it).map(|(_, value)| value)
    }
}

/// Adds the options to the request.
///
/// # Safety
///
/// The members point to as many values as their sizes say.
unsafe fn apply(mut request: Request, options: &emnify_request_options) -> Result<Request> {
    // SAFETY: guaranteed by the caller.
    for (name, value) in unsafe { pairs("query", options.query, options.query_size) }? {
        request = request.query(name, value);
    }
    // SAFETY: guaranteed by the caller.
    for (name, value) in unsafe { pairs("headers", options.headers, options.headers_size) }? {
        request = request.header(name, value);
    }
    // SAFETY: guaranteed by the caller.
    let body = unsafe { counted::<u8>("body", options.body.cast(), options.body_length) }?;
    if !options.body.is_null() {
        request = request.body(body);
    }
    Ok(request)
}

/// Returns the names and values in the argument `argument`.
///
/// # Safety
///
/// `pairs` is NULL or points to `size` pairs of strings.
unsafe fn pairs<'a>(
    argument: &str,
    pairs: *const emnify_pair,
    size: usize,
) -> Result<Vec<(&'a str, &'a str)>> {
    let needed = |text: *const c_char, at: usize, what: &str| {
        // SAFETY: guaranteed by the caller.
        unsafe { optional_text(argument, text) }?.ok_or_else(|| {
            emnify_error::invalid_input(argument, format_args!("the {what} at {at} is NULL"))
        })
    };
    // SAFETY: guaranteed by the caller.
    let pairs = unsafe { counted(argument, pairs, size) }?;
    let text = |(at, pair): (usize, &emnify_pair)| {
        Ok((needed(pair.name, at, "name")?, needed(pair.value, at, "value")?))
    };
    pairs.iter().enumerate().map(text).collect()
}
