//! The result of a rotation.

use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyTuple};

use crate::convert::time;

/// The result of ApplicationTokens.rotate().
///
/// It contains no secret and is immutable.
///
///     >>> with Client(application_token_file="token", store="state") as client:
///     ...     rotation = client.application_tokens.rotate()
///     >>> rotation.state, rotation.old_id, rotation.new_id
///     ('Done', 4711, 4712)
#[pyclass(frozen, eq, module = "emnify_auth")]
#[derive(PartialEq)]
pub(crate) struct Rotation(pub(crate) emnify_core::Rotation);

#[pymethods]
impl Rotation {
    /// The state: "Done" if the old application token is revoked, or was kept because of
    /// keep_old; "Grace" if both work until the grace period ends, and the client uses the new
    /// one.
    #[getter]
    fn state(&self) -> String {
        self.0.state().to_string()
    }

    /// The id of the application token that was replaced.
    #[getter]
    fn old_id(&self) -> u64 {
        self.0.old_id()
    }

    /// The id of the new application token.
    #[getter]
    fn new_id(&self) -> u64 {
        self.0.new_id()
    }

    /// How long the grace period still lasted when rotate() returned; None in the state "Done".
    /// While the clock cannot be trusted, this time does not decrease.
    #[getter]
    fn grace_left<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDelta>>> {
        self.0.grace_left().map(|left| time::to_timedelta(py, left)).transpose()
    }

    /// Whether another client had already rotated the application token. This call then changed
    /// nothing.
    #[getter]
    fn is_adopted(&self) -> bool {
        self.0.is_adopted()
    }

    /// Whether the old application token still works, because keep_old was set in this call or
    /// in the one that began the rotation.
    #[getter]
    fn is_old_kept(&self) -> bool {
        self.0.is_old_kept()
    }

    /// The names of the arguments of this call that were ignored, such as ('expiry_date', 'ip'),
    /// because an earlier call had begun the rotation with other options.
    #[getter]
    fn ignored_options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.ignored_options())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (state, old, new) = (self.state(), self.old_id(), self.new_id());
        let left = match self.grace_left(py)? {
            Some(left) => format!(" grace_left='{left}'"),
            None => String::new(),
        };
        let adopted = if self.is_adopted() { "True" } else { "False" };
        Ok(format!(
            "<Rotation state='{state}' old_id={old} new_id={new}{left} is_adopted={adopted}>"
        ))
    }

    fn __hash__(&self) -> u64 {
        self.new_id()
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}
