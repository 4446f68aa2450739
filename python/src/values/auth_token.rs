//! The auth token. Only `reveal` returns its text.

use std::time::UNIX_EPOCH;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors::not_pickled;
use crate::convert::time;

/// An auth token: the JWT that emnify issues in exchange for an application token.
///
/// Client.authenticate() returns it. Only reveal() shows the token: repr() does not, and the object
/// cannot be pickled. Two objects are equal if their tokens are.
///
///     >>> auth_token = client.authenticate()
///     >>> headers = {"Authorization": f"Bearer {auth_token.reveal()}"}
///     >>> auth_token.organisation_id
///     1234
#[pyclass(frozen, eq, module = "emnify_auth")]
pub(crate) struct AuthToken(pub(crate) emnify_core::AuthToken);

impl PartialEq for AuthToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.reveal() == other.0.reveal()
    }
}

#[pymethods]
impl AuthToken {
    /// Returns the text of the token, for the header "Authorization: Bearer …".
    fn reveal<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, self.0.reveal())
    }

    /// When the token expires, on emnify's clock, in UTC. Do not compare it with a local clock
    /// that may be wrong: Client.authenticate() always returns a valid token.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let instant = self.0.expires_at().min(time::end_of_time());
        Ok(time::to_datetime(py, instant)?.unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// The id of the organisation (workspace) that the token is for, or None if the token does
    /// not contain it. The id is not verified; use it for display only.
    #[getter]
    fn organisation_id(&self) -> Option<u64> {
        self.0.organisation_id()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let expires_at = self.expires_at(py)?;
        Ok(match self.organisation_id() {
            Some(id) => format!("<AuthToken organisation_id={id} expires_at='{expires_at}'>"),
            None => format!("<AuthToken expires_at='{expires_at}'>"),
        })
    }

    fn __hash__(&self) -> u64 {
        // Not of the text, which is a secret.
        self.0.expires_at().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("an AuthToken", "it is a secret; authenticate where it is needed"))
    }
}
