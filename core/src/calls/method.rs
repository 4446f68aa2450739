//! The methods of a request.

use std::fmt;
use std::str::FromStr;

use crate::types::error::{Error, Result};

/// The method of a request (RFC 9110, section 9).
///
/// ```
/// use emnify_core::Method;
///
/// assert_eq!("patch".parse::<Method>()?, Method::Patch);
/// assert_eq!(Method::Patch.to_string(), "PATCH");
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads a resource.
    Get,
    /// Reads only the headers.
    Head,
    /// Creates a resource or starts an action.
    Post,
    /// Replaces a resource.
    Put,
    /// Changes a resource.
    Patch,
    /// Deletes a resource.
    Delete,
}

impl Method {
    pub(crate) fn wire(self) -> reqwest::Method {
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

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.wire().as_str())
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
                let problem = "must be GET, HEAD, POST, PUT, PATCH or DELETE";
                Error::invalid_input("method", problem)
            })
    }
}
