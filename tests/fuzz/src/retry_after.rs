//! The header `Retry-After`.

use std::time::{Duration, UNIX_EPOCH};

use emnify_core::parsers;

const LONGEST: Duration = Duration::from_secs(86_400);

/// Checks the header `data`. Its first line may be the date of the response.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (date, value) = text.split_once('\n').unwrap_or(("", text));
    let now = parsers::instant(date).unwrap_or(UNIX_EPOCH);
    let wait = parsers::retry_after(value, now);
    assert!(wait.is_none_or(|wait| wait <= LONGEST), "{wait:?}");
    if let Ok(seconds) = value.parse() {
        assert_eq!(wait, Some(Duration::from_secs(seconds).min(LONGEST)));
    }
}
