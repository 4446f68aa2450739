//! Why an exchange failed before there was a response. The cause that tells something lies at the
//! bottom of a chain of library errors; here it is found, and told so that one can act on it.

use std::error::Error as StdError;
use std::io;
use std::time::SystemTime;

use rustls::AlertDescription;

use crate::api::json;
use crate::http::resolver::LookupFailed;
use crate::sys::clock::is_before_release;
use crate::sys::wait::Wait;
use crate::types::error::{Error, ErrorKind};

/// How hyper-util words that a proxy did not connect us; its type is private.
const TUNNEL: &str = "tunnel error: ";
const TUNNEL_AUTH: &str = "tunnel error: proxy authorization required";
const TUNNEL_REFUSED: &str = "tunnel error: unsuccessful";

/// What a chain of causes holds that decides the kind of the error.
#[derive(Default)]
pub(crate) struct TransportError {
    /// There was no connection yet: nothing was sent.
    pub(crate) connect: bool,
    /// The proxy did not connect us.
    pub(crate) tunnel: Option<Tunnel>,
    /// The last cause, in words.
    deepest: String,
    timeout: bool,
    parse: bool,
    /// Nothing left this machine.
    local: bool,
    exhausted: bool,
    tls: Option<rustls::Error>,
}

/// How a proxy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// It was not reached, or its answer is not HTTP.
    Failed,
    /// It refused, with a status that the HTTP library does not tell.
    Refused,
    /// It refused with 407.
    AuthRequired,
}

/// Where an exchange failed, for its message.
pub(crate) struct Context<'a> {
    /// What was attempted, to follow "cannot".
    pub(crate) action: &'a str,
    /// Host and port.
    pub(crate) host: &'a str,
    /// Host and port of the proxy.
    pub(crate) proxy: Option<&'a str>,
    pub(crate) wait: &'a Wait,
    pub(crate) wall: SystemTime,
}

impl TransportError {
    /// Goes through an error and its causes.
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut found = TransportError::default();
        let mut next = Some(error);
        while let Some(error) = next {
            next = found.note(error);
        }
        found
    }

    /// Takes in one error, and returns its cause.
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
            self.exhausted |= is_exhausted(e);
            self.local |= is_local(e.kind());
            if e.kind() == io::ErrorKind::UnexpectedEof {
                // rustls words it at length, for its own users.
                self.deepest = "the connection ended too early".to_owned();
                return None;
            }
            self.deepest = e.to_string();
            // Its `source` passes over the error that it wraps.
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

    /// The error if `failed` for a lack of resources; otherwise why, in words.
    pub(crate) fn exhausted(self, failed: &str) -> Result<Error, String> {
        if self.exhausted { Ok(exhausted(failed, &self.deepest)) } else { Err(self.deepest) }
    }

    /// The error for it. `status` is the proxy's, where it refused.
    pub(crate) fn into_error(self, context: &Context<'_>, status: Option<u16>) -> Error {
        let is_connecting = self.connect;
        let is_local = self.local || self.exhausted;
        let error = self.classify(context, status);
        match (is_connecting, is_local) {
            (true, true) => error.local(),
            (true, false) => error.unsent(),
            // A descriptor may also be lacking in the middle of an exchange.
            (false, _) => error,
        }
    }

    fn classify(self, context: &Context<'_>, status: Option<u16>) -> Error {
        let Context { action, host, wait, wall, .. } = *context;
        if self.exhausted {
            return exhausted(&format!("cannot {action}: no connection to {host}"), &self.deepest);
        }
        if let Some(tls) = &self.tls {
            let message = format!("cannot {action}: no trusted connection to {host}: {tls}");
            return Error::new(ErrorKind::Tls, message).with_advice(advice(tls, wall));
        }
        let through = context.proxy.map(|proxy| format!(" through the proxy {proxy}"));
        let through = through.as_deref().unwrap_or_default();
        if self.timeout && self.connect {
            let message = format!(
                "cannot {action}: no connection to {host}{through} in time; check the network and \
                 any proxy"
            );
            return Error::new(ErrorKind::Timeout, message);
        }
        if self.timeout {
            return wait.timed_out(action);
        }
        if let Some(tunnel) = self.tunnel {
            return proxy_failed(context, tunnel, status, &self.deepest);
        }
        if self.parse {
            return json::nonsense(action, "the response is not HTTP");
        }
        let (connection, advice) = if self.connect {
            ("no connection to", "; check the network, the name and any proxy")
        } else {
            ("the connection broke to", "")
        };
        let message =
            format!("cannot {action}: {connection} {host}{through}: {}{advice}", self.deepest);
        Error::new(ErrorKind::Network, message)
    }
}

/// The error for a lack of threads, descriptors or memory: `failed` says what could not be done.
fn exhausted(failed: &str, why: &str) -> Error {
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

/// Whether a connection failed before anything left this machine, or at a port that is closed.
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
            format!("cannot {action}: no connection to the proxy {proxy}: {deepest}; check it")
        }
        (_, Some(407)) => refused("put a user name and password into the proxy's URL"),
        (_, Some(500..=599)) => refused("it could not reach emnify: try again later"),
        _ => refused("allow this host and port there, or add the host to NO_PROXY"),
    };
    let error = Error::new(ErrorKind::Proxy, message);
    match status {
        Some(status) => error.with_http_status(status),
        None => error,
    }
}

/// What to do about a handshake that failed.
fn advice(tls: &rustls::Error, wall: SystemTime) -> &'static str {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    use rustls::Error::{AlertReceived, InvalidCertificate};
    match tls {
        InvalidCertificate(_) if is_before_release(wall) => {
            "this machine's clock is wrong, it shows a time before this library was written: set it"
        }
        InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        ) => "check this machine's clock, which judges the certificate",
        InvalidCertificate(_) => {
            "if a proxy or a private authority stands in between, name its certificates with \
             ca_bundle or SSL_CERT_FILE"
        }
        AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => {
            "the server wants a client certificate, which emnify does not: check base_url and any \
             proxy"
        }
        _ => "is this the https port of emnify, or of a proxy?",
    }
}
