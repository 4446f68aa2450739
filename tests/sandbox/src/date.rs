//! Dates as emnify reads and writes them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Central European time with its summer time. The rule is written out, so that no time zone
/// database is needed.
const CENTRAL_EUROPE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// Returns the Unix time of a date with time and zone, or, for a date alone, of its last second in
/// Central Europe.
pub(crate) fn instant(text: &str) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_second());
    }
    // Jiff also reads a date from a text with a time but no zone.
    let date = text.parse::<Date>().ok().filter(|_| text.len() == 10)?;
    let zone = TimeZone::posix(CENTRAL_EUROPE).ok()?;
    Some(zone.to_timestamp(date.at(23, 59, 59, 0)).ok()?.as_second())
}

/// Formats a time as events and application tokens contain it.
pub(crate) fn utc(seconds: i64) -> String {
    written(seconds, "%Y-%m-%dT%H:%M:%S.000Z")
}

/// Formats a time as endpoints, SIMs and SMS contain it.
pub(crate) fn with_offset(seconds: i64) -> String {
    written(seconds, "%Y-%m-%dT%H:%M:%S.000+0000")
}

fn written(seconds: i64, format: &str) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| String::new(), |timestamp| timestamp.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_both_forms() {
        assert_eq!(instant("1970-01-02T00:00:00.000Z"), Some(86_400));
        assert_eq!(instant("1970-01-02T01:00:00+01:00"), Some(86_400));
        for wrong in ["", "tomorrow", "1970-13-01", "1970-01-02T00:00:00", "02.01.1970"] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
        assert_eq!(utc(86_400), "1970-01-02T00:00:00.000Z");
        assert_eq!(with_offset(86_400), "1970-01-02T00:00:00.000+0000");
    }

    #[test]
    fn a_date_lasts_until_the_end_of_the_day_in_central_europe() {
        for (date, end) in [
            ("2020-12-31", "2020-12-31T22:59:59.000Z"),
            ("2027-05-29", "2027-05-29T21:59:59.000Z"),
            ("2027-03-28", "2027-03-28T21:59:59.000Z"),
            ("2027-10-31", "2027-10-31T22:59:59.000Z"),
        ] {
            assert_eq!(instant(date).map(utc).as_deref(), Some(end));
        }
    }
}
