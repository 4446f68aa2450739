//! Converts instants and durations between core and `datetime`. Floating point is not used, since it
//! is not exact. The module `datetime` is imported at the first use, since the import takes time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyDeltaAccess, PyTzInfo};

use crate::convert::errors::invalid_input;

const DAY: i64 = 24 * 3600;

/// The seconds since 1970 that `datetime` can express: from the year 1 to before the year 10,000.
const EXPRESSIBLE: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// Converts an instant to a `datetime` in UTC. `None` if `datetime` cannot express it.
pub(crate) fn to_datetime(
    py: Python<'_>,
    instant: SystemTime,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    let (seconds, microseconds) = match instant.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_micros()),
        // Fractions are dropped: the API sends no instants before 1970.
        Err(e) => (i64::try_from(e.duration().as_secs()).map_or(i64::MIN, |s| -s), 0),
    };
    if !EXPRESSIBLE.contains(&seconds) {
        return Ok(None);
    }
    // All three fit, because of the check above.
    let delta = PyDelta::new(
        py,
        i32::try_from(seconds.div_euclid(DAY))?,
        i32::try_from(seconds.rem_euclid(DAY))?,
        i32::try_from(microseconds)?,
        false,
    )?;
    epoch(py)?.add(delta).map(Some)
}

/// Returns the last instant that `datetime` can express.
pub(crate) fn end_of_time() -> SystemTime {
    let last = Duration::new(EXPRESSIBLE.end.unsigned_abs() - 1, 999_999_000);
    UNIX_EPOCH.checked_add(last).unwrap_or(UNIX_EPOCH)
}

/// Converts a `datetime` with a time zone. `name` is the name of the argument.
pub(crate) fn from_datetime(name: &str, value: &Bound<'_, PyDateTime>) -> PyResult<SystemTime> {
    let py = value.py();
    if value.call_method0("utcoffset")?.is_none() {
        let problem = "must have a time zone, such as tzinfo=datetime.timezone.utc";
        return Err(invalid_input(py, name, problem));
    }
    // In UTC it may be outside the years 1 to 9999. A subclass may also define its own subtraction.
    let no_instant = || invalid_input(py, name, "cannot be converted to UTC");
    let since = value.sub(epoch(py)?).map_err(|_| no_instant())?;
    let since = since.cast::<PyDelta>().map_err(|_| no_instant())?;
    let seconds = i64::from(since.get_days()) * DAY + i64::from(since.get_seconds());
    let microseconds = u64::try_from(since.get_microseconds()).unwrap_or_default();
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let instant =
        if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    instant.and_then(|i| i.checked_add(Duration::from_micros(microseconds))).ok_or_else(no_instant)
}

/// Converts a duration to a `timedelta`, which is at most 2.7 million years.
pub(crate) fn to_timedelta(py: Python<'_>, length: Duration) -> PyResult<Bound<'_, PyDelta>> {
    const MOST_DAYS: u64 = 999_999_999;
    let (day, seconds) = (DAY.unsigned_abs(), length.as_secs());
    let days = (seconds / day).min(MOST_DAYS);
    // All three fit, because of the check above.
    PyDelta::new(
        py,
        i32::try_from(days)?,
        i32::try_from(seconds % day)?,
        i32::try_from(length.subsec_micros())?,
        false,
    )
}

/// Converts a `timedelta`. `None` if it is negative.
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
