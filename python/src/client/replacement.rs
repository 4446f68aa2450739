//! The auth token with which an adapter repeats a request after a 401.

use pyo3::prelude::*;

use crate::calls::into_core::into_core;
use crate::values::auth_token::AuthToken;

/// The auth token with which an adapter repeats a request after a 401.
#[pyclass(frozen, name = "_Replacement", module = "emnify_auth._native")]
pub(crate) struct Replacement(pub(crate) emnify_core::Replacement);

#[pymethods]
impl Replacement {
    /// The auth token for the repeated request.
    #[getter]
    fn auth_token(&self) -> AuthToken {
        AuthToken(self.0.auth_token().clone())
    }

    /// Reports whether the repeated request also got a 401.
    fn replayed(&self, py: Python<'_>, is_401: bool) -> PyResult<()> {
        into_core(py, || {
            self.0.replayed(is_401);
            Ok(())
        })
    }
}
