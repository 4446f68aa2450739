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

/// Returns the time at `unix_seconds`; `None` if this machine cannot express it.
pub(crate) fn instant(unix_seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(unix_seconds.unsigned_abs());
    if unix_seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_a_round_trip() {
        for seconds in [0, 1, -1, 1_811_548_800, -86_400] {
            assert_eq!(unix_seconds(instant(seconds).unwrap()), seconds);
        }
    }

    #[test]
    fn a_missing_duration_is_minus_one_and_the_longest_is_limited() {
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1_500))), 1);
        assert_eq!(milliseconds(Some(Duration::MAX)), i64::MAX);
    }
}
