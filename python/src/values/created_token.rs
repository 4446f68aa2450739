//! A new application token.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors::not_pickled;

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
