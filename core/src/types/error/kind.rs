//! What kind of error it is, which part failed, and whether another attempt may help.

use crate::types::names::names;

/// The kinds of [`Error`](crate::Error). Each has one constant in C and, with two exceptions, one
/// exception class in Python. `Display` writes a name such as `invalid_input`.
///
/// ```
/// use emnify_core::ErrorKind;
///
/// /// The exit status of a command, as in sysexits.h.
/// fn status(kind: ErrorKind) -> u8 {
///     match kind {
///         ErrorKind::InvalidInput => 64,
///         ErrorKind::Rejected | ErrorKind::MfaRequired | ErrorKind::Forbidden => 77,
///         ErrorKind::Network | ErrorKind::Timeout | ErrorKind::Server => 75,
///         _ => 70, // a later version may add kinds
///     }
/// }
/// assert_eq!(ErrorKind::RateLimited.to_string(), "rate_limited");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is invalid; the message names it. Nothing was sent.
    InvalidInput,
    /// The credentials were refused.
    Rejected,
    /// A one-time code is required and was not supplied.
    MfaRequired,
    /// The account is locked, for [`retry_after`](crate::Error::retry_after).
    Locked,
    /// The credentials are valid, but not allowed to do this (HTTP 403).
    Forbidden,
    /// Not found (HTTP 404).
    NotFound,
    /// The request conflicts with existing data (HTTP 409).
    Conflict,
    /// The server found the request invalid (HTTP 400, 422 and other 4xx);
    /// [`api_error`](crate::Error::api_error) has each nested message.
    Validation,
    /// Too many calls: refused by the server (HTTP 429) or by the local rate limit;
    /// [`retry_after`](crate::Error::retry_after) returns how long to wait.
    RateLimited,
    /// The server failed (HTTP 5xx).
    Server,
    /// The response is not what emnify's API sends.
    Protocol,
    /// Connecting failed (unknown host, connection refused) or the connection broke.
    Network,
    /// The proxy refused or failed; [`http_status`](crate::Error::http_status) is its status, if it
    /// sent one.
    Proxy,
    /// The server's certificate was not accepted, or this machine's clock is wrong.
    Tls,
    /// The time limit of the call ended.
    Timeout,
    /// The caller cancelled the call.
    Cancelled,
    /// The store failed: disk full, not writable, damaged.
    Store,
    /// A rotation stopped; [`rotation_state`](crate::Error::rotation_state) returns in which state.
    Rotation,
    /// The process is out of threads, file descriptors or memory.
    Resource,
    /// A sign-in is in progress. Only calls that never wait return this.
    Pending,
    /// A bug in this library: a panic that was caught.
    Internal,
}

/// Whether another attempt may help. Retries, sessions, rotations and events all decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    /// The cause may be temporary: another attempt may succeed.
    Transient,
    /// emnify limits the calls for a while.
    Limited,
    /// The credentials do not work.
    Refused,
    /// The call itself is wrong and would fail again.
    Caller,
    /// Any other error: another attempt will not help, or the caller cancelled.
    Other,
}

impl ErrorKind {
    /// Returns whether another attempt may help after an error of this kind.
    pub(crate) fn class(self) -> ErrorClass {
        match self {
            ErrorKind::Network
            | ErrorKind::Pending
            | ErrorKind::Proxy
            | ErrorKind::Resource
            | ErrorKind::Server
            | ErrorKind::Timeout => ErrorClass::Transient,
            ErrorKind::RateLimited | ErrorKind::Locked => ErrorClass::Limited,
            ErrorKind::Rejected | ErrorKind::MfaRequired => ErrorClass::Refused,
            ErrorKind::InvalidInput
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Validation => ErrorClass::Caller,
            ErrorKind::Protocol
            | ErrorKind::Tls
            | ErrorKind::Cancelled
            | ErrorKind::Store
            | ErrorKind::Rotation
            | ErrorKind::Internal => ErrorClass::Other,
        }
    }
}

/// The part of an exchange that failed, more precisely than an [`ErrorKind`] says.
///
/// `Display` writes the name that Python uses, such as `certificate_expired`.
///
/// ```
/// assert_eq!(emnify_core::ErrorReason::Dns.to_string(), "dns");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorReason {
    /// The name of the host, or of the proxy, could not be looked up.
    Dns,
    /// No connection to the host was established: no route, refused, no answer, or a TLS handshake
    /// that broke off.
    Connect,
    /// The proxy was not reached or refused, or no connection through it was established.
    Proxy,
    /// The server's certificate has expired.
    CertificateExpired,
    /// The server's certificate does not come from a trusted authority, or is invalid otherwise.
    CertificateUntrusted,
    /// The server's certificate is for other names.
    CertificateName,
    /// This machine's clock is wrong, so that no certificate can be verified. The error is
    /// retryable, since NTP may correct the clock.
    Clock,
    /// The request could not be written to the connection.
    Send,
    /// No complete response arrived. The connection may have broken before the whole request was
    /// sent.
    Receive,
}

names!(ErrorKind {
    InvalidInput => "invalid_input",
    Rejected => "rejected",
    MfaRequired => "mfa_required",
    Locked => "locked",
    Forbidden => "forbidden",
    NotFound => "not_found",
    Conflict => "conflict",
    Validation => "validation",
    RateLimited => "rate_limited",
    Server => "server",
    Protocol => "protocol",
    Network => "network",
    Proxy => "proxy",
    Tls => "tls",
    Timeout => "timeout",
    Cancelled => "cancelled",
    Store => "store",
    Rotation => "rotation",
    Resource => "resource",
    Pending => "pending",
    Internal => "internal",
});

names!(ErrorReason {
    Dns => "dns",
    Connect => "connect",
    Proxy => "proxy",
    CertificateExpired => "certificate_expired",
    CertificateUntrusted => "certificate_untrusted",
    CertificateName => "certificate_name",
    Clock => "clock",
    Send => "send",
    Receive => "receive",
});
