//! The methods of the client that make any other call of the API.

use emnify_core::Method;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::client::Client;
use crate::convert::{arguments, errors, json, params};
use crate::values::response::Response;

#[pymethods]
impl Client {
    /// Makes any other call of the API, signed in, and returns its answer.
    ///
    /// method: "GET", "HEAD", "POST", "PUT", "PATCH" or "DELETE".
    /// path: starts with a slash and is relative to base_url, as "/api/v1/sim". The auth token
    /// goes nowhere else: no path leads to another host, and redirects are not followed.
    /// json: what is sent as JSON, whatever json.dumps takes; None is nothing.
    /// content: bytes, or a text as UTF-8, sent as they are instead. A header Content-Type says
    /// what they are; without one they are JSON.
    /// params: a mapping or pairs that are added to the query. A value is a str, an int, a
    /// float, a bool ("true" or "false") or a sequence of these, each of them a parameter of
    /// that name; None is left out.
    /// headers: a mapping or pairs of str. Authorization, Host and those of the connection are
    /// set here and cannot be passed.
    ///
    /// A 401 is answered by signing in anew and making the call once more. What may pass by
    /// itself is tried up to three times within the timeout where that is safe: GET, HEAD, PUT
    /// and DELETE always, POST and PATCH only if nothing was sent.
    ///
    /// Raises InvalidInputError before anything is sent; where the status is no success (2xx),
    /// the class that says so, such as NotFoundError or ValidationError; and what
    /// authenticate() does. A request that Ctrl-C interrupts may be carried out all the
    /// same.
    ///
    ///     >>> client.request("GET", "/api/v1/sim", params={"per_page": 2}).status_code
    ///     200
    #[pyo3(signature = (method, path, *, json=None, content=None, params=None, headers=None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn request(
        &self,
        py: Python<'_>,
        method: &Bound<'_, PyAny>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let name = arguments::text("method", method)?;
        let method = name.parse().map_err(|error| errors::exception(py, &error))?;
        send(self, py, method, path, &Extras { json, content, params, headers })
    }

    /// Reads: request("GET", path, …).
    #[pyo3(signature = (path, *, params=None, headers=None))]
    fn get(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json: None, content: None, params, headers };
        send(self, py, Method::Get, path, &extras)
    }

    /// Creates, or does something: request("POST", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None))]
    fn post(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers };
        send(self, py, Method::Post, path, &extras)
    }

    /// Changes: request("PATCH", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None))]
    fn patch(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers };
        send(self, py, Method::Patch, path, &extras)
    }

    /// Replaces: request("PUT", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None))]
    fn put(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers };
        send(self, py, Method::Put, path, &extras)
    }

    /// Removes: request("DELETE", path, …).
    #[pyo3(signature = (path, *, params=None, headers=None))]
    fn delete(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        let extras = Extras { json: None, content: None, params, headers };
        send(self, py, Method::Delete, path, &extras)
    }
}

/// What a call may have beside its method and path.
struct Extras<'a, 'py> {
    json: Option<&'a Bound<'py, PyAny>>,
    content: Option<&'a Bound<'py, PyAny>>,
    params: Option<&'a Bound<'py, PyAny>>,
    headers: Option<&'a Bound<'py, PyAny>>,
}

/// Makes the call.
fn send(
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
