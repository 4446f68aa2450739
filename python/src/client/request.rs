//! The methods of the client that send any request.

use emnify_core::Method;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::client::Client;
use crate::convert::arguments::{self, Timeout};
use crate::convert::{errors, json, params};
use crate::values::response::Response;

#[pymethods]
impl Client {
    /// Sends any request to the API, with the auth token, and returns the response.
    ///
    /// method: "GET", "HEAD", "POST", "PUT", "PATCH" or "DELETE".
    /// path: starts with a slash and is relative to base_url, such as "/api/v1/sim". The auth
    /// token goes nowhere else: no path leads to another host, and redirects are not followed.
    /// json: a value that is sent as JSON. None sends no body.
    /// content: a body of bytes, or a str that is sent as UTF-8. Set its type with the header
    /// Content-Type; the default is JSON. Pass either json or content.
    /// params: a mapping or pairs that are added to the query. A value is a str, int, float or
    /// bool ("true" or "false"), or a sequence of these, which adds a parameter for each. None is
    /// left out.
    /// headers: a mapping or pairs of str. Authorization, Host and headers about the connection
    /// are set by the client and cannot be passed.
    /// timeout: how long this call may take, including all waits and retries, in seconds or as a
    /// timedelta. Default: the client's timeout.
    ///
    /// After a 401 the client signs in and sends the request once more, if that may help.
    /// Temporary failures (5xx, 429, broken connections) are retried within the timeout, as often
    /// as the client's retries allow: GET, HEAD, PUT and DELETE always, POST and PATCH only if
    /// nothing was sent.
    ///
    /// Raises InvalidInputError before anything is sent; for any status other than 2xx the class
    /// that fits it, such as NotFoundError or ValidationError; and what authenticate() raises. A
    /// request that Ctrl-C interrupts may have taken effect.
    ///
    ///     >>> client.request("GET", "/api/v1/sim", params={"per_page": 2}).status_code
    ///     200
    #[pyo3(signature = (method, path, *, json=None, content=None, params=None, headers=None, timeout=None))]
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
        timeout: Option<Timeout>,
    ) -> PyResult<Response> {
        let method = parse_method(method)?;
        send(self, py, method, path, &Extras { json, content, params, headers, timeout })
    }

    /// Sends a GET request: request("GET", path, …).
    #[pyo3(signature = (path, *, params=None, headers=None, timeout=None))]
    fn get(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Response> {
        let extras = Extras { json: None, content: None, params, headers, timeout };
        send(self, py, Method::Get, path, &extras)
    }

    /// Sends a POST request: request("POST", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None, timeout=None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn post(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers, timeout };
        send(self, py, Method::Post, path, &extras)
    }

    /// Sends a PATCH request: request("PATCH", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None, timeout=None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn patch(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers, timeout };
        send(self, py, Method::Patch, path, &extras)
    }

    /// Sends a PUT request: request("PUT", path, …).
    #[pyo3(signature = (path, *, json=None, content=None, params=None, headers=None, timeout=None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn put(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Response> {
        let extras = Extras { json, content, params, headers, timeout };
        send(self, py, Method::Put, path, &extras)
    }

    /// Sends a DELETE request: request("DELETE", path, …).
    #[pyo3(signature = (path, *, params=None, headers=None, timeout=None))]
    fn delete(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Response> {
        let extras = Extras { json: None, content: None, params, headers, timeout };
        send(self, py, Method::Delete, path, &extras)
    }
}

pub(crate) fn parse_method(method: &Bound<'_, PyAny>) -> PyResult<Method> {
    let name = arguments::text("method", method)?;
    name.parse().map_err(|error| errors::exception(method.py(), &error))
}

/// The optional arguments of a request.
pub(crate) struct Extras<'a, 'py> {
    pub(crate) json: Option<&'a Bound<'py, PyAny>>,
    pub(crate) content: Option<&'a Bound<'py, PyAny>>,
    pub(crate) params: Option<&'a Bound<'py, PyAny>>,
    pub(crate) headers: Option<&'a Bound<'py, PyAny>>,
    pub(crate) timeout: Option<Timeout>,
}

/// The arguments of a request, converted.
pub(crate) struct Prepared {
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Prepared {
    pub(crate) fn new(
        py: Python<'_>,
        method: Method,
        path: &Bound<'_, PyAny>,
        extras: &Extras<'_, '_>,
    ) -> PyResult<Self> {
        Ok(Prepared {
            method,
            path: arguments::text("path", path)?.to_owned(),
            body: body(py, extras)?,
            query: extras.params.map_or(Ok(Vec::new()), params::query)?,
            headers: extras.headers.map_or(Ok(Vec::new()), params::headers)?,
        })
    }

    /// Returns the request of core.
    pub(crate) fn request(self, client: &emnify_core::Client) -> emnify_core::Request {
        let mut request = client.request(self.method, &self.path);
        for (name, value) in self.query {
            request = request.query(name, value);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        match self.body {
            Some(body) => request.body(body),
            None => request,
        }
    }
}

/// Sends the request.
fn send(
    client: &Client,
    py: Python<'_>,
    method: Method,
    path: &Bound<'_, PyAny>,
    extras: &Extras<'_, '_>,
) -> PyResult<Response> {
    let prepared = Prepared::new(py, method, path, extras)?;
    client.call(py, extras.timeout, |client| prepared.request(client).send()).map(Response)
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
            let problem = "cannot be combined with json; pass one of the two";
            Err(errors::invalid_input(py, CONTENT, problem))
        }
    }
}
