//! Turns the error of an exchange without a complete response into an [`Error`]. The useful cause
//! is at the bottom of a chain of library errors; the message adds host, port and advice.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, SystemTime};

use crate::api::json;
use crate::http::binding::{Binding, Unbound};
use crate::http::connections::Phase;
use crate::http::proxy_error::{Tunnel, proxy_error};
use crate::http::resolver::LookupFailed;
use crate::http::tls_error::tls_error;
use crate::sys::wait::{Wait, timed_out};
use crate::types::error::{Error, ErrorKind, ErrorReason, copy};

/// Advice for a host that was not reached.
const CHECK_LOOKUP: &str = "check the network, its DNS server and the host name";
const CHECK_NETWORK: &str = "check the network and any proxy";

/// The beginning of hyper's messages for a request that could not be written, or was not begun.
const UNWRITTEN: [&str; 2] = ["error writing a body to connection", "operation was canceled"];

/// What is known about the failure from its chain of causes.
#[derive(Default)]
pub(crate) struct TransportError {
    /// Connecting failed: nothing was sent.
    pub(crate) connect: bool,
    /// How the proxy failed to connect.
    pub(crate) tunnel: Option<Tunnel>,
    /// What the connection could not be bound to.
    unbound: Option<Unbound>,
    /// What was under way, as far as the error shows it.
    pub(crate) phase: Phase,
    /// A time limit ended.
    pub(crate) timeout: bool,
    /// The message of the last cause.
    deepest: String,
    /// The request could not be written.
    unwritten: bool,
    /// The operating system's own time limit ended.
    system_timeout: bool,
    parse: bool,
    /// Nothing left this machine.
    local: bool,
    exhausted: bool,
    tls: Option<rustls::Error>,
    /// The operating system's error.
    io: Option<io::Error>,
}

/// The circumstances of a failed exchange, for its message.
pub(crate) struct Context<'a> {
    /// What was attempted, to follow "cannot".
    pub(crate) action: &'a str,
    /// Host and port.
    pub(crate) host: &'a str,
    /// Host and port of the proxy.
    pub(crate) proxy: Option<&'a str>,
    pub(crate) binding: &'a Binding,
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
        if found.connect && found.phase != Phase::Lookup {
            found.phase = Phase::Connect;
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
            self.phase = Phase::Lookup;
            self.deepest = e.to_string();
            self.exhausted |= is_exhausted(e.io());
            self.io = Some(copy(e.io()));
            return None;
        } else if let Some(e) = error.downcast_ref::<io::Error>() {
            self.timeout |= e.kind() == io::ErrorKind::TimedOut;
            self.system_timeout |= self.timeout && e.raw_os_error().is_some();
            self.exhausted |= is_exhausted(e);
            self.local |= is_local(e.kind());
            self.unwritten |= e.kind() == io::ErrorKind::BrokenPipe;
            if e.get_ref().is_none() {
                self.io = Some(copy(e));
            }
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
            self.tunnel = self.tunnel.or(Tunnel::of(&text));
            self.unbound = self.unbound.or(Unbound::of(&text));
            self.unwritten |= UNWRITTEN.iter().any(|start| text.starts_with(start));
            self.deepest = text;
        }
        error.source()
    }

    /// Returns the error if `failed` because a resource was exhausted; otherwise the message of the
    /// last cause.
    pub(crate) fn exhausted(self, failed: &str) -> Result<Error, String> {
        match self.io {
            Some(io) if self.exhausted => Ok(exhausted(failed, &io)),
            _ => Err(self.deepest),
        }
    }

    /// Creates the error. `status` is the one with which the proxy refused.
    pub(crate) fn into_error(self, context: &Context<'_>, status: Option<u16>) -> Error {
        let is_connecting = self.connect;
        let is_local = self.local || self.phase == Phase::Lookup || self.unbound.is_some();
        let io = self.io.as_ref().map(copy);
        let mut error = self.classify(context, status);
        if let Some(io) = io {
            error = error.with_io_error(&io);
        }
        match (is_connecting, is_local || error.is_local()) {
            (true, true) => error.local(),
            (true, false) => error.unsent(),
            // Resources may also be exhausted in the middle of an exchange.
            (false, _) => error,
        }
    }

    fn classify(self, context: &Context<'_>, status: Option<u16>) -> Error {
        let Context { action, host, .. } = *context;
        if let Some(io) = self.io.as_ref().filter(|_| self.exhausted) {
            let failed = format!("cannot {action}: the connection to {host} failed");
            return exhausted(&failed, io);
        }
        let reason = self.reason(context);
        if let Some(tls) = &self.tls {
            let peer = context.proxy.filter(|_| self.tunnel.is_some()).unwrap_or(host);
            return tls_error(tls, action, peer, context.wall, reason);
        }
        let error = if let Some(unbound) = self.unbound {
            let problem = context.binding.problem(unbound, &self.deepest);
            Error::new(ErrorKind::Network, format!("cannot {action}: {problem}"))
        } else if self.timeout {
            self.timed_out(context)
        } else if let Some(tunnel) = self.tunnel {
            let is_lookup = self.phase == Phase::Lookup;
            let part = if is_lookup { "the lookup of its name failed: " } else { "" };
            proxy_error(context, tunnel, status, &format!("{part}{}", self.deepest))
        } else if self.parse {
            return json::nonsense(action, "the response is not HTTP");
        } else {
            let (deepest, through) = (&self.deepest, context.through());
            let problem = match self.phase {
                Phase::Lookup => {
                    format!("looking up {} failed: {deepest}; {CHECK_LOOKUP}", name(host))
                }
                Phase::Connect => {
                    format!("connecting to {host}{through} failed: {deepest}; {CHECK_NETWORK}")
                }
                _ => format!("the connection to {host}{through} broke: {deepest}"),
            };
            Error::new(ErrorKind::Network, format!("cannot {action}: {problem}"))
        };
        error.with_reason(reason)
    }

    /// Returns the part that failed, unless it is the certificate.
    fn reason(&self, context: &Context<'_>) -> Option<ErrorReason> {
        match self.phase {
            Phase::Lookup => Some(ErrorReason::Dns),
            Phase::Connect if context.proxy.is_some() && self.unbound.is_none() => {
                Some(ErrorReason::Proxy)
            }
            Phase::Connect => Some(ErrorReason::Connect),
            Phase::ConnectOrResponse => None,
            Phase::Response if self.unwritten => Some(ErrorReason::Send),
            Phase::Response | Phase::Body => Some(ErrorReason::Receive),
        }
    }

    fn timed_out(&self, context: &Context<'_>) -> Error {
        let Context { action, host, .. } = *context;
        let (through, connecting) = (context.through(), Some(CHECK_NETWORK));
        let (phase, advice) = match (self.phase, context.proxy) {
            (Phase::Lookup, Some(proxy)) => {
                (format!("looking up the proxy {}", name(proxy)), Some(CHECK_LOOKUP))
            }
            (Phase::Lookup, None) => (format!("looking up {}", name(host)), Some(CHECK_LOOKUP)),
            (Phase::Connect, _) => (format!("connecting to {host}{through}"), connecting),
            (Phase::ConnectOrResponse, _) => {
                (format!("connecting to {host}{through} or waiting for its response"), connecting)
            }
            (Phase::Response, _) => (format!("waiting for the response from {host}"), None),
            (Phase::Body, _) => (format!("reading the response from {host}"), None),
        };
        let error = if self.connect {
            let limit = (!self.system_timeout).then_some(context.connect_timeout);
            timed_out(action, &phase, limit)
        } else {
            context.wait.timed_out_while(action, &phase)
        };
        match advice {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }
}

impl Context<'_> {
    /// Returns how the host is reached, to follow its name.
    fn through(&self) -> String {
        let proxy = self.proxy.map(|proxy| format!(" through the proxy {proxy}"));
        format!("{}{}", self.binding, proxy.unwrap_or_default())
    }
}

/// Returns the host without the port.
fn name(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Creates the error for exhausted threads, descriptors or memory. `failed` describes what failed.
pub(crate) fn exhausted(failed: &str, error: &io::Error) -> Error {
    let message = format!(
        "{failed}: {error}; this process is out of threads, file descriptors or memory: raise its \
         limits (ulimit -n, ulimit -u, pids.max), or find what uses them up"
    );
    Error::new(ErrorKind::Resource, message).local().with_io_error(error)
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

#[cfg(test)]
mod tests;
