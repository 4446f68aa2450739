//! A response, with the names that other HTTP clients use.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyType};

use crate::convert::errors::{not_pickled, protocol};
use crate::convert::json;

/// A response with a 2xx status, returned by Client.request().
///
/// It is immutable. Its body may contain a secret; only content, text and json() show it.
///
///     >>> response = client.get("/api/v1/sim/500001")
///     >>> response.status_code, response.json()["id"]
///     (200, 500001)
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct Response(pub(crate) emnify_core::Response);

#[pymethods]
impl Response {
    /// The HTTP status, from 200 to 299.
    #[getter]
    fn status_code(&self) -> u16 {
        self.0.status()
    }

    /// The headers: a mapping that ignores upper and lower case. Headers with the same name are
    /// joined, with commas between their values.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let fields = PyDict::new(py);
        for (name, value) in self.0.headers() {
            match fields.get_item(name)? {
                Some(before) => fields.set_item(name, format!("{before}, {value}"))?,
                None => fields.set_item(name, value)?,
            }
        }
        class_of_headers(py)?.call1((fields,))
    }

    /// The body, decompressed. It has at most 16 MiB.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.body())
    }

    /// The body as text, decoded with the character set in the header Content-Type, else with
    /// UTF-8. Invalid bytes are replaced by "\ufffd".
    #[getter]
    fn text<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let content = self.content(py);
        let decode = |charset: &str| content.call_method1("decode", (charset, "replace"));
        match self.charset().map(decode) {
            Some(Ok(text)) => Ok(text),
            // Python does not know the character set, which is then ignored.
            Some(Err(error)) if !error.is_instance_of::<PyException>(py) => Err(error),
            _ => decode("utf-8"),
        }
    }

    /// Returns the body, decoded from JSON. Raises ProtocolError if it is empty or not valid
    /// JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.0.body().is_empty() {
            let status = self.0.status();
            let message = format!("cannot read the response: it has no body (HTTP {status})");
            return Err(protocol(py, &message));
        }
        json::load(py, self.0.body())
    }

    fn __repr__(&self) -> String {
        let (status, length) = (self.0.status(), self.0.body().len());
        format!("<Response status_code={status} length={length}>")
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("a Response", "it may contain a secret; keep the parts that you need"))
    }
}

impl Response {
    /// Returns the character set in the header Content-Type.
    fn charset(&self) -> Option<&str> {
        let parameters = self.0.header("content-type")?.split(';').skip(1);
        parameters
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .map(|(_, value)| value.trim().trim_matches('"'))
    }
}

/// Returns the class of the headers. It is written in Python, where a mapping needs only three
/// methods, and imported at the first use, since the import takes time.
fn class_of_headers(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "emnify_auth._headers", "Headers")
}
