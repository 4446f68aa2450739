//! What happened to a session, as Python holds it.

use std::fmt::Write;

use emnify_core::EventKind;
use pyo3::prelude::*;

use crate::convert::{errors, time};

/// Something that happened to a client's session: what Client(on_event=…) is called with.
///
/// Its text is one line for a log. It holds no secret, and does not change.
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
    /// "authenticated": signed in.
    /// "adopted": another process signed in, and its auth token was taken from the store.
    /// "refresh_failed": an attempt to sign in failed; a valid auth token goes on being
    /// handed out.
    /// "refused": the credentials were refused, and are not sent again for a while unless
    /// they change.
    /// "backing_off": too many calls, or a locked account; no attempt is made for a while.
    /// "application_token_expires": the application token expires within 30 days; told at
    /// most once a day.
    /// "successor_found": the application token was rotated, by an earlier or another process,
    /// and its successor is used.
    /// "old_token_kept": the application token was rotated and the old one goes on working, as
    /// keep_old said; error names its id.
    /// "store_error": the store could not be read or written; the session goes on without.
    /// "credential_error": the credential file could not be read; its last good content is
    /// used, if there is one.
    /// "other": something that this version has no name for.
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

    /// Why, where something went wrong: an exception that was not raised, made anew each time
    /// it is asked for.
    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.error().map(|error| errors::exception(py, error).into_value(py).into_any())
    }

    /// Seconds until the next attempt may be made, where one failed, counted from then.
    #[getter]
    fn next_attempt(&self) -> Option<f64> {
        self.0.next_attempt().map(|wait| wait.as_secs_f64())
    }

    /// When the auth token expires that was got, or the application token that is about to, on
    /// emnify's clock, in UTC.
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
