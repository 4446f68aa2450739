//! Any other call of the API: from Python's arguments to core's request.

use emnify_core::Method;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::client::Client;
use crate::convert::errors::exception;
use crate::convert::{arguments, errors, json, params};
use crate::values::response::Response;

/// What a call may have beside its method and path.
pub(crate) struct Extras<'a, 'py> {
    pub(crate) json: Option<&'a Bound<'py, PyAny>>,
    pub(crate) content: Option<&'a Bound<'py, PyAny>>,
    pub(crate) params: Option<&'a Bound<'py, PyAny>>,
    pub(crate) headers: Option<&'a Bound<'py, PyAny>>,
}

/// A method by its name.
pub(crate) fn method(name: &Bound<'_, PyAny>) -> PyResult<Method> {
    let text = arguments::text("method", name)?;
    text.parse().map_err(|error| exception(name.py(), &error))
}

/// Makes the call.
pub(crate) fn send(
    client: &Client,
    py: Python<'_>,
    method: Method,
    path: &Bound<'_, PyAny>,
    extras: &Extras<'_, '_>,
) -> PyResult<Response> {
    let path = arguments::text("path", path)?.to_owned();
    let body = body(py, extras)?;
    let query = extras.params.map_or(Ok(Vec::new()), params::query)?;
    let headers = extras.headers.map_or(Ok(Vec::new()), params::headers)?;
    let call = move |client: &emnify_core::Client| {
        let mut request = client.request(method, &path);
        for (name, value) in query {
            request = request.query(name, value);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        request.send()
    };
    client.call(py, call).map(Response)
}

fn body(py: Python<'_>, extras: &Extras<'_, '_>) -> PyResult<Option<Vec<u8>>> {
    const CONTENT: &str = "content";
    match (extras.json, extras.content) {
        (None, None) => Ok(None),
        (Some(value), None) => json::dump("json", value).map(Some),
        (None, Some(content)) => {
            if let Ok(bytes) = content.cast::<PyBytes>() {
                return Ok(Some(bytes.as_bytes().to_vec()));
            }
            if content.is_instance_of::<PyString>() {
                return arguments::text(CONTENT, content).map(|text| Some(text.into()));
            }
            Err(arguments::wrong_type(CONTENT, "bytes or a str", content))
        }
        (Some(_), Some(_)) => {
            let problem = "goes with no json: pass one of the two";
            Err(errors::invalid_input(py, CONTENT, problem))
        }
    }
}
