//! Turns a connection through a proxy that failed into an [`Error`] that says what the proxy did.

use crate::http::transport_error::Context;
use crate::types::error::{Error, ErrorKind};

/// The messages of hyper-util when a proxy does not connect; the error's type is private.
const TUNNEL: &str = "tunnel error: ";
const TUNNEL_AUTH: &str = "tunnel error: proxy authorization required";
const TUNNEL_REFUSED: &str = "tunnel error: unsuccessful";

/// How a proxy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// The proxy was not reached, or its response is not HTTP.
    Failed,
    /// The proxy refused, with a status that the HTTP library does not report.
    Refused,
    /// The proxy refused with 407.
    AuthRequired,
}

impl Tunnel {
    /// Returns what the HTTP library's message means, if it is about a proxy.
    pub(super) fn of(message: &str) -> Option<Self> {
        match message {
            TUNNEL_AUTH => Some(Tunnel::AuthRequired),
            TUNNEL_REFUSED => Some(Tunnel::Refused),
            other => other.starts_with(TUNNEL).then_some(Tunnel::Failed),
        }
    }
}

/// Creates the error. `status` is the one with which the proxy refused, `why` the cause of a
/// connection to the proxy that failed.
pub(super) fn proxy_error(
    context: &Context<'_>,
    tunnel: Tunnel,
    status: Option<u16>,
    why: &str,
) -> Error {
    let Context { action, host, .. } = *context;
    let proxy = context.proxy.unwrap_or("?");
    let status = if tunnel == Tunnel::AuthRequired { Some(407) } else { status };
    let refused = |advice: &str| {
        let status = status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        format!("cannot {action}: the proxy {proxy} refused to connect to {host}{status}; {advice}")
    };
    let message = match (tunnel, status) {
        (Tunnel::Failed, _) => {
            format!(
                "cannot {action}: connecting to the proxy {proxy} failed: {why}; check the \
                 proxy's URL and whether it is running"
            )
        }
        (_, Some(407)) => refused("put a user name and password into the proxy's URL"),
        (_, Some(500..=599)) => refused("the proxy could not reach emnify; try again later"),
        _ => refused("allow this host and port in the proxy, or add the host to NO_PROXY"),
    };
    let error = Error::new(ErrorKind::Proxy, message);
    match status {
        Some(status) => error.with_http_status(status),
        None => error,
    }
}
