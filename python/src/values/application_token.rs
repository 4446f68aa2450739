//! What is known about application tokens, as Python holds it: a row of the list, and one that was
//! just created.

use std::fmt::Write;

use emnify_core::ApplicationTokenStatus;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors::not_pickled;
use crate::convert::time;

/// A row of the list of application tokens. It never holds the token's value, which is
/// shown only once, by ApplicationTokens.create().
///
/// It does not change; two are equal if all that is known about them is.
///
///     >>> token = client.application_tokens.own()
///     >>> token.id, token.description, token.status
///     (4711, 'Sandbox', 'Activated')
#[pyclass(frozen, eq, module = "emnify_auth")]
#[derive(PartialEq)]
pub(crate) struct ApplicationToken(pub(crate) emnify_core::ApplicationToken);

#[pymethods]
impl ApplicationToken {
    /// The id by which it is updated and revoked.
    #[getter]
    fn id(&self) -> u64 {
        self.0.id()
    }

    /// Its label.
    #[getter]
    fn description(&self) -> Option<&str> {
        self.0.description()
    }

    /// What it is: "Activated", "Revoked", "Other" for a status that this version does not
    /// know, or None where the server does not tell it. One that expired may still be
    /// "Activated".
    #[getter]
    fn status(&self) -> Option<&'static str> {
        self.0.status().map(|status| match status {
            ApplicationTokenStatus::Activated => "Activated",
            ApplicationTokenStatus::Revoked => "Revoked",
            _ => "Other",
        })
    }

    /// When it was created, in UTC; None too where that could not be read.
    #[getter]
    fn created_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.created_at().map_or(Ok(None), |instant| time::to_datetime(py, instant))
    }

    /// When it expires, as the server wrote it; None if it does not.
    #[getter]
    fn expiry_date(&self) -> Option<&str> {
        self.0.expiry_date()
    }

    /// When it expires, in UTC; None too where that could not be read. A date without a time
    /// of day counts from its first moment.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.expires_at().map_or(Ok(None), |instant| time::to_datetime(py, instant))
    }

    /// The address or range that it may be used from; None means any.
    #[getter]
    fn ip(&self) -> Option<&str> {
        self.0.ip()
    }

    /// The name of the user who created it.
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

/// An application token that was just created. Its value is shown this once: store it
/// before this object is gone.
///
///     >>> created = client.application_tokens.create(description="gateway 7")
///     >>> secret = created.reveal()
///     >>> created.id
///     4712
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct CreatedApplicationToken(pub(crate) emnify_core::CreatedApplicationToken);

#[pymethods]
impl CreatedApplicationToken {
    /// The application token itself.
    fn reveal<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, self.0.reveal())
    }

    /// Its id, by which it can be revoked. The server does not tell it; None where it could
    /// not be found out for certain, in which case the list shows it by its description.
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
