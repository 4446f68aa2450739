//! Converts core's errors to Python exceptions. The classes are defined in Python, so that people
//! and type checkers can read them.

use std::error::Error as StdError;
use std::fmt;

use emnify_core::{ApiError, Error, ErrorKind};
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyTuple};

const MODULE: &str = "emnify_auth._errors";

/// Returns the exception for an error of core. If `mfa` raised an exception, it is that exception.
/// If `hand_over` raised one, that is the cause of the `RotationError`.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let raised = error.source().and_then(|source| source.downcast_ref::<Raised>());
    let raised = raised.map(|raised| raised.exception.clone_ref(py));
    match raised {
        Some(raised) if error.kind() == ErrorKind::Cancelled => raised,
        cause => {
            // If the exception cannot be created, the reason for that is raised instead.
            let exception = filled(py, error).unwrap_or_else(|problem| problem);
            if cause.is_some() {
                exception.set_cause(py, cause);
            }
            exception
        }
    }
}

/// An exception that a user's function raised, on its way through core. Only its class is shown,
/// because its text may quote a secret.
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

    /// Whether it is an `Exception`, and not, for example, `KeyboardInterrupt`.
    pub(crate) fn is_exception(&self) -> bool {
        Python::attach(|py| self.exception.is_instance_of::<PyException>(py))
    }

    pub(crate) fn into_exception(self) -> PyErr {
        self.exception
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

/// Returns the error for an invalid argument.
pub(crate) fn invalid_input(py: Python<'_>, argument: &str, problem: &str) -> PyErr {
    plain(py, "InvalidInputError", &format!("{argument}: {problem}"))
}

/// Returns the error for a bug in this library.
pub(crate) fn internal(py: Python<'_>, message: &str) -> PyErr {
    plain(py, "InternalError", message)
}

/// Returns the error for a response that emnify's API would not send.
pub(crate) fn protocol(py: Python<'_>, message: &str) -> PyErr {
    plain(py, "ProtocolError", message)
}

/// Returns the error for a call of a closed client.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    plain(py, "InvalidInputError", "the client is closed; create a new one")
}

/// Returns the error for a call during which a signal handler or a user's function forked.
pub(crate) fn forked(py: Python<'_>) -> PyErr {
    plain(
        py,
        "NetworkError",
        "this process was forked during the call, which continues in the parent process",
    )
}

/// Returns the error for pickling or copying an object that contains a secret.
pub(crate) fn not_pickled(what: &str, instead: &str) -> PyErr {
    let message = format!("{what} cannot be pickled or copied: {instead}");
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
    let fields = PyDict::new(py);
    fields.set_item("reason", error.reason().map(|reason| reason.to_string()))?;
    fields.set_item("http_status", error.http_status())?;
    fields.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
    fields.set_item("is_retryable", error.is_retryable())?;
    if let Some(error) = error.api_error() {
        fields.set_item("api_error", api_error(module, error)?)?;
    }
    if let Some(state) = error.rotation_state() {
        fields.set_item("state", state.to_string())?;
    }
    let class = module.getattr(class_of(error.kind()))?;
    Ok(PyErr::from_value(class.call((error.to_string(),), Some(&fields))?))
}

fn api_error<'py>(module: &Bound<'py, PyModule>, error: &ApiError) -> PyResult<Bound<'py, PyAny>> {
    // Core limits their number and depth.
    let nested = error
        .errors
        .iter()
        .map(|nested| api_error(module, nested))
        .collect::<PyResult<Vec<_>>>()?;
    let nested = PyTuple::new(module.py(), nested)?;
    let fields = (error.error_code, error.error_name.as_deref(), error.message.as_deref(), nested);
    module.getattr("ApiError")?.call1(fields)
}

fn classes(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static CLASSES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || py.import(MODULE).map(Bound::unbind)).map(|m| m.bind(py))
}

pub(crate) fn class_of(kind: ErrorKind) -> &'static str {
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
        // `Cancelled` and `Pending`, for which Python has no class, and kinds of later versions.
        _ => "EmnifyError",
    }
}
