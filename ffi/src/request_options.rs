//! What a call of the API carries besides its method and path, in a structure that C fills in.

use std::ffi::{c_char, c_void};
use std::mem::{offset_of, size_of};

use emnify_core::Request;

use crate::boundary::Outcome;
use crate::convert::{counted, optional_text};
use crate::error::emnify_error;
use crate::options::{self, Options};

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

/// Adds to the request what the options say.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells, and its members to what their
/// sizes tell.
pub(crate) unsafe fn apply(
    mut request: Request,
    options: *const emnify_request_options,
) -> Outcome<Request> {
    // SAFETY: as demanded of the caller.
    let Some(options) = (unsafe { options::read(options) })? else { return Ok(request) };
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
) -> Outcome<Vec<(&'a str, &'a str)>> {
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
