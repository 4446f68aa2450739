//! Any other call of the API, and the handle that holds its answer.

use std::ffi::{CString, c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;

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

/// What a call carries besides its method and path. Everything is optional, and copied.
///
/// Start from EMNIFY_REQUEST_OPTIONS_INIT, which sets `size`: later versions add members at the
/// end, and a program that was built with this one goes on working.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_request_options {
    /// sizeof(emnify_request_options).
    pub size: usize,
    /// Parameters of the query, which follow those that the path has; they are encoded as they must
    /// be. NULL where there are none.
    pub query: *const emnify_pair,
    /// How many.
    pub query_size: usize,
    /// Headers. Authorization, Host and those of the connection are the library's, and refused.
    /// NULL where there are none.
    pub headers: *const emnify_pair,
    /// How many.
    pub headers_size: usize,
    /// The body, sent as it is; a header Content-Type says what it is, JSON where none does. NULL:
    /// no body.
    pub body: *const c_void,
    /// Its length in bytes.
    pub body_length: usize,
}

const _: () = assert!(
    offset_of!(emnify_request_options, body_length) + size_of::<usize>()
        == size_of::<emnify_request_options>()
);

// SAFETY: it is laid out as in C, of numbers and pointers, and its last member ends it.
unsafe impl Options for emnify_request_options {
    const INIT: &'static str = "EMNIFY_REQUEST_OPTIONS_INIT";
}

/// The answer to a call that succeeded (HTTP 2xx).
///
/// Made by emnify_request(), owned by the caller, freed with emnify_response_free(), which wipes its
/// body. It may outlive its client. Any thread may read it.
pub struct emnify_response {
    status: i32,
    headers: Vec<(String, CString)>,
    body: SecretText,
}

/// Makes any other call of the API with the auth token of `client`, and gives its answer to the
/// caller in `*response`. `method` is GET, HEAD, POST, PUT, PATCH or DELETE. `path` starts with one
/// slash, such as /api/v1/sim/7, and a query may stand behind it: it is relative to the base URL,
/// which the token goes to and nowhere else. `options` may be NULL: no more query, no headers of
/// your own, no body.
///
/// A 401 is answered by one new sign-in and one more attempt. GET, HEAD, PUT and DELETE are tried
/// again after what may pass by itself, POST and PATCH only if nothing was sent. Redirects are not
/// followed. An answer has at most 16 MiB.
///
/// Takes at most the configured timeout. Any thread.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT before anything was sent; EMNIFY_ERR_NOT_FOUND, _FORBIDDEN,
/// _CONFLICT, _VALIDATION and the like as the server answers; and besides as emnify_authenticate()
/// does. After EMNIFY_ERR_NETWORK, _TIMEOUT or _SERVER it may have been carried out all the same.
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
        let request = client.core.request(method.parse::<Method>()?, path);
        // SAFETY: the contract, by which `size` tells how much is there.
        let request = unsafe { apply(request, options) }?;
        Ok(emnify_response::new(&request.send()?))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("response", response), error, body) }
}

/// The HTTP status, from 200 to 299; 0 if `response` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_response_status(response: *const emnify_response) -> i32 {
    // SAFETY: the contract.
    unsafe { read(response, 0, |response| response.status) }
}

/// The value of the header `name`, in upper or lower case, such as "X-Total-Count"; the first where
/// there are several.
///
/// Borrowed from `response`. NULL where there is none, or its value is no text.
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

/// The body, decompressed, and a NUL behind it. `*length` becomes its length in bytes without that,
/// if `length` is not NULL. A body that is no text may have a NUL within.
///
/// Borrowed from `response`, and wiped with it. Never NULL, even if there was no body; NULL, and 0
/// in `*length`, if `response` is NULL.
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

/// Wipes the body, and frees the answer with all that was borrowed from it. NULL is allowed.
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

/// Adds to the request what the options say.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells, and its members to what their
/// sizes tell.
pub(crate) unsafe fn apply(
    mut request: Request,
    options: *const emnify_request_options,
) -> Result<Request> {
    // SAFETY: as demanded of the caller.
    let Some(options) = (unsafe { options::copy(options) })? else { return Ok(request) };
    // SAFETY: as demanded of the caller.
    for (name, value) in unsafe { pairs("query", options.query, options.query_size) }? {
        request = request.query(name, value);
    }
    // SAFETY: as demanded of the caller.
    for (name, value) in unsafe { pairs("headers", options.headers, options.headers_size) }? {
        request = request.header(name, value);
    }
    // SAFETY: as demanded of the caller.
    let body = unsafe { counted::<u8>("body", options.body.cast(), options.body_length) }?;
    if !options.body.is_null() {
        request = request.body(body);
    }
    Ok(request)
}

/// # Safety
///
/// `pairs` is NULL or points to `size` pairs of strings.
unsafe fn pairs<'a>(
    argument: &str,
    pairs: *const emnify_pair,
    size: usize,
) -> Result<Vec<(&'a str, &'a str)>> {
    let needed = |text: *const c_char, at: usize, what: &str| {
        // SAFETY: as demanded of the caller.
        unsafe { optional_text(argument, text) }?.ok_or_else(|| {
            emnify_error::invalid_input(argument, format_args!("the {what} at {at} is NULL"))
        })
    };
    // SAFETY: as demanded of the caller.
    let pairs = unsafe { counted(argument, pairs, size) }?;
    let text = |(at, pair): (usize, &emnify_pair)| {
        Ok((needed(pair.name, at, "name")?, needed(pair.value, at, "value")?))
    };
    pairs.iter().enumerate().map(text).collect()
}
