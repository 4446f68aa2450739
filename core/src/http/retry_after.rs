//! Reads how long a response asks the client to wait. HTTP has its own date formats (RFC 9110,
//! section 5.6.7).

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap};

/// The longest wait that is accepted; a longer one is taken for a mistake and shortened.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Returns the time in a response's `Date` header.
pub(crate) fn sent_at(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// Reads a `Retry-After` in either of its forms (RFC 9110, section 10.2.3). `now` is the server's
/// own time if it is known, so that a wrong local clock does not change the wait.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("99999999999", Some(LONGEST_WAIT.as_secs())),
            ("Sat, 06 Nov 2094 08:50:37 GMT", Some(LONGEST_WAIT.as_secs())),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now).map(|d| d.as_secs()), seconds, "{value}");
        }
    }
}
