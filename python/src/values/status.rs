//! A look inside a session, as Python holds it.

use std::fmt::Write;
use std::time::SystemTime;

use pyo3::prelude::*;

use crate::convert::{errors, time};

/// How a client's session stands: what Client.status() returns, for people and health checks.
///
/// It holds no secret, and does not change.
///
///     >>> headers = [client.auth_headers() for _ in range(3)]
///     >>> status = client.status()
///     >>> status.signed_in, status.calls_made, status.calls_saved
///     (True, 1, 2)
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct Status(pub(crate) emnify_core::Status);

#[pymethods]
impl Status {
    /// Whether there is an auth token that is valid now.
    #[getter]
    fn signed_in(&self) -> bool {
        self.0.signed_in
    }

    /// Until when it is valid, on this machine's clock, in UTC.
    #[getter]
    fn valid_until<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        datetime(py, self.0.valid_until)
    }

    /// Seconds until another attempt to sign in may be made, where that is held back.
    #[getter]
    fn next_attempt(&self) -> Option<f64> {
        self.0.next_attempt.map(|wait| wait.as_secs_f64())
    }

    /// Why the last attempt failed, until one succeeds: an exception that was not raised, made
    /// anew each time it is asked for.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let error = self.0.last_error.as_ref()?;
        Some(errors::exception(py, error).into_value(py).into_any())
    }

    /// Requests that this client has sent in order to sign in.
    #[getter]
    fn calls_made(&self) -> u64 {
        self.0.calls_made
    }

    /// Auth tokens that it handed out without a request.
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

/// What Python cannot express, such as a token's validity for ever, ends at the end of time.
fn datetime(py: Python<'_>, instant: Option<SystemTime>) -> PyResult<Option<Bound<'_, PyAny>>> {
    instant.map_or(Ok(None), |at| time::to_datetime(py, at.min(time::end_of_time())))
}
