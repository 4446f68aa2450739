//! The part of an exchange that failed, as numbers that never change.

use std::ffi::{CStr, c_char};

use emnify_core::ErrorReason;

/// The part that failed is not known, or the error is not about the network.
pub const EMNIFY_REASON_NONE: i32 = 0;
/// The name of the host, or of the proxy, could not be looked up.
pub const EMNIFY_REASON_DNS: i32 = 1;
/// No connection to the host was established: no route, refused, no answer, or a TLS handshake that
/// broke off.
pub const EMNIFY_REASON_CONNECT: i32 = 2;
/// The proxy was not reached or refused, or no connection through it was established.
pub const EMNIFY_REASON_PROXY: i32 = 3;
/// The server's certificate has expired.
pub const EMNIFY_REASON_CERTIFICATE_EXPIRED: i32 = 4;
/// The server's certificate does not come from a trusted authority, or is invalid otherwise.
pub const EMNIFY_REASON_CERTIFICATE_UNTRUSTED: i32 = 5;
/// The server's certificate is for other names.
pub const EMNIFY_REASON_CERTIFICATE_NAME: i32 = 6;
/// This machine's clock is wrong, so that no certificate can be verified. The error is retryable,
/// since NTP may correct the clock.
pub const EMNIFY_REASON_CLOCK: i32 = 7;
/// The request could not be written to the connection.
pub const EMNIFY_REASON_SEND: i32 = 8;
/// No complete response arrived. The connection may have broken before the whole request was sent.
pub const EMNIFY_REASON_RECEIVE: i32 = 9;

/// Returns the name of a reason, such as "EMNIFY_REASON_DNS", for a log. A number that this version
/// does not know returns "EMNIFY_REASON_UNKNOWN". Never NULL; the string is constant.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_error_reason_name(reason: i32) -> *const c_char {
    name(reason).as_ptr()
}

fn name(reason: i32) -> &'static CStr {
    match reason {
        EMNIFY_REASON_NONE => c"EMNIFY_REASON_NONE",
        EMNIFY_REASON_DNS => c"EMNIFY_REASON_DNS",
        EMNIFY_REASON_CONNECT => c"EMNIFY_REASON_CONNECT",
        EMNIFY_REASON_PROXY => c"EMNIFY_REASON_PROXY",
        EMNIFY_REASON_CERTIFICATE_EXPIRED => c"EMNIFY_REASON_CERTIFICATE_EXPIRED",
        EMNIFY_REASON_CERTIFICATE_UNTRUSTED => c"EMNIFY_REASON_CERTIFICATE_UNTRUSTED",
        EMNIFY_REASON_CERTIFICATE_NAME => c"EMNIFY_REASON_CERTIFICATE_NAME",
        EMNIFY_REASON_CLOCK => c"EMNIFY_REASON_CLOCK",
        EMNIFY_REASON_SEND => c"EMNIFY_REASON_SEND",
        EMNIFY_REASON_RECEIVE => c"EMNIFY_REASON_RECEIVE",
        _ => c"EMNIFY_REASON_UNKNOWN",
    }
}

/// Returns the number of a reason.
pub(crate) fn reason_number(reason: ErrorReason) -> i32 {
    match reason {
        ErrorReason::Dns => EMNIFY_REASON_DNS,
        ErrorReason::Connect => EMNIFY_REASON_CONNECT,
        ErrorReason::Proxy => EMNIFY_REASON_PROXY,
        ErrorReason::CertificateExpired => EMNIFY_REASON_CERTIFICATE_EXPIRED,
        ErrorReason::CertificateUntrusted => EMNIFY_REASON_CERTIFICATE_UNTRUSTED,
        ErrorReason::CertificateName => EMNIFY_REASON_CERTIFICATE_NAME,
        ErrorReason::Clock => EMNIFY_REASON_CLOCK,
        ErrorReason::Send => EMNIFY_REASON_SEND,
        ErrorReason::Receive => EMNIFY_REASON_RECEIVE,
        // Added to the core, but not yet to this file.
        _ => EMNIFY_REASON_NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        use ErrorReason::*;
        for (number, reason) in [
            (1, Dns),
            (2, Connect),
            (3, Proxy),
            (4, CertificateExpired),
            (5, CertificateUntrusted),
            (6, CertificateName),
            (7, Clock),
            (8, Send),
            (9, Receive),
        ] {
            assert_eq!(reason_number(reason), number, "{reason:?}");
            // The name in C is the name in Python, in capitals.
            let expected = format!("EMNIFY_REASON_{reason}").to_uppercase();
            assert_eq!(name(number).to_str().unwrap(), expected);
        }
        assert_eq!(name(0), c"EMNIFY_REASON_NONE");
        assert_eq!(name(10), c"EMNIFY_REASON_UNKNOWN");
    }
}
