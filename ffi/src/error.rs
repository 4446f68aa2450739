//! The error object. The caller owns it, so it holds everything as C wants to read it: texts that
//! end with a NUL, and what is nested in emnify's own error laid out as a list.

use std::ffi::{CString, c_char};
use std::fmt::Display;
use std::ptr;
use std::time::Duration;

use emnify_core::{ApiError, Error};

use crate::boundary::{ask, free, new};
use crate::code::{
    EMNIFY_ERR_CANCELLED, EMNIFY_ERR_INTERNAL, EMNIFY_ERR_INVALID_INPUT, EMNIFY_ERR_NETWORK,
    EMNIFY_OK, code,
};
use crate::convert::{c_text, milliseconds, pointer};
use crate::rotation_state::{EMNIFY_ROTATION_NONE, number};

/// What went wrong. Made by a call that failed, owned by its caller, who frees it with
/// emnify_error_free(); or borrowed from an event or a status. Any thread may read it.
#[derive(Clone)]
pub struct emnify_error {
    code: i32,
    message: CString,
    http_status: i32,
    retry_after: Option<Duration>,
    retryable: bool,
    rotation_state: i32,
    api: Option<ApiMessage>,
    nested: Vec<ApiMessage>,
}

/// One error object of emnify's, without what is nested in it.
#[derive(Clone)]
struct ApiMessage {
    code: i64,
    token: Option<CString>,
    message: Option<CString>,
}

/// Which kind of error it is: one of the constants EMNIFY_ERR_..., the same as the call returned.
/// EMNIFY_OK if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_code(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { ask(error, EMNIFY_OK, |error| error.code) }
}

/// What happened and what to do about it: one line for a person, UTF-8, without a line break. It
/// never holds a secret, the query of a URL or the raw body of an answer, so it may go into a log.
///
/// Borrowed from `error`. NULL if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_message(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe { ask(error, ptr::null(), |error| error.message.as_ptr()) }
}

/// The HTTP status of the answer, such as 403; 0 where there was no answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_http_status(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { ask(error, 0, |error| error.http_status) }
}

/// How many milliseconds to wait before another attempt, where the server or this library says so;
/// -1 where neither does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_retry_after_ms(error: *const emnify_error) -> i64 {
    // SAFETY: the contract.
    unsafe { ask(error, -1, |error| milliseconds(error.retry_after)) }
}

/// Whether the same call may succeed later with nothing changed. It does not say that the call had
/// no effect: a request that timed out may have been carried out. False if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_is_retryable(error: *const emnify_error) -> bool {
    // SAFETY: the contract.
    unsafe { ask(error, false, |error| error.retryable) }
}

/// The state that a rotation stopped in, and goes on from when emnify_token_rotate() is called
/// again: one of the constants EMNIFY_ROTATION_.... EMNIFY_ROTATION_NONE where it is not about a
/// rotation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_rotation_state(error: *const emnify_error) -> i32 {
    // SAFETY: the contract.
    unsafe { ask(error, EMNIFY_ROTATION_NONE, |error| error.rotation_state) }
}

/// emnify's own number for the error, such as 1400; 0 where the answer had none. It need not agree
/// with the HTTP status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_code(error: *const emnify_error) -> i64 {
    // SAFETY: the contract.
    unsafe { ask(error, 0, |error| error.api.as_ref().map_or(0, |api| api.code)) }
}

/// emnify's own word for the error, such as "InputValidationFailed".
///
/// Borrowed from `error`. NULL where the answer had none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_token(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        ask(error, ptr::null(), |error| {
            pointer(error.api.as_ref().and_then(|api| api.token.as_ref()))
        })
    }
}

/// emnify's own sentence about the error. emnify_error_message() has it already, with more.
///
/// Borrowed from `error`. NULL where the answer had none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_api_message(error: *const emnify_error) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        ask(error, ptr::null(), |error| {
            pointer(error.api.as_ref().and_then(|api| api.message.as_ref()))
        })
    }
}

/// How many messages are nested in emnify's error: one for each field that it found fault with.
/// What is nested more deeply follows what it is nested in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_size(error: *const emnify_error) -> usize {
    // SAFETY: the contract.
    unsafe { ask(error, 0, |error| error.nested.len()) }
}

/// The number of the nested message at `index`, counted from 0; 0 where it has none or there is no
/// such message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_code(error: *const emnify_error, index: usize) -> i64 {
    // SAFETY: the contract.
    unsafe { ask(error, 0, |error| error.nested.get(index).map_or(0, |nested| nested.code)) }
}

/// The word of the nested message at `index`, such as "Required".
///
/// Borrowed from `error`. NULL where it has none or there is no such message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_token(
    error: *const emnify_error,
    index: usize,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        ask(error, ptr::null(), |error| {
            pointer(error.nested.get(index).and_then(|nested| nested.token.as_ref()))
        })
    }
}

/// The sentence of the nested message at `index`.
///
/// Borrowed from `error`. NULL where it has none or there is no such message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_nested_message(
    error: *const emnify_error,
    index: usize,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        ask(error, ptr::null(), |error| {
            pointer(error.nested.get(index).and_then(|nested| nested.message.as_ref()))
        })
    }
}

/// An error of your own that says the same, to keep what is only borrowed. Free it with
/// emnify_error_free(). NULL if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_copy(error: *const emnify_error) -> *mut emnify_error {
    // SAFETY: the contract.
    unsafe { ask(error, ptr::null_mut(), |error| new(error.clone())) }
}

/// Frees an error, and with it every string that was borrowed from it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_error_free(error: *mut emnify_error) {
    // SAFETY: the contract.
    unsafe { free(error) }
}

impl emnify_error {
    /// An argument that cannot be passed on to the core.
    pub(crate) fn invalid_input(argument: &str, problem: impl Display) -> Box<Self> {
        Self::plain(EMNIFY_ERR_INVALID_INPUT, &format!("{argument}: {problem}"))
    }

    pub(crate) fn null(argument: &str) -> Box<Self> {
        Self::invalid_input(argument, "is NULL")
    }

    pub(crate) fn not_utf8(argument: &str) -> Box<Self> {
        Self::invalid_input(argument, "is no UTF-8 text")
    }

    /// `emnify_cancel()` was called.
    pub(crate) fn cancelled() -> Box<Self> {
        let message = "cancelled: emnify_cancel() ends all calls of a client; what one of them had \
                       sent by then may have been carried out";
        Self::plain(EMNIFY_ERR_CANCELLED, message)
    }

    /// A function of the caller's forked, and this is the child.
    pub(crate) fn forked() -> Box<Self> {
        let message = "the process was forked during the call, which the parent goes on with";
        Self::plain(EMNIFY_ERR_NETWORK, message)
    }

    /// A panic that was caught. Its own message may hold anything, and stays out.
    pub(crate) fn panicked() -> Box<Self> {
        let message = "a fault of this library: it panicked, and the call was given up; please \
                       report what was called";
        Self::plain(EMNIFY_ERR_INTERNAL, message)
    }

    pub(crate) fn code(&self) -> i32 {
        self.code
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &std::ffi::CStr {
        &self.message
    }

    fn plain(code: i32, message: &str) -> Box<Self> {
        Box::new(emnify_error {
            code,
            message: c_text(message),
            http_status: 0,
            retry_after: None,
            retryable: false,
            rotation_state: EMNIFY_ROTATION_NONE,
            api: None,
            nested: Vec::new(),
        })
    }
}

impl From<Error> for Box<emnify_error> {
    fn from(error: Error) -> Self {
        let mut nested = Vec::new();
        if let Some(api_error) = error.api_error() {
            flatten(&api_error.errors, &mut nested);
        }
        Box::new(emnify_error {
            code: code(error.kind()),
            message: c_text(&error.to_string()),
            http_status: error.http_status().map_or(0, i32::from),
            retry_after: error.retry_after(),
            retryable: error.is_retryable(),
            rotation_state: error.rotation_state().map_or(EMNIFY_ROTATION_NONE, number),
            api: error.api_error().map(ApiMessage::new),
            nested,
        })
    }
}

impl ApiMessage {
    fn new(error: &ApiError) -> Self {
        ApiMessage {
            code: error.error_code.unwrap_or(0),
            token: error.error_token.as_deref().map(c_text),
            message: error.message.as_deref().map(c_text),
        }
    }
}

/// The core bounds how deep and how many these can be.
fn flatten(errors: &[ApiError], flat: &mut Vec<ApiMessage>) {
    for error in errors {
        flat.push(ApiMessage::new(error));
        flatten(&error.errors, flat);
    }
}
