//! Reads and writes dates in the API's formats (RFC 3339 and close variants). A general date
//! library would take forty kilobytes of flash.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const A_DAY: i64 = 86_400;

/// An application token that expires within this time causes an event and an audit finding.
pub(crate) const EXPIRES_SOON: Duration = Duration::from_secs(30 * A_DAY.unsigned_abs());

/// Reads a date (as 00:00 UTC on that day) or an instant, in the forms that people and the API use.
pub(crate) fn instant(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let days = days(number(year, 4)?, number(month, 2)?, number(day, 2)?)?;
    if rest.is_empty() {
        return at(days * A_DAY, 0);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    // The zone begins with a letter or a sign.
    let (time, zone) = rest.split_at_checked(rest.find(['Z', 'z', '+', '-'])?)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let seconds = time_of_day(time)? - offset(zone)?;
    at(days * A_DAY + seconds, nanoseconds(fraction)?)
}

/// Returns an instant in the form that the API accepts: `2027-05-29T00:00:00.000Z`.
pub(crate) fn wire(instant: SystemTime) -> Option<String> {
    let millis = match instant.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).ok()?,
        Err(before) => -i64::try_from(before.duration().as_nanos().div_ceil(1_000_000)).ok()?,
    };
    let (seconds, millis) = (millis.div_euclid(1_000), millis.rem_euclid(1_000));
    let (days, seconds) = (seconds.div_euclid(A_DAY), seconds.rem_euclid(A_DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    (0..=9_999).contains(&year).then(|| {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    })
}

/// Returns an instant for a person, to the second: `2027-05-29 00:00:00 UTC`.
pub(crate) fn readable(instant: SystemTime) -> String {
    let wire = wire(instant).and_then(|wire| Some(wire.get(..19)?.replace('T', " ")));
    wire.map_or_else(|| "an unknown time".to_owned(), |time| time + " UTC")
}

/// Whether the text, if it is a valid date, has no time of day.
pub(crate) fn is_date_only(text: &str) -> bool {
    text.len() == "2027-05-29".len()
}

/// Reads `08:49:37` or `08:49` as seconds since midnight. A leap second counts as the next second.
fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| number(second, 2))?;
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

/// Reads a time zone, `Z`, `+02:00` or `+0200`, as seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, digits) = zone.split_at_checked(1)?;
    let digits = digits.replacen(':', "", 1);
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3_600 + minutes * 60)?;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// Reads a fraction of a second as nanoseconds. Digits after the ninth are dropped.
fn nanoseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("00000000".chars()).take(9).collect();
    digits.parse().ok()
}

/// Reads a number of exactly `digits` digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Returns an instant of Unix time.
pub(crate) fn at(seconds: i64, nanos: u32) -> Option<SystemTime> {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second =
        if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    second?.checked_add(Duration::from_nanos(u64::from(nanos)))
}

/// Returns the days from 1970-01-01 to a date, or `None` if the date does not exist.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    // Counting years from March puts the leap day last. The calendar repeats every 400 years.
    let march = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * march + march.div_euclid(4) - march.div_euclid(100) + march.div_euclid(400);
    let days = days + of_year - 719_468;
    (civil(days) == (year, month, day)).then_some(days)
}

/// Returns year, month and day of the date that is `days` after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_millisecond_is_cut_off_also_before_1970() {
        let written = |text| wire(instant(text)?);
        let after = written("1970-01-01T00:00:00.0004Z");
        assert_eq!(after.as_deref(), Some("1970-01-01T00:00:00.000Z"));
        let before = written("1969-12-31T23:59:59.9994Z");
        assert_eq!(before.as_deref(), Some("1969-12-31T23:59:59.999Z"));
    }

    #[test]
    fn a_date_for_a_person_has_no_fraction() {
        let instant = |seconds, nanos| UNIX_EPOCH + Duration::new(seconds, nanos);
        assert_eq!(readable(instant(1_811_548_800, 999_000_000)), "2027-05-29 00:00:00 UTC");
        assert_eq!(readable(instant(300_000_000_000, 0)), "an unknown time");
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

    #[test]
    fn fractions_zones_and_leap_days_count() {
        for (text, expected) in [
            ("2028-02-29T23:59:59.1239Z", "2028-02-29T23:59:59.123Z"),
            ("2027-05-29T18:30+0530", "2027-05-29T13:00:00.000Z"),
            ("2027-01-01 00:30:00-01:00", "2027-01-01T01:30:00.000Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("0001-01-01", "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(instant(text).and_then(wire).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "2027-02-29",
            "2100-02-29",
            "2027-00-10",
            "2027-13-10",
            "2027-05-00",
            "2027-05-32",
            "2027-5-29",
            "2027-05-29T",
            "2027-05-29T24:00:00Z",
            "2027-05-29T18:60:00Z",
            "2027-05-29T18:30:00",
            "2027-05-29T18:30:00+24:00",
            "2027-05-29T18:30:00.Z",
            "2027-05-29T18:30:00Zulu",
            "ü027-05-29",
            "+027-05-29",
            "",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        assert_eq!(wire(UNIX_EPOCH + Duration::from_secs(253_402_300_800)), None);
    }

    #[test]
    fn each_day_is_the_one_after_the_day_before() {
        let mut day = days(1899, 12, 31).unwrap();
        for year in 1900..2110 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let lengths = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(lengths) {
                for of_month in 1..=length {
                    day += 1;
                    assert_eq!(days(year, month, of_month), Some(day));
                    assert_eq!(civil(day), (year, month, of_month));
                }
                assert_eq!(days(year, month, length + 1), None);
            }
        }
    }
}
