//! What an audit found about an application token, as a sum of constants.

use std::ffi::{CStr, c_char};

use emnify_core::Finding;

use super::token::emnify_token;
use crate::boundary::read;

/// Finding: the client signs in with this token, according to its auth token.
pub const EMNIFY_FINDING_OWN: u32 = 1;
/// Finding: the token is revoked. It gets no other finding except EMNIFY_FINDING_OWN and
/// EMNIFY_FINDING_REFUSED_LATELY.
pub const EMNIFY_FINDING_REVOKED: u32 = 2;
/// Finding: the token has expired. It gets no other finding except EMNIFY_FINDING_OWN and
/// EMNIFY_FINDING_REFUSED_LATELY.
pub const EMNIFY_FINDING_EXPIRED: u32 = 4;
/// Finding: an unfinished rotation created the token. The next emnify_token_rotate() uses or
/// revokes it. If that rotation will not be continued, revoke the token.
pub const EMNIFY_FINDING_ORPHAN: u32 = 8;
/// Finding: the token expires within `expires_within_s` of the options, or within 30 days.
pub const EMNIFY_FINDING_EXPIRES_SOON: u32 = 16;
/// Finding: the token never expires, so a stolen one works until it is revoked.
pub const EMNIFY_FINDING_NO_EXPIRY: u32 = 32;
/// Finding: the token may be used from any address.
pub const EMNIFY_FINDING_NO_ADDRESS_RESTRICTION: u32 = 64;
/// Finding: the token is older than `older_than_s` of the options, or than 365 days, and should be
/// rotated.
pub const EMNIFY_FINDING_OLD: u32 = 128;
/// Finding: this library cannot parse the token's expiry date. Read it with
/// emnify_token_expiry_date().
pub const EMNIFY_FINDING_UNREADABLE_EXPIRY: u32 = 256;
/// Finding: emnify refused a sign-in with the token, or with one of the same description, within
/// `refused_within_s` of the options. If the token is revoked or expired, a machine still uses it:
/// see emnify_token_failures().
pub const EMNIFY_FINDING_REFUSED_LATELY: u32 = 512;

/// Returns what was found about the token when it was read: a sum of EMNIFY_FINDING_... constants.
/// 0 if there is no known risk, and the client does not sign in with the token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_findings(token: *const emnify_token) -> u32 {
    // SAFETY: the contract.
    unsafe { read(token, 0, |token| token.findings) }
}

/// Returns the name of one finding, such as "EMNIFY_FINDING_OLD", for a log. Any other number
/// returns "EMNIFY_FINDING_UNKNOWN", also a sum of several. Never NULL; the string is constant.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_finding_name(finding: u32) -> *const c_char {
    name(finding).as_ptr()
}

/// Returns the sum of some findings.
pub(super) fn sum(findings: &[Finding]) -> u32 {
    findings.iter().fold(0, |sum, finding| sum | bit(*finding))
}

fn bit(finding: Finding) -> u32 {
    match finding {
        Finding::Own => EMNIFY_FINDING_OWN,
        Finding::Revoked => EMNIFY_FINDING_REVOKED,
        Finding::Expired => EMNIFY_FINDING_EXPIRED,
        Finding::Orphan => EMNIFY_FINDING_ORPHAN,
        Finding::ExpiresSoon => EMNIFY_FINDING_EXPIRES_SOON,
        Finding::NoExpiry => EMNIFY_FINDING_NO_EXPIRY,
        Finding::NoAddressRestriction => EMNIFY_FINDING_NO_ADDRESS_RESTRICTION,
        Finding::Old => EMNIFY_FINDING_OLD,
        Finding::UnreadableExpiry => EMNIFY_FINDING_UNREADABLE_EXPIRY,
        Finding::RefusedLately => EMNIFY_FINDING_REFUSED_LATELY,
        // Added to the core, but not yet to this file.
        _ => 0,
    }
}

fn name(finding: u32) -> &'static CStr {
    match finding {
        EMNIFY_FINDING_OWN => c"EMNIFY_FINDING_OWN",
        EMNIFY_FINDING_REVOKED => c"EMNIFY_FINDING_REVOKED",
        EMNIFY_FINDING_EXPIRED => c"EMNIFY_FINDING_EXPIRED",
        EMNIFY_FINDING_ORPHAN => c"EMNIFY_FINDING_ORPHAN",
        EMNIFY_FINDING_EXPIRES_SOON => c"EMNIFY_FINDING_EXPIRES_SOON",
        EMNIFY_FINDING_NO_EXPIRY => c"EMNIFY_FINDING_NO_EXPIRY",
        EMNIFY_FINDING_NO_ADDRESS_RESTRICTION => c"EMNIFY_FINDING_NO_ADDRESS_RESTRICTION",
        EMNIFY_FINDING_OLD => c"EMNIFY_FINDING_OLD",
        EMNIFY_FINDING_UNREADABLE_EXPIRY => c"EMNIFY_FINDING_UNREADABLE_EXPIRY",
        EMNIFY_FINDING_REFUSED_LATELY => c"EMNIFY_FINDING_REFUSED_LATELY",
        _ => c"EMNIFY_FINDING_UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_its_bit_and_its_name() {
        use Finding::*;
        let all = [
            (Own, c"EMNIFY_FINDING_OWN"),
            (Revoked, c"EMNIFY_FINDING_REVOKED"),
            (Expired, c"EMNIFY_FINDING_EXPIRED"),
            (Orphan, c"EMNIFY_FINDING_ORPHAN"),
            (ExpiresSoon, c"EMNIFY_FINDING_EXPIRES_SOON"),
            (NoExpiry, c"EMNIFY_FINDING_NO_EXPIRY"),
            (NoAddressRestriction, c"EMNIFY_FINDING_NO_ADDRESS_RESTRICTION"),
            (Old, c"EMNIFY_FINDING_OLD"),
            (UnreadableExpiry, c"EMNIFY_FINDING_UNREADABLE_EXPIRY"),
            (RefusedLately, c"EMNIFY_FINDING_REFUSED_LATELY"),
        ];
        for (position, (finding, expected)) in all.into_iter().enumerate() {
            assert_eq!(bit(finding), 1 << position, "{finding:?}");
            assert_eq!(name(bit(finding)), expected);
        }
        for unknown in [0, 3, 1 << all.len()] {
            assert_eq!(name(unknown), c"EMNIFY_FINDING_UNKNOWN");
        }
    }
}
