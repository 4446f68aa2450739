//! Turns the error of an exchange without a complete response into an [`Error`]. The useful cause
//! is at the bottom of a chain of library errors; the message adds host, port and advice.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, SystemTime};

use rustls::AlertDescription;

use crate::api::json;
use crate::http::resolver::LookupFailed;
use crate::sys::clock::is_before_release;
use crate::sys::wait::{Wait, timed_out};
use crate::types::error::{Error, ErrorKind};

/// The messages of hyper-util when a proxy does not connect; the error's type is private.
const TUNNEL: &str = "tunnel error: ";
const TUNNEL_AUTH: &str = "tunnel error: proxy authorization required";
const TUNNEL_REFUSED: &str = "tunnel error: unsuccessful";

/// What is known about the failure from its chain of causes.
#[derive(Default)]
pub(crate) struct TransportError {
    /// Connecting failed: nothing was sent.
    pub(crate) connect: bool,
    /// How the proxy failed to connect.
    pub(crate) tunnel: Option<Tunnel>,
    /// The time limit of the attempt.
    pub(crate) limit: Duration,
    /// The head of a response was there, but not its whole body.
    pub(crate) has_response: bool,
    /// The message of the last cause.
    deepest: String,
    timeout: bool,
    /// The operating system's own time limit ended.
    system_timeout: bool,
    parse: bool,
    /// Nothing left this machine.
    local: bool,
    exhausted: bool,
    tls: Option<rustls::Error>,
}

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

/// The circumstances of a failed exchange, for its message.
pub(crate) struct Context<'a> {
    /// What was attempted, to follow "cannot".
    pub(crate) action: &'a str,
    /// Host and port.
    pub(crate) host: &'a str,
    /// Host and port of the proxy.
    pub(crate) proxy: Option<&'a str>,
    pub(crate) connect_timeout: Duration,
    pub(crate) wait: &'a Wait,
    pub(crate) wall: SystemTime,
}

impl TransportError {
    /// Examines an error and its causes.
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut found = TransportError::default();
        let mut next = Some(error);
        while let Some(error) = next {
            next = found.note(error);
        }
        found
    }

    /// Examines one error, and returns its cause.
    fn note<'e>(
        &mut self,
        error: &'e (dyn StdError + 'static),
    ) -> Option<&'e (dyn StdError + 'static)> {
        if let Some(e) = error.downcast_ref::<reqwest::Error>() {
            self.timeout |= e.is_timeout();
            self.connect |= e.is_connect();
        } else if let Some(e) = error.downcast_ref::<rustls::Error>() {
            self.tls = Some(e.clone());
        } else if let Some(e) = error.downcast_ref::<LookupFailed>() {
            self.local = true;
            self.deepest = e.to_string();
            self.exhausted |= is_exhausted(e.io());
            return None;
        } else if let Some(e) = error.downcast_ref::<io::Error>() {
            self.timeout |= e.kind() == io::ErrorKind::TimedOut;
            self.system_timeout |= self.timeout && e.raw_os_error().is_some();
            self.exhausted |= is_exhausted(e);
            self.local |= is_local(e.kind());
            if e.kind() == io::ErrorKind::UnexpectedEof {
                // The message of rustls is long and meant for its own users.
                self.deepest = "the server closed it too early".to_owned();
                return None;
            }
            self.deepest = e.to_string();
            // Its `source` skips the error that it wraps.
            return e.get_ref().map(|inner| inner as &(dyn StdError + 'static));
        } else {
            if let Some(e) = error.downcast_ref::<hyper::Error>() {
                self.parse |= e.is_parse();
            }
            let text = error.to_string();
            if text.starts_with(TUNNEL) {
                self.tunnel = Some(match text.as_str() {
                    TUNNEL_AUTH => Tunnel::AuthRequired,
                    TUNNEL_REFUSED => Tunnel::Refused,
                    _ => Tunnel::Failed,
                });
            }
            self.deepest = text;
        }
        error.source()
    }

    /// Returns the error if `failed` because a resource was exhausted; otherwise the message of the
    /// last cause.
    pub(crate) fn exhausted(self, failed: &str) -> Result<Error, String> {
        if self.exhausted { Ok(exhausted(failed, &self.deepest)) } else { Err(self.deepest) }
    }

    /// Creates the error. `status` is the one with which the proxy refused.
    pub(crate) fn into_error(self, context: &Context<'_>, status: Option<u16>) -> Error {
        let is_connecting = self.connect;
        let is_local = self.local || self.exhausted;
        let error = self.classify(context, status);
        match (is_connecting, is_local) {
            (true, true) => error.local(),
            (true, false) => error.unsent(),
            // Resources may also be exhausted in the middle of an exchange.
            (false, _) => error,
        }
    }

    fn classify(self, context: &Context<'_>, status: Option<u16>) -> Error {
        let Context { action, host, wait, wall, .. } = *context;
        if self.exhausted {
            let failed = format!("cannot {action}: the connection to {host} failed");
            return exhausted(&failed, &self.deepest);
        }
        if let Some(tls) = &self.tls {
            let message = format!("cannot {action}: the TLS connection to {host} failed: {tls}");
            return Error::new(ErrorKind::Tls, message).with_advice(advice(tls, wall));
        }
        let through = context.proxy.map(|proxy| format!(" through the proxy {proxy}"));
        let through = through.as_deref().unwrap_or_default();
        if self.timeout && self.connect {
            let limit = (!self.system_timeout).then_some(context.connect_timeout);
            return timed_out(action, &format!("connecting to {host}{through}"), limit)
                .with_advice("check the network and any proxy");
        }
        if self.timeout {
            let phase = if self.has_response {
                format!("reading the response from {host}")
            } else if self.limit > context.connect_timeout {
                format!("waiting for the response from {host}")
            } else {
                // The HTTP library does not report which of the two it was.
                format!("connecting to {host}{through} or waiting for its response")
            };
            return wait.timed_out_while(action, &phase);
        }
        if let Some(tunnel) = self.tunnel {
            return proxy_failed(context, tunnel, status, &self.deepest);
        }
        if self.parse {
            return json::nonsense(action, "the response is not HTTP");
        }
        let deepest = &self.deepest;
        let problem = if self.connect {
            format!(
                "connecting to {host}{through} failed: {deepest}; check the network, the host name \
                 and any proxy"
            )
        } else {
            format!("the connection to {host}{through} broke: {deepest}")
        };
        Error::new(ErrorKind::Network, format!("cannot {action}: {problem}"))
    }
}

/// Creates the error for exhausted threads, descriptors or memory. `failed` describes what failed.
pub(crate) fn exhausted(failed: &str, why: &str) -> Error {
    let message = format!(
        "{failed}: {why}; this process is out of threads, file descriptors or memory: raise its \
         limits (ulimit -n, ulimit -u, pids.max), or find what uses them up"
    );
    Error::new(ErrorKind::Resource, message).local()
}

/// Whether the system had no thread, descriptor or memory left.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use nix::errno::Errno;
        let errno = error.raw_os_error().map(Errno::from_raw);
        matches!(
            errno,
            Some(Errno::EMFILE | Errno::ENFILE | Errno::EAGAIN | Errno::ENOMEM | Errno::ENOBUFS)
        )
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::OutOfMemory
    }
}

/// Whether a connection failed before anything left this machine, or at a closed port.
fn is_local(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable,
        PermissionDenied,
    };
    matches!(
        kind,
        AddrNotAvailable
            | ConnectionRefused
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | PermissionDenied
    )
}

fn proxy_failed(
    context: &Context<'_>,
    tunnel: Tunnel,
    status: Option<u16>,
    deepest: &str,
) -> Error {
    let Context { action, host, .. } = *context;
    let proxy = context.proxy.unwrap_or("?");
    let status = if tunnel == Tunnel::AuthRequired { Some(407) } else { status };
    let refused = |why: &str| {
        let status = status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        format!("cannot {action}: the proxy {proxy} refused to connect to {host}{status}; {why}")
    };
    let message = match (tunnel, status) {
        (Tunnel::Failed, _) => {
            format!(
                "cannot {action}: connecting to the proxy {proxy} failed: {deepest}; check the \
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

/// Returns what to do about a failed TLS handshake.
fn advice(tls: &rustls::Error, wall: SystemTime) -> &'static str {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    use rustls::Error::{AlertReceived, InvalidCertificate};
    match tls {
        InvalidCertificate(_) if is_before_release(wall) => {
            "this machine's clock is wrong (it shows a time before this library was released): \
             set it"
        }
        InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        ) => {
            "the certificate is not valid at the time that this machine's clock shows: check the \
             clock"
        }
        InvalidCertificate(_) => {
            "if a proxy or a private authority issued the certificate, set ca_bundle or \
             SSL_CERT_FILE to a file with the authority's certificates"
        }
        AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => {
            "the server requires a client certificate, which emnify does not: check base_url and \
             any proxy"
        }
        _ => "check that base_url and any proxy lead to an https port of emnify",
    }
}
