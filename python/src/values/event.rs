//! An event of a session.

use std::fmt::Write;

use emnify_core::EventKind;
use pyo3::prelude::*;

use crate::convert::{errors, time};

/// An event of a client's session. Client(on_event=…) gets it.
///
/// str(event) is one line for a log. An event contains no secret and is immutable.
///
///     >>> with Client(on_event=lambda event: print(event.kind)) as client:
///     ...     headers = client.auth_headers()
///     authenticated
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct Event(pub(crate) emnify_core::Event);

#[pymethods]
impl Event {
    /// What happened:
    ///
    /// "authenticated": the client signed in.
    /// "adopted": another process signed in; this one uses its auth token from the store.
    /// "refresh_failed": an attempt to sign in failed. The cached auth token is used while it is
    /// valid.
    /// "refused": emnify refused the credentials, which are not sent again for a while unless
    /// they change; or it requires a one-time code and mfa is not set.
    /// "backing_off": too many requests, or a locked account. No attempt is made for a while.
    /// "application_token_expires": the application token expires within 30 days. Reported at most
    /// once a day.
    /// "successor_found": an earlier run or another process rotated the application token. The new
    /// one is used.
    /// "old_token_kept": a rotation with keep_old ended. The old application token still works;
    /// error names its id.
    /// "store_error": the store could not be read or written. The session continues without it.
    /// "credential_error": the credential file could not be read. Its last valid content is
    /// used, if there is any.
    /// "other": an event that this version has no name for.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.kind() {
            EventKind::Authenticated => "authenticated",
            EventKind::Adopted => "adopted",
            EventKind::RefreshFailed => "refresh_failed",
            EventKind::Refused => "refused",
            EventKind::BackingOff => "backing_off",
            EventKind::ApplicationTokenExpires => "application_token_expires",
            EventKind::SuccessorFound => "successor_found",
            EventKind::OldTokenKept => "old_token_kept",
            EventKind::StoreError => "store_error",
            EventKind::CredentialError => "credential_error",
            _ => "other",
        }
    }

    /// The error, if something failed: an exception that was not raised. Each access returns a
    /// new object.
    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.error().map(|error| errors::exception(py, error).into_value(py).into_any())
    }

    /// How many seconds after the event the next attempt to sign in may be made, if an attempt
    /// failed.
    #[getter]
    fn next_attempt(&self) -> Option<f64> {
        self.0.next_attempt().map(|wait| wait.as_secs_f64())
    }

    /// When the token expires, on emnify's clock, in UTC: the new auth token, or the application
    /// token that expires soon.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0
            .expires_at()
            .map_or(Ok(None), |instant| time::to_datetime(py, instant.min(time::end_of_time())))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut shown = format!("<Event kind='{}'", self.kind());
        // Writing to a String does not fail.
        if let Some(error) = self.error(py) {
            let _ = write!(shown, " error={}", error.bind(py).repr()?);
        }
        if let Some(wait) = self.next_attempt() {
            let _ = write!(shown, " next_attempt={wait:.1}");
        }
        if let Some(expires_at) = self.expires_at(py)? {
            let _ = write!(shown, " expires_at='{expires_at}'");
        }
        shown.push('>');
        Ok(shown)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}
