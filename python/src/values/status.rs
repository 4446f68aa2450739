//! The status of a session.

use std::fmt::Write;
use std::time::SystemTime;

use pyo3::prelude::*;

use crate::convert::{errors, time};

/// The status of a client's session, returned by Client.status(), for people and health checks.
///
/// It contains no secret and is immutable.
///
///     >>> headers = [client.auth_headers() for _ in range(3)]
///     >>> status = client.status()
///     >>> status.signed_in, status.calls_made, status.calls_saved
///     (True, 1, 2)
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct Status(pub(crate) emnify_core::Status);

#[pymethods]
impl Status {
    /// Whether the client has an auth token that is valid now and was not reported by
    /// invalidate().
    #[getter]
    fn signed_in(&self) -> bool {
        self.0.signed_in
    }

    /// When that auth token expires, on this machine's clock, in UTC.
    #[getter]
    fn valid_until<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        datetime(py, self.0.valid_until)
    }

    /// How many seconds until the next attempt to sign in may be made. None if it may be made
    /// now.
    #[getter]
    fn next_attempt(&self) -> Option<f64> {
        self.0.next_attempt.map(|wait| wait.as_secs_f64())
    }

    /// The error of the last attempt to sign in, until an attempt succeeds: an exception that
    /// was not raised. Each access returns a new object.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let error = self.0.last_error.as_ref()?;
        Some(errors::exception(py, error).into_value(py).into_any())
    }

    /// How many requests this client has sent to sign in.
    #[getter]
    fn calls_made(&self) -> u64 {
        self.0.calls_made
    }

    /// How many auth tokens this client has returned without a request.
    #[getter]
    fn calls_saved(&self) -> u64 {
        self.0.calls_saved
    }

    /// When an attempt to sign in last succeeded or failed, on this machine's clock, in UTC.
    #[getter]
    fn last_change<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        datetime(py, self.0.last_change)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut shown =
            format!("<Status signed_in={}", if self.0.signed_in { "True" } else { "False" });
        // Writing to a String does not fail.
        if let Some(until) = self.valid_until(py)? {
            let _ = write!(shown, " valid_until='{until}'");
        }
        if let Some(wait) = self.next_attempt() {
            let _ = write!(shown, " next_attempt={wait:.1}");
        }
        if let Some(error) = self.last_error(py) {
            let _ = write!(shown, " last_error={}", error.bind(py).repr()?);
        }
        let _ =
            write!(shown, " calls_made={} calls_saved={}>", self.0.calls_made, self.0.calls_saved);
        Ok(shown)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

/// Converts an instant to a `datetime`. An instant that `datetime` cannot express, such as the expiry
/// of a token that never expires, becomes the last one that it can.
fn datetime(py: Python<'_>, instant: Option<SystemTime>) -> PyResult<Option<Bound<'_, PyAny>>> {
    instant.map_or(Ok(None), |at| time::to_datetime(py, at.min(time::end_of_time())))
}
