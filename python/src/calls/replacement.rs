//! What the adapters for other libraries replay a call with whose auth token got a 401.

use pyo3::prelude::*;

use crate::calls::into_core::into_core;
use crate::values::auth_token::AuthToken;

/// The auth token to replay a call with whose own token got a 401.
#[pyclass(frozen, name = "_Replacement", module = "emnify_auth._native")]
pub(crate) struct Replacement(pub(crate) emnify_core::Replacement);

#[pymethods]
impl Replacement {
    /// The token for the replay.
    #[getter]
    fn auth_token(&self) -> AuthToken {
        AuthToken(self.0.auth_token().clone())
    }

    /// Reports whether the replay got a 401, too.
    fn replayed(&self, py: Python<'_>, is_401: bool) -> PyResult<()> {
        into_core(py, || {
            self.0.replayed(is_401);
            Ok(())
        })
    }
}
