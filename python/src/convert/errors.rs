//! Errors of core as Python exceptions. The classes are written in Python, where people read them
//! and type checkers too; here they are looked up once, filled and raised.

use std::error::Error as StdError;
use std::fmt;

use emnify_core::{ApiError, Error, ErrorKind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyTuple};

const MODULE: &str = "emnify_auth._errors";

/// The exception for an error of core. What a function of the caller's raised, which ended the call,
/// is raised itself; where it stopped a rotation it is the cause.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let raised = error.source().and_then(|source| source.downcast_ref::<Raised>());
    let raised = raised.map(|raised| raised.exception.clone_ref(py));
    match raised {
        Some(raised) if error.kind() == ErrorKind::Cancelled => raised,
        cause => {
            // Where an exception cannot be made, what prevented it is the next best thing to raise.
            let exception = filled(py, error).unwrap_or_else(|problem| problem);
            if cause.is_some() {
                exception.set_cause(py, cause);
            }
            exception
        }
    }
}

/// What a function of the caller's raised, on its way through core. Only the class is shown: the
/// exception's text could quote a secret.
pub(crate) struct Raised {
    exception: PyErr,
    class: String,
}

impl Raised {
    pub(crate) fn new(py: Python<'_>, exception: PyErr) -> Self {
        let class = exception.get_type(py).name();
        let class = class.map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
        Raised { exception, class }
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it raised {}", self.class)
    }
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raised({})", self.class)
    }
}

impl StdError for Raised {}

/// An argument that core could not even be given: of a type that it does not take.
pub(crate) fn invalid_input(py: Python<'_>, argument: &str, problem: &str) -> PyErr {
    plain(py, "InvalidInputError", &format!("{argument}: {problem}"))
}

/// A fault of this library.
pub(crate) fn internal(py: Python<'_>, message: &str) -> PyErr {
    plain(py, "InternalError", message)
}

/// An answer that cannot be what it should.
pub(crate) fn nonsense(py: Python<'_>, message: &str) -> PyErr {
    plain(py, "ProtocolError", message)
}

/// A call to a client after its end.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    plain(py, "InvalidInputError", "the client is closed: make a new one")
}

/// A call that a fork, by a signal handler or in the middle of another function of the caller's,
/// left in the other process.
pub(crate) fn forked(py: Python<'_>) -> PyErr {
    plain(
        py,
        "NetworkError",
        "the process was forked during the call, which the parent goes on with",
    )
}

/// Returns the error of pickling or copying an object that holds a secret.
pub(crate) fn not_pickled(what: &str, instead: &str) -> PyErr {
    let message = format!("{what} is not pickled or copied: {instead}");
    PyTypeError::new_err(message)
}

fn plain(py: Python<'_>, class: &str, message: &str) -> PyErr {
    match classes(py).and_then(|module| module.getattr(class)?.call1((message,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(problem) => problem,
    }
}

fn filled(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let module = classes(py)?;
    let answers = PyDict::new(py);
    answers.set_item("http_status", error.http_status())?;
    answers.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
    answers.set_item("is_retryable", error.is_retryable())?;
    if let Some(api_error) = error.api_error() {
        answers.set_item("api_error", said_by_emnify(module, api_error)?)?;
    }
    if let Some(state) = error.rotation_state() {
        answers.set_item("state", state.to_string())?;
    }
    let class = module.getattr(class_of(error.kind()))?;
    Ok(PyErr::from_value(class.call((error.to_string(),), Some(&answers))?))
}

fn said_by_emnify<'py>(
    module: &Bound<'py, PyModule>,
    error: &ApiError,
) -> PyResult<Bound<'py, PyAny>> {
    // Core bounds how many there are and how deep they nest.
    let nested = error
        .errors
        .iter()
        .map(|nested| said_by_emnify(module, nested))
        .collect::<PyResult<Vec<_>>>()?;
    let nested = PyTuple::new(module.py(), nested)?;
    let fields = (error.error_code, error.error_token.as_deref(), error.message.as_deref(), nested);
    module.getattr("ApiError")?.call1(fields)
}

fn classes(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static CLASSES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || py.import(MODULE).map(Bound::unbind)).map(|m| m.bind(py))
}

fn class_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidInput => "InvalidInputError",
        ErrorKind::Rejected => "AuthenticationError",
        ErrorKind::MfaRequired => "MfaRequiredError",
        ErrorKind::Locked => "AccountLockedError",
        ErrorKind::Forbidden => "ForbiddenError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::Conflict => "ConflictError",
        ErrorKind::Validation => "ValidationError",
        ErrorKind::RateLimited => "RateLimitedError",
        ErrorKind::Server => "ServerError",
        ErrorKind::Protocol => "ProtocolError",
        ErrorKind::Network => "NetworkError",
        ErrorKind::Proxy => "ProxyError",
        ErrorKind::Tls => "TlsError",
        ErrorKind::Timeout => "RequestTimeoutError",
        ErrorKind::Store => "StoreError",
        ErrorKind::Rotation => "RotationError",
        ErrorKind::Resource => "ResourceError",
        ErrorKind::Internal => "InternalError",
        // Cancelled, which Python has no class for, and kinds that core may grow.
        _ => "EmnifyError",
    }
}
