//! Dates as servers write them: in the rows of the API, and in the headers of HTTP (RFC 9110,
//! section 5.6.7).

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap};

/// Nothing that we wait for takes longer; a greater number is nonsense.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Reads a date (its first moment in UTC) or an instant, as people and as the API write them.
pub(crate) fn instant(text: &str) -> Option<SystemTime> {
    let timestamp = if is_date_only(text) {
        Timestamp::from_str(&format!("{text}T00:00:00Z"))
    } else {
        Timestamp::from_str(text)
    };
    timestamp.ok()?.try_into().ok()
}

/// An instant in the form that the API takes: `2027-05-29T00:00:00.000Z`.
pub(crate) fn wire(instant: SystemTime) -> Option<String> {
    Timestamp::try_from(instant).ok().map(|timestamp| format!("{timestamp:.3}"))
}

/// Whether the text, if it is a date at all, has no time of day.
pub(crate) fn is_date_only(text: &str) -> bool {
    text.len() == "2027-05-29".len()
}

/// The time of day in an answer's `Date` header.
pub(crate) fn of_answer(headers: &HeaderMap) -> Option<SystemTime> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// A `Retry-After` in either of its forms (RFC 9110, section 10.2.3). `now` is the server's own
/// reading where it is known, so that a wrong clock of ours does not stretch the wait.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(value)?.duration_since(now).unwrap_or(Duration::ZERO),
    };
    Some(wait.min(LONGEST_WAIT))
}

fn http_date(text: &str) -> Option<SystemTime> {
    rfc2822::parse(text).ok()?.timestamp().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999", Some(LONGEST_WAIT.as_secs())),
            ("Sat, 06 Nov 2094 08:50:37 GMT", Some(LONGEST_WAIT.as_secs())),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now).map(|d| d.as_secs()), seconds, "{value}");
        }
    }

    #[test]
    fn instants_are_read_in_the_forms_that_the_api_writes() {
        for text in [
            "2027-05-29",
            "2027-05-29T00:00:00.000Z",
            "2027-05-29T00:00:00Z",
            "2027-05-29T00:00:00.000+0000",
            "2027-05-29T02:00:00+02:00",
        ] {
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_811_548_800);
            assert_eq!(instant(text), Some(expected), "{text}");
        }
    }
}
