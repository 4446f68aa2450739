//! A device that a person is known by.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::arguments;
use crate::convert::errors::not_pickled;

/// A device that, once a one-time code was given on it, does without the code for 90 days.
///
/// fingerprint: what it is recognised by. Choose a text that is hard to guess, of 8 to 256
/// visible ASCII characters; keep it, and use it again.
/// name: shown to the person in emnify's portal.
///
///     >>> TrustedDevice("a-secret-of-your-choice", "my laptop").name
///     'my laptop'
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct TrustedDevice {
    pub(crate) device: emnify_core::TrustedDevice,
    name: String,
}

#[pymethods]
impl TrustedDevice {
    #[new]
    fn new(fingerprint: &Bound<'_, PyAny>, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fingerprint = arguments::text("fingerprint", fingerprint)?;
        let name = arguments::text("name", name)?;
        let device = emnify_core::TrustedDevice::new(fingerprint, name);
        Ok(TrustedDevice { device, name: name.to_owned() })
    }

    /// The name that is shown in emnify's portal.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<TrustedDevice name={}>", PyString::new(py, &self.name).repr()?))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        let instead = "its fingerprint is a secret; make one where it is needed";
        Err(not_pickled("a TrustedDevice", instead))
    }
}
