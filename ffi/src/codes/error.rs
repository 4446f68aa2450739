//! The status codes: one number for each kind of error of the core. The numbers never change; they
//! are written out, so that adding one does not renumber the others.

use std::ffi::{CStr, c_char};

use emnify_core::ErrorKind;

/// Success.
pub const EMNIFY_OK: i32 = 0;
/// An argument is invalid; the message starts with its name. Nothing was sent.
pub const EMNIFY_ERR_INVALID_INPUT: i32 = 1;
/// emnify refused the credentials: mistyped, expired, revoked, or not valid from this address.
pub const EMNIFY_ERR_REJECTED: i32 = 2;
/// A one-time code is required and was not supplied.
pub const EMNIFY_ERR_MFA_REQUIRED: i32 = 3;
/// The account is locked after several refused attempts. emnify_error_retry_after_ms() returns for
/// how long.
pub const EMNIFY_ERR_LOCKED: i32 = 4;
/// The credentials are valid, but not allowed to do this (HTTP 403).
pub const EMNIFY_ERR_FORBIDDEN: i32 = 5;
/// Not found (HTTP 404).
pub const EMNIFY_ERR_NOT_FOUND: i32 = 6;
/// The request conflicts with existing data (HTTP 409).
pub const EMNIFY_ERR_CONFLICT: i32 = 7;
/// The server found the request invalid (HTTP 400, 422 and other 4xx). emnify_error_nested_size()
/// and the functions after it return the details.
pub const EMNIFY_ERR_VALIDATION: i32 = 8;
/// Too many calls: refused by the server (HTTP 429) or by the local rate limit.
/// emnify_error_retry_after_ms() returns how long to wait.
pub const EMNIFY_ERR_RATE_LIMITED: i32 = 9;
/// The server failed (HTTP 5xx).
pub const EMNIFY_ERR_SERVER: i32 = 10;
/// The response is not what emnify's API sends. It may come from a login page or a proxy.
pub const EMNIFY_ERR_PROTOCOL: i32 = 11;
/// Connecting failed (unknown host, connection refused) or the connection broke.
pub const EMNIFY_ERR_NETWORK: i32 = 12;
/// The server's certificate was not accepted, or this machine's clock is wrong.
pub const EMNIFY_ERR_TLS: i32 = 13;
/// The time limit of the call ended.
pub const EMNIFY_ERR_TIMEOUT: i32 = 14;
/// The caller cancelled the call.
pub const EMNIFY_ERR_CANCELLED: i32 = 15;
/// The store failed: disk full, not writable, damaged.
pub const EMNIFY_ERR_STORE: i32 = 16;
/// The rotation of an application token stopped. emnify_error_rotation_state() returns in which
/// state.
pub const EMNIFY_ERR_ROTATION: i32 = 17;
/// A bug in this library.
pub const EMNIFY_ERR_INTERNAL: i32 = 18;
/// The proxy refused or failed. emnify_error_http_status() returns its status, if it sent one.
pub const EMNIFY_ERR_PROXY: i32 = 19;
/// The process is out of threads, file descriptors or memory.
pub const EMNIFY_ERR_RESOURCE: i32 = 20;
/// A sign-in is in progress. Only emnify_try_authorization_header() returns this.
pub const EMNIFY_ERR_PENDING: i32 = 21;

/// Returns the name of a status code, such as "EMNIFY_ERR_TIMEOUT", for a log. A number that this
/// version does not know returns "EMNIFY_ERR_UNKNOWN". Never NULL; the string is constant.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_error_name(status: i32) -> *const c_char {
    name(status).as_ptr()
}

fn name(status: i32) -> &'static CStr {
    match status {
        EMNIFY_OK => c"EMNIFY_OK",
        EMNIFY_ERR_INVALID_INPUT => c"EMNIFY_ERR_INVALID_INPUT",
        EMNIFY_ERR_REJECTED => c"EMNIFY_ERR_REJECTED",
        EMNIFY_ERR_MFA_REQUIRED => c"EMNIFY_ERR_MFA_REQUIRED",
        EMNIFY_ERR_LOCKED => c"EMNIFY_ERR_LOCKED",
        EMNIFY_ERR_FORBIDDEN => c"EMNIFY_ERR_FORBIDDEN",
        EMNIFY_ERR_NOT_FOUND => c"EMNIFY_ERR_NOT_FOUND",
        EMNIFY_ERR_CONFLICT => c"EMNIFY_ERR_CONFLICT",
        EMNIFY_ERR_VALIDATION => c"EMNIFY_ERR_VALIDATION",
        EMNIFY_ERR_RATE_LIMITED => c"EMNIFY_ERR_RATE_LIMITED",
        EMNIFY_ERR_SERVER => c"EMNIFY_ERR_SERVER",
        EMNIFY_ERR_PROTOCOL => c"EMNIFY_ERR_PROTOCOL",
        EMNIFY_ERR_NETWORK => c"EMNIFY_ERR_NETWORK",
        EMNIFY_ERR_TLS => c"EMNIFY_ERR_TLS",
        EMNIFY_ERR_TIMEOUT => c"EMNIFY_ERR_TIMEOUT",
        EMNIFY_ERR_CANCELLED => c"EMNIFY_ERR_CANCELLED",
        EMNIFY_ERR_STORE => c"EMNIFY_ERR_STORE",
        EMNIFY_ERR_ROTATION => c"EMNIFY_ERR_ROTATION",
        EMNIFY_ERR_INTERNAL => c"EMNIFY_ERR_INTERNAL",
        EMNIFY_ERR_PROXY => c"EMNIFY_ERR_PROXY",
        EMNIFY_ERR_RESOURCE => c"EMNIFY_ERR_RESOURCE",
        EMNIFY_ERR_PENDING => c"EMNIFY_ERR_PENDING",
        _ => c"EMNIFY_ERR_UNKNOWN",
    }
}

/// Returns the code of a kind of error.
pub(crate) fn error_code(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::InvalidInput => EMNIFY_ERR_INVALID_INPUT,
        ErrorKind::Rejected => EMNIFY_ERR_REJECTED,
        ErrorKind::MfaRequired => EMNIFY_ERR_MFA_REQUIRED,
        ErrorKind::Locked => EMNIFY_ERR_LOCKED,
        ErrorKind::Forbidden => EMNIFY_ERR_FORBIDDEN,
        ErrorKind::NotFound => EMNIFY_ERR_NOT_FOUND,
        ErrorKind::Conflict => EMNIFY_ERR_CONFLICT,
        ErrorKind::Validation => EMNIFY_ERR_VALIDATION,
        ErrorKind::RateLimited => EMNIFY_ERR_RATE_LIMITED,
        ErrorKind::Server => EMNIFY_ERR_SERVER,
        ErrorKind::Protocol => EMNIFY_ERR_PROTOCOL,
        ErrorKind::Network => EMNIFY_ERR_NETWORK,
        ErrorKind::Tls => EMNIFY_ERR_TLS,
        ErrorKind::Timeout => EMNIFY_ERR_TIMEOUT,
        ErrorKind::Cancelled => EMNIFY_ERR_CANCELLED,
        ErrorKind::Store => EMNIFY_ERR_STORE,
        ErrorKind::Rotation => EMNIFY_ERR_ROTATION,
        ErrorKind::Internal => EMNIFY_ERR_INTERNAL,
        ErrorKind::Proxy => EMNIFY_ERR_PROXY,
        ErrorKind::Resource => EMNIFY_ERR_RESOURCE,
        ErrorKind::Pending => EMNIFY_ERR_PENDING,
        // Added to the core, but not yet to this file.
        _ => EMNIFY_ERR_INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        use ErrorKind::*;
        for (number, kind) in [
            (1, InvalidInput),
            (2, Rejected),
            (3, MfaRequired),
            (4, Locked),
            (5, Forbidden),
            (6, NotFound),
            (7, Conflict),
            (8, Validation),
            (9, RateLimited),
            (10, Server),
            (11, Protocol),
            (12, Network),
            (13, Tls),
            (14, Timeout),
            (15, Cancelled),
            (16, Store),
            (17, Rotation),
            (18, Internal),
            (19, Proxy),
            (20, Resource),
            (21, Pending),
        ] {
            assert_eq!(error_code(kind), number, "{kind:?}");
            // The name in C is the name in Rust, in capitals and with underscores.
            let shown = name(number).to_str().unwrap().replace('_', "");
            assert_eq!(shown, format!("EMNIFYERR{kind:?}").to_uppercase());
        }
        assert_eq!(name(22), c"EMNIFY_ERR_UNKNOWN");
        assert_eq!(name(-1), c"EMNIFY_ERR_UNKNOWN");
    }
}
