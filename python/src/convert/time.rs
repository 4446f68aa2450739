//! Points and lengths of time, from core to `datetime` and back. Not through floating point, which would lose
//! some of it; and the module `datetime` is imported at the first use, not with this package.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyDeltaAccess, PyTzInfo};

use crate::convert::errors::invalid_input;

const DAY: i64 = 24 * 3600;

/// The first second that `datetime` can express, and the first that it cannot any more: the years
/// 1 and 10,000.
const EXPRESSIBLE: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// The instant as an aware `datetime` in UTC; `None` where that cannot express it.
pub(crate) fn to_datetime(
    py: Python<'_>,
    instant: SystemTime,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    let (seconds, microseconds) = match instant.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_micros()),
        // To the whole second: nothing that the API writes lies there.
        Err(e) => (i64::try_from(e.duration().as_secs()).map_or(i64::MIN, |s| -s), 0),
    };
    if !EXPRESSIBLE.contains(&seconds) {
        return Ok(None);
    }
    // Within that range all three fit.
    let delta = PyDelta::new(
        py,
        i32::try_from(seconds.div_euclid(DAY))?,
        i32::try_from(seconds.rem_euclid(DAY))?,
        i32::try_from(microseconds)?,
        false,
    )?;
    epoch(py)?.add(delta).map(Some)
}

/// The last instant that `datetime` can express, for what lies beyond.
pub(crate) fn end_of_time() -> SystemTime {
    let last = Duration::new(EXPRESSIBLE.end.unsigned_abs() - 1, 999_999_000);
    UNIX_EPOCH.checked_add(last).unwrap_or(UNIX_EPOCH)
}

/// The instant that an aware `datetime` means; a naive one means none. `name` is the argument's.
pub(crate) fn from_datetime(name: &str, value: &Bound<'_, PyDateTime>) -> PyResult<SystemTime> {
    let py = value.py();
    if value.call_method0("utcoffset")?.is_none() {
        let problem = "is a datetime without a time zone: give it one, such as \
                       datetime.timezone.utc";
        return Err(invalid_input(py, name, problem));
    }
    // Beyond the years 1 and 9999 once it is in UTC, or of a class with a subtraction of its own.
    let nowhere = || invalid_input(py, name, "is a datetime that cannot be expressed in UTC");
    let since = value.sub(epoch(py)?).map_err(|_| nowhere())?;
    let since = since.cast::<PyDelta>().map_err(|_| nowhere())?;
    let seconds = i64::from(since.get_days()) * DAY + i64::from(since.get_seconds());
    let microseconds = u64::try_from(since.get_microseconds()).unwrap_or_default();
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let instant =
        if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    instant.and_then(|i| i.checked_add(Duration::from_micros(microseconds))).ok_or_else(nowhere)
}

/// The length of time as a `timedelta`, which has no longer one than 2.7 million years.
pub(crate) fn to_timedelta(py: Python<'_>, length: Duration) -> PyResult<Bound<'_, PyDelta>> {
    const MOST_DAYS: u64 = 999_999_999;
    let (day, seconds) = (DAY.unsigned_abs(), length.as_secs());
    let days = (seconds / day).min(MOST_DAYS);
    // Within that range all three fit.
    PyDelta::new(
        py,
        i32::try_from(days)?,
        i32::try_from(seconds % day)?,
        i32::try_from(length.subsec_micros())?,
        false,
    )
}

/// The length of time that a `timedelta` means, if it is none below zero.
pub(crate) fn from_timedelta(value: &Bound<'_, PyDelta>) -> Option<Duration> {
    let days = u64::try_from(value.get_days()).ok()?;
    let seconds = u64::try_from(value.get_seconds()).ok()?;
    let microseconds = u64::try_from(value.get_microseconds()).ok()?;
    let whole = Duration::from_secs(days * DAY.unsigned_abs() + seconds);
    Some(whole + Duration::from_micros(microseconds))
}

fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyDateTime>> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    EPOCH
        .get_or_try_init(py, || {
            let utc = PyTzInfo::utc(py)?;
            PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
        })
        .map(|epoch| epoch.bind(py))
}
