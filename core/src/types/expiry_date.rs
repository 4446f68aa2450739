//! The date or instant at which a new application token expires.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::types::date;
use crate::types::error::{Error, Result};

/// When a new application token expires: a date, an instant, or a time from now. A time from now is
/// counted on emnify's clock, which the auth token shows; this machine's clock may be wrong.
///
/// ```
/// use std::time::Duration;
/// use emnify_core::ExpiryDate;
///
/// let date = ExpiryDate::from("2027-05-29"); // 00:00 UTC on that day
/// let instant = ExpiryDate::from("2027-05-29T18:30:00+02:00"); // RFC 3339
/// assert!("29.05.2027".parse::<ExpiryDate>().is_err()); // `From` accepts any text; `create` checks it
/// let in_a_month = ExpiryDate::from(Duration::from_secs(30 * 86_400));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiryDate(pub(crate) Expiry);

impl ExpiryDate {
    /// Returns how long the token lives, if that was given instead of a date.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        match self.0 {
            Expiry::In(lifetime) => Some(lifetime),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expiry {
    Text(String),
    Instant(SystemTime),
    In(Duration),
}

impl FromStr for ExpiryDate {
    type Err = Error;

    /// Reads a date or an instant, and unlike `From` refuses any other text at once.
    fn from_str(text: &str) -> Result<Self> {
        instant(text).map(|_| ExpiryDate::from(text))
    }
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

impl From<Duration> for ExpiryDate {
    fn from(lifetime: Duration) -> Self {
        ExpiryDate(Expiry::In(lifetime))
    }
}

/// Returns the instant that the text names.
///
/// # Errors
///
/// `InvalidInput` if it is neither a date nor an instant with a time zone.
pub(crate) fn instant(text: &str) -> Result<SystemTime> {
    date::instant(text).ok_or_else(|| {
        let problem = "must be a date such as 2027-05-29 or an instant with a time zone such as \
                       2027-05-29T18:30:00Z";
        Error::invalid_input("expiry_date", problem)
    })
}
