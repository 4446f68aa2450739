//! The date or instant at which a new application token expires.

use std::time::SystemTime;

/// When a new application token expires: a date or an instant.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use emnify_core::ExpiryDate;
///
/// let date = ExpiryDate::from("2027-05-29"); // 00:00 UTC on that day
/// let instant = ExpiryDate::from("2027-05-29T18:30:00+02:00"); // RFC 3339
/// let in_a_month = ExpiryDate::from(SystemTime::now() + Duration::from_secs(30 * 86_400));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiryDate(pub(crate) Expiry);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expiry {
    Text(String),
    Instant(SystemTime),
}

impl From<&str> for ExpiryDate {
    fn from(text: &str) -> Self {
        ExpiryDate(Expiry::Text(text.to_owned()))
    }
}

impl From<String> for ExpiryDate {
    fn from(text: String) -> Self {
        ExpiryDate(Expiry::Text(text))
    }
}

impl From<SystemTime> for ExpiryDate {
    fn from(instant: SystemTime) -> Self {
        ExpiryDate(Expiry::Instant(instant))
    }
}
