//! Checks the application tokens for the risks that emnify's guide tells people to check by hand,
//! and returns the findings as values that a program can act on.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::rotation_marker;
use crate::types::date::EXPIRES_SOON;
use crate::types::names::names;

/// The age from which an application token is old, by default.
const OLD: Duration = Duration::from_secs(365 * 86_400);

/// The time within which a refused sign-in counts as late, by default.
pub(crate) const LATELY: Duration = Duration::from_secs(86_400);

/// The thresholds of an audit.
///
/// ```
/// use std::time::Duration;
/// use emnify_core::AuditOptions;
///
/// let days = |n: u64| Duration::from_secs(n * 86_400);
/// let options = AuditOptions::new().expires_within(days(14)).older_than(days(90));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "they have no effect unless they are passed to `audit`"]
pub struct AuditOptions {
    expires_within: Duration,
    older_than: Duration,
    pub(super) refused_within: Duration,
}

impl AuditOptions {
    /// Creates the default thresholds: expiry within 30 days, age above 365 days, sign-ins refused
    /// within a day.
    pub fn new() -> Self {
        AuditOptions { expires_within: EXPIRES_SOON, older_than: OLD, refused_within: LATELY }
    }

    /// Sets the time before expiry within which a token is reported as `ExpiresSoon`.
    pub fn expires_within(mut self, time: Duration) -> Self {
        self.expires_within = time;
        self
    }

    /// Sets the age above which a token is reported as `Old`.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }

    /// Sets the time within which a refused sign-in is reported as `RefusedLately`. Zero: the audit
    /// does not ask for refused sign-ins.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use emnify_core::{AuditOptions, Finding};
    /// use std::time::Duration;
    ///
    /// let options = AuditOptions::new().refused_within(Duration::from_secs(86_400));
    /// for audited in client.application_tokens().audit(&options)? {
    ///     if audited.findings.contains(&Finding::RefusedLately) {
    ///         println!("a machine tries to sign in with token {}", audited.token.id());
    ///     }
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn refused_within(mut self, time: Duration) -> Self {
        self.refused_within = time;
        self
    }
}

impl Default for AuditOptions {
    fn default() -> Self {
        AuditOptions::new()
    }
}

/// A finding of an audit about one application token. `Display` writes a name such as `no_expiry`.
///
/// ```
/// use emnify_core::Finding;
///
/// let risks = [Finding::NoExpiry, Finding::NoAddressRestriction, Finding::Old];
/// assert_eq!(risks.map(|risk| risk.to_string())[0], "no_expiry");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// This client signs in with the token, according to its auth token.
    Own,
    /// The token was revoked. It is checked only for `RefusedLately`.
    Revoked,
    /// The token has expired. It is checked only for `RefusedLately`.
    Expired,
    /// A rotation created the token and did not finish. The next rotation uses the token or revokes
    /// it. If there will be no other rotation, revoke it.
    Orphan,
    /// The token expires within [`AuditOptions::expires_within`].
    ExpiresSoon,
    /// The token never expires: if it is stolen, it works until it is revoked.
    NoExpiry,
    /// The token may be used from any address.
    NoAddressRestriction,
    /// The token is older than [`AuditOptions::older_than`] and should be rotated.
    Old,
    /// The token's expiry date has an unknown format. Check it by hand.
    UnreadableExpiry,
    /// emnify refused a sign-in with the token, or with one of the same description, within
    /// [`AuditOptions::refused_within`]. If the token is revoked or expired, a machine still uses
    /// it: see [`ApplicationTokens::failures`](crate::ApplicationTokens::failures).
    RefusedLately,
}

names!(Finding {
    Own => "own",
    Revoked => "revoked",
    Expired => "expired",
    Orphan => "orphan",
    ExpiresSoon => "expires_soon",
    NoExpiry => "no_expiry",
    NoAddressRestriction => "no_address_restriction",
    Old => "old",
    UnreadableExpiry => "unreadable_expiry",
    RefusedLately => "refused_lately",
});

/// An application token with its findings, in the order of [`Finding`]. Without findings there are
/// no known risks.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::AuditOptions;
///
/// for audited in client.application_tokens().audit(&AuditOptions::new())? {
///     let findings: Vec<_> = audited.findings.iter().map(ToString::to_string).collect();
///     println!("{}: {}", audited.token.id(), findings.join(", "));
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditedToken {
    /// The application token.
    pub token: ApplicationToken,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// Checks one row at `now`. `refused` are the ids of the tokens that were refused lately.
pub(crate) fn judge(
    token: ApplicationToken,
    own: Option<u64>,
    now: SystemTime,
    options: &AuditOptions,
    refused: &HashSet<u64>,
) -> AuditedToken {
    let mut findings = Vec::new();
    let is_own = own == Some(token.id());
    if is_own {
        findings.push(Finding::Own);
    }
    let expiry = token.expires_at();
    if token.status() == Some(ApplicationTokenStatus::Revoked) {
        findings.push(Finding::Revoked);
    } else if expiry.is_some_and(|expiry| expiry <= now) {
        findings.push(Finding::Expired);
    } else {
        let age = token.created_at().and_then(|created| now.duration_since(created).ok());
        let limited = token.expiry_date().is_some();
        let left = expiry.and_then(|expiry| expiry.duration_since(now).ok());
        for (found, finding) in [
            // The client's own token may keep its marker if it is not allowed to change it.
            (!is_own && token.description().is_some_and(rotation_marker::is_on), Finding::Orphan),
            (left.is_some_and(|left| left <= options.expires_within), Finding::ExpiresSoon),
            (!limited, Finding::NoExpiry),
            (token.ip().is_none(), Finding::NoAddressRestriction),
            (age.is_some_and(|age| age > options.older_than), Finding::Old),
            (limited && expiry.is_none(), Finding::UnreadableExpiry),
        ] {
            if found {
                findings.push(finding);
            }
        }
    }
    if refused.contains(&token.id()) {
        findings.push(Finding::RefusedLately);
    }
    AuditedToken { token, findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::date;

    #[test]
    fn each_kind_of_token_gets_its_findings() {
        use Finding::{
            Expired, ExpiresSoon, NoAddressRestriction, NoExpiry, Old, Orphan, Own, RefusedLately,
            Revoked, UnreadableExpiry,
        };
        let now = date::instant("2026-11-24T12:00:00Z").unwrap();
        for (row, findings) in [
            (r#"{"id":2,"expiry_date":"2027-05-29","ip":"192.0.2.7"}"#, vec![]),
            (r#"{"id":2}"#, vec![NoExpiry, NoAddressRestriction]),
            (r#"{"id":3,"expiry_date":"2027-05-29","ip":"::1"}"#, vec![RefusedLately]),
            (r#"{"id":3,"status":{"id":1}}"#, vec![Revoked, RefusedLately]),
            (r#"{"id":3,"expiry_date":"2026-11-24"}"#, vec![Expired, RefusedLately]),
            (r#"{"id":1,"expiry_date":"2027-05-29","ip":"::1"}"#, vec![Own]),
            (r#"{"id":2,"expiry_date":"2026-12-01","ip":"::1"}"#, vec![ExpiresSoon]),
            (r#"{"id":2,"expiry_date":"2026-11-24","ip":null}"#, vec![Expired]),
            (r#"{"id":2,"expiry_date":"some day","ip":"::1"}"#, vec![UnreadableExpiry]),
            (r#"{"id":2,"expiry_date":1795000000,"ip":"::1"}"#, vec![UnreadableExpiry]),
            (r#"{"id":2,"expiry_date":"","ip":"::1"}"#, vec![NoExpiry]),
            (r#"{"id":2,"expiry_date":"some day","status":{"id":1}}"#, vec![Revoked]),
            (r#"{"id":1,"status":{"id":1}}"#, vec![Own, Revoked]),
            (
                r#"{"id":2,"created":"2020-01-01T00:00:00.000+0000","ip":"::1"}"#,
                vec![NoExpiry, Old],
            ),
            (
                r#"{"id":2,"description":"a [rotation 00112233445566778899aabbccddeeff]",
                    "expiry_date":"2027-05-29","ip":"::1"}"#,
                vec![Orphan],
            ),
        ] {
            let token = ApplicationToken::read(row).unwrap();
            let audited = judge(token, Some(1), now, &AuditOptions::new(), &HashSet::from([3]));
            assert_eq!(audited.findings, findings, "{row}");
        }
    }
}
