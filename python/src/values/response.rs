//! A successful answer, as Python holds it: under the names that users of other HTTP clients know.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyType};

use crate::convert::errors::not_pickled;
use crate::convert::json;

/// A successful answer: what Client.request() returns.
///
/// It does not change. Its body may hold a secret, and is shown by content, text and json()
/// alone.
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

    /// The headers, by their names in any case. Several of one name are one here, with commas
    /// between their values.
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

    /// The body, decompressed; at most 16 MiB.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.body())
    }

    /// The body as text: in the character set that the header Content-Type names, else in
    /// UTF-8. What that cannot be is replaced by "\ufffd".
    #[getter]
    fn text<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let content = self.content(py);
        let decode = |charset: &str| content.call_method1("decode", (charset, "replace"));
        match self.charset().map(decode) {
            Some(Ok(text)) => Ok(text),
            // A name that Python does not know.
            Some(Err(error)) if !error.is_instance_of::<PyException>(py) => Err(error),
            _ => decode("utf-8"),
        }
    }

    /// What the body means as JSON. Raises ProtocolError where it is none.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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
        Err(not_pickled("a Response", "it may hold a secret; keep what you need of it"))
    }
}

impl Response {
    /// The character set that the body claims to be in.
    fn charset(&self) -> Option<&str> {
        let parameters = self.0.header("content-type")?.split(';').skip(1);
        parameters
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .map(|(_, value)| value.trim().trim_matches('"'))
    }
}

/// Written in Python, where a mapping is made of three methods; imported at the first use, as it
/// brings another module along.
fn class_of_headers(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "emnify_auth._headers", "Headers")
}
