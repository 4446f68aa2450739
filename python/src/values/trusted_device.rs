//! A device that needs no one-time code.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::arguments;
use crate::convert::errors::not_pickled;

/// A device that needs no one-time code for 90 days after a code was entered on it.
///
/// fingerprint: the text by which emnify recognises the device. Choose one that is hard to guess,
/// with 8 to 256 visible ASCII characters; store it, and use it for every sign-in on this device.
/// name: the name that the user sees in emnify's portal.
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

    /// The name that the user sees in emnify's portal.
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
        let instead = "its fingerprint is a secret; create one where it is needed";
        Err(not_pickled("a TrustedDevice", instead))
    }
}
