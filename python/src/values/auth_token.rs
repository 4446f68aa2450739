//! The auth token as Python holds it: opaque, save for the one method that says what it does.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors::not_pickled;
use crate::convert::time;

/// An auth token: the JWT that an application token is exchanged for.
///
/// Client.authenticate() makes it. It shows its value nowhere but in reveal(): not in
/// repr(), not in a log, not in a pickle.
///
///     >>> auth_token = client.authenticate()
///     >>> headers = {"Authorization": f"Bearer {auth_token.reveal()}"}
///     >>> auth_token.organisation_id
///     1234
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct AuthToken(pub(crate) emnify_core::AuthToken);

#[pymethods]
impl AuthToken {
    /// The token itself, for the header "Authorization: Bearer …".
    fn reveal<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, self.0.reveal())
    }

    /// When it expires, on emnify's clock, in UTC. A machine whose clock is wrong should not
    /// compare it with that clock: Client.authenticate() hands out what is valid.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let instant = self.0.expires_at().min(time::end_of_time());
        Ok(time::to_datetime(py, instant)?.unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// The id of the organisation (workspace) that it is for, if the token tells. It is not
    /// verified: for display only.
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
