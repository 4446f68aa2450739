//! Durations and times as numbers for C.

use std::time::{Duration, SystemTime};

/// Returns a duration in milliseconds, at most `i64::MAX`; -1 if there is none.
pub(crate) fn milliseconds(duration: Option<Duration>) -> i64 {
    duration.map_or(-1, |duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Returns a time in seconds of Unix time, limited to what an `i64` can hold.
pub(crate) fn unix_seconds(instant: SystemTime) -> i64 {
    match instant.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_since_1970_also_before_it() {
        let day = Duration::from_secs(86_400);
        assert_eq!(unix_seconds(SystemTime::UNIX_EPOCH), 0);
        assert_eq!(unix_seconds(SystemTime::UNIX_EPOCH + day), 86_400);
        assert_eq!(unix_seconds(SystemTime::UNIX_EPOCH - day), -86_400);
    }

    #[test]
    fn a_missing_duration_is_minus_one_and_the_longest_is_limited() {
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1_500))), 1);
        assert_eq!(milliseconds(Some(Duration::MAX)), i64::MAX);
    }
}
