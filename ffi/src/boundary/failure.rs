//! Why a call failed. This is the error object that C gets: the caller owns it, so it contains
//! everything in the form for C: texts that end with a NUL, and emnify's nested errors as a flat
//! list. `error` has the functions for it.

use std::ffi::CString;
use std::fmt::Display;
use std::time::Duration;

use emnify_core::{ApiError, Error};

use super::strings::c_text;
use crate::codes::{
    EMNIFY_ERR_CANCELLED, EMNIFY_ERR_INTERNAL, EMNIFY_ERR_INVALID_INPUT, EMNIFY_REASON_NONE,
    EMNIFY_ROTATION_NONE, error_code, reason_number, state_number,
};

/// The result of a call, before it is written to out-pointers.
pub(crate) type Result<T = (), E = Box<emnify_error>> = std::result::Result<T, E>;

/// An error: what failed, on what, why, and what to do.
///
/// Written by a call that failed; free it with emnify_error_free(). An error returned by
/// emnify_event_error() or emnify_status_last_error() is borrowed.
#[derive(Clone)]
pub struct emnify_error {
    pub(super) code: i32,
    pub(super) reason: i32,
    pub(super) message: CString,
    pub(super) http_status: i32,
    pub(super) retry_after: Option<Duration>,
    pub(super) retryable: bool,
    pub(super) rotation_state: i32,
    pub(super) api: Option<ApiMessage>,
    pub(super) nested: Vec<ApiMessage>,
}

/// One of emnify's error objects, without those nested in it.
#[derive(Clone)]
pub(super) struct ApiMessage {
    pub(super) code: i64,
    pub(super) name: Option<CString>,
    pub(super) message: Option<CString>,
}

impl emnify_error {
    /// Creates the error for an argument that cannot be passed on to the core.
    pub(crate) fn invalid_input(argument: &str, problem: impl Display) -> Box<Self> {
        Self::plain(EMNIFY_ERR_INVALID_INPUT, &format!("{argument}: {problem}"))
    }

    /// Creates the error for an argument that must not be NULL.
    pub(crate) fn null(argument: &str) -> Box<Self> {
        Self::invalid_input(argument, "is NULL")
    }

    /// Creates the error for a text that is not UTF-8.
    pub(crate) fn not_utf8(argument: &str) -> Box<Self> {
        Self::invalid_input(argument, "is not valid UTF-8")
    }

    /// Creates the error for a call after `emnify_client_cancel()`.
    pub(crate) fn cancelled() -> Box<Self> {
        let message = "cancelled by the caller: emnify_client_cancel() was called for this client; \
                       create another client";
        Self::plain(EMNIFY_ERR_CANCELLED, message)
    }

    /// Creates the error for a panic that was caught. The panic's own message may contain anything,
    /// so it is not included.
    pub(crate) fn panicked() -> Box<Self> {
        let message = "a bug in this library: the call panicked; please report which function was \
                       called";
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
            reason: EMNIFY_REASON_NONE,
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
            code: error_code(error.kind()),
            reason: error.reason().map_or(EMNIFY_REASON_NONE, reason_number),
            message: c_text(&error.to_string()),
            http_status: error.http_status().map_or(0, i32::from),
            retry_after: error.retry_after(),
            retryable: error.is_retryable(),
            rotation_state: error.rotation_state().map_or(EMNIFY_ROTATION_NONE, state_number),
            api: error.api_error().map(ApiMessage::new),
            nested,
        })
    }
}

impl ApiMessage {
    fn new(error: &ApiError) -> Self {
        ApiMessage {
            code: error.error_code.unwrap_or(0),
            name: error.error_name.as_deref().map(c_text),
            message: error.message.as_deref().map(c_text),
        }
    }
}

/// Lists nested error objects. The core limits their depth and number.
fn flatten(errors: &[ApiError], flat: &mut Vec<ApiMessage>) {
    for error in errors {
        flat.push(ApiMessage::new(error));
        flatten(&error.errors, flat);
    }
}
