//! The Python face of `emnify-core`: turns Python into core and back. Nothing decides here; what a
//! caller passes is translated, handed to core, and what comes out of it is translated back.

#![deny(unsafe_code)]

mod application_token;
mod application_tokens;
mod arguments;
mod asking;
mod audited_token;
mod auth_token;
mod call;
mod calls;
mod client;
mod connection;
mod errors;
mod event;
mod hand_over;
mod instant;
mod json;
mod log;
mod mfa;
mod on_event;
mod pages;
mod params;
mod replacement;
mod request;
mod response;
mod rotation;
mod settings;
mod signals;
mod status;
mod trusted_device;
mod waiting;
mod walk_away;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// What emnify_auth is made of. Import it from there: this module's shape may change.
//
// Free-threaded interpreters have their lock back meanwhile: nobody has tried it without.
#[pymodule(gil_used = true)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::application_token::{ApplicationToken, CreatedApplicationToken};
    #[pymodule_export]
    use crate::application_tokens::ApplicationTokens;
    #[pymodule_export]
    use crate::audited_token::AuditedToken;
    #[pymodule_export]
    use crate::auth_token::AuthToken;
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::event::Event;
    #[pymodule_export]
    use crate::pages::Pages;
    #[pymodule_export]
    use crate::response::Response;
    #[pymodule_export]
    use crate::rotation::Rotation;
    #[pymodule_export]
    use crate::status::Status;
    #[pymodule_export]
    use crate::trusted_device::TrustedDevice;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::refuse_another_interpreter(module.py())?;
        // Not `add`, which would make it a part of what `import *` brings.
        module.setattr("_Walkaway", module.py().get_type::<crate::walk_away::Walkaway>())?;
        module
            .setattr("_Replacement", module.py().get_type::<crate::replacement::Replacement>())?;
        module.setattr("_process", wrap_pyfunction!(crate::process, module)?)?;
        #[cfg(debug_assertions)]
        module.setattr("_panic", wrap_pyfunction!(crate::call::panic, module)?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Classes belong to the interpreter that imports this first. In another one of the same process the
/// exceptions that are raised would not be those that are caught. Newer interpreters ask pyo3 about
/// it, those of old do not.
fn refuse_another_interpreter(py: Python<'_>) -> PyResult<()> {
    static FIRST: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    // Each interpreter has its own.
    let builtins = py.import("builtins")?;
    let first = FIRST.get_or_init(py, || builtins.clone().unbind());
    if first.bind(py).is(&builtins) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "emnify_auth works in one interpreter of a process, and another one has imported it: \
         use processes, or for mod_wsgi WSGIApplicationGroup %{GLOBAL}",
    ))
}

/// Why the objects of this package that hold a secret have no pickle.
fn not_pickled(what: &str, instead: &str) -> PyErr {
    let message = format!("{what} is not pickled or copied: {instead}");
    pyo3::exceptions::PyTypeError::new_err(message)
}

/// Returns a number that differs from those of all ancestors, as a pid may not.
#[pyfunction]
#[pyo3(name = "_process")]
fn process() -> u64 {
    emnify_core::Process::current().number()
}
