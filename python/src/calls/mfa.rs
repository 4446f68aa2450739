//! The function of the caller's that knows the one-time code.

use emnify_core::Secret;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors;

pub(crate) struct Mfa(Py<PyAny>);

impl Mfa {
    pub(crate) fn new(function: Py<PyAny>) -> Self {
        Mfa(function)
    }

    /// The same function, for another client of the same person.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        Mfa(self.0.clone_ref(py))
    }

    /// Asks it; `None` gives up.
    pub(crate) fn ask(&self, py: Python<'_>) -> PyResult<Option<Secret>> {
        let code = self.0.bind(py).call0()?;
        if code.is_none() {
            return Ok(None);
        }
        let text = code.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
        // What it is instead is not shown: it may be a code all the same.
        let no_text = || errors::invalid_input(py, "mfa", "returned neither a str nor None");
        text.map(|text| Some(Secret::from(text))).ok_or_else(no_text)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}
