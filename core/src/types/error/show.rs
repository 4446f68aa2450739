//! What an error shows of itself: a line for people, its fields for programmers, and its cause.

use std::error::Error as StdError;
use std::fmt::{self, Write};

use super::{Error, Inner};
use crate::types::text::is_harmless;

/// A message may quote an argument, a path or a server, so it can contain any character.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.message.chars();
        chars.try_for_each(|c| f.write_char(if is_harmless(c) { c } else { ' ' }))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            reason,
            message,
            http_status,
            api_error,
            retry_after,
            reach: _,
            rotation,
            source: _,
            io_error: _,
        } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("reason", reason)
            .field("message", message)
            .field("http_status", http_status)
            .field("api_error", api_error)
            .field("retry_after", retry_after)
            .field("rotation_state", &rotation.map(|(state, _)| state))
            .finish()
    }
}

impl StdError for Error {
    /// Returns the cause, if the message does not already quote it, so that a program that prints
    /// the whole chain prints nothing twice: the error of rustls about a certificate, that of serde
    /// about a value ([`Request::json`](crate::Request::json),
    /// [`Response::json`](crate::Response::json)). The error of a function that the program supplied
    /// is always returned. [`io_error`](Error::io_error) returns the operating system's error.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
