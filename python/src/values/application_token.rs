//! A row of the list of application tokens, and a new application token.

use std::fmt::Write;

use emnify_core::ApplicationTokenStatus;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors::not_pickled;
use crate::convert::time;

/// A row of the list of application tokens. It never contains the token's value, which only
/// ApplicationTokens.create() returns.
///
/// It is immutable. Two rows are equal if all their fields are.
///
///     >>> token = client.application_tokens.own()
///     >>> token.id, token.description, token.status
///     (4711, 'Sandbox', 'Activated')
#[pyclass(frozen, eq, module = "emnify_auth")]
#[derive(PartialEq)]
pub(crate) struct ApplicationToken(pub(crate) emnify_core::ApplicationToken);

#[pymethods]
impl ApplicationToken {
    /// The id, which update() and revoke() need.
    #[getter]
    fn id(&self) -> u64 {
        self.0.id()
    }

    /// The description, or None.
    #[getter]
    fn description(&self) -> Option<&str> {
        self.0.description()
    }

    /// The status: "Activated", "Revoked", "Other" for a status that this version does not know,
    /// or None if the server did not send one. An expired token may still be "Activated".
    #[getter]
    fn status(&self) -> Option<&'static str> {
        self.0.status().map(|status| match status {
            ApplicationTokenStatus::Activated => "Activated",
            ApplicationTokenStatus::Revoked => "Revoked",
            _ => "Other",
        })
    }

    /// When the token was created, in UTC. None if that is unknown or cannot be read.
    #[getter]
    fn created_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.created_at().map_or(Ok(None), |instant| time::to_datetime(py, instant))
    }

    /// When the token expires, as the server wrote it. None if it does not expire.
    #[getter]
    fn expiry_date(&self) -> Option<&str> {
        self.0.expiry_date()
    }

    /// When the token expires, in UTC. None if it does not expire or the date cannot be read. A
    /// date without a time of day means 00:00 UTC on that day.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.expires_at().map_or(Ok(None), |instant| time::to_datetime(py, instant))
    }

    /// The address or range from which the token may be used. None means any address.
    #[getter]
    fn ip(&self) -> Option<&str> {
        self.0.ip()
    }

    /// The name of the user who created the token, or None.
    #[getter]
    fn creator(&self) -> Option<&str> {
        self.0.creator()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut shown = format!("<ApplicationToken id={}", self.id());
        for (name, value) in [
            ("description", self.description()),
            ("status", self.status()),
            ("expiry_date", self.expiry_date()),
            ("ip", self.ip()),
            ("creator", self.creator()),
        ] {
            if let Some(value) = value {
                // Writing to a String does not fail.
                let _ = write!(shown, " {name}={}", PyString::new(py, value).repr()?);
            }
        }
        shown.push('>');
        Ok(shown)
    }

    fn __hash__(&self) -> u64 {
        self.id()
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

/// An application token that was just created. Its value cannot be read again later: store it
/// before this object is deleted.
///
///     >>> created = client.application_tokens.create(description="gateway 7")
///     >>> secret = created.reveal()
///     >>> created.id
///     4712
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct CreatedApplicationToken(pub(crate) emnify_core::CreatedApplicationToken);

#[pymethods]
impl CreatedApplicationToken {
    /// Returns the value of the application token.
    fn reveal<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, self.0.reveal())
    }

    /// The id, which update() and revoke() need. None if the client could not find it for
    /// certain; then look for the description in the list.
    #[getter]
    fn id(&self) -> Option<u64> {
        self.0.id()
    }

    fn __repr__(&self) -> String {
        match self.id() {
            Some(id) => format!("<CreatedApplicationToken id={id}>"),
            None => "<CreatedApplicationToken id=None>".to_owned(),
        }
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        let instead = "it is a secret; store what reveal() returns where secrets are kept";
        Err(not_pickled("a CreatedApplicationToken", instead))
    }
}
