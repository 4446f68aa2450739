//! The Python face of `emnify-core`. It converts arguments, calls core and converts the results.
//! Nothing is decided here.
//!
//! Each folder imports only from itself and from those below it:
//!
//! - `client`: the client and what hangs on it; only this folder knows `Client`.
//! - `calls`: how a call enters core and returns: signals, callbacks, the log.
//! - `values`: the objects that Python gets.
//! - `convert`: arguments, errors, JSON and times, between Python and core.

#![deny(unsafe_code)]

mod calls;
mod client;
mod convert;
mod values;

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
    use crate::client::Client;
    #[pymodule_export]
    use crate::client::application_tokens::ApplicationTokens;
    #[pymodule_export]
    use crate::client::pages::Pages;
    #[pymodule_export]
    use crate::values::application_token::{ApplicationToken, CreatedApplicationToken};
    #[pymodule_export]
    use crate::values::audited_token::AuditedToken;
    #[pymodule_export]
    use crate::values::auth_token::AuthToken;
    #[pymodule_export]
    use crate::values::event::Event;
    #[pymodule_export]
    use crate::values::response::Response;
    #[pymodule_export]
    use crate::values::rotation::Rotation;
    #[pymodule_export]
    use crate::values::status::Status;
    #[pymodule_export]
    use crate::values::trusted_device::TrustedDevice;

    use crate::calls::interrupt::PyInterrupt;
    use crate::calls::replacement::Replacement;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::refuse_another_interpreter(module.py())?;
        // Not `add`, which would make it a part of what `import *` brings.
        module.setattr("_Interrupt", module.py().get_type::<PyInterrupt>())?;
        module.setattr("_Replacement", module.py().get_type::<Replacement>())?;
        module.setattr("_process", wrap_pyfunction!(crate::process, module)?)?;
        #[cfg(debug_assertions)]
        module.setattr("_panic", wrap_pyfunction!(crate::calls::into_core::panic, module)?)?;
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

/// Returns a number that differs from those of all ancestors, as a pid may not.
#[pyfunction]
#[pyo3(name = "_process")]
fn process() -> u64 {
    emnify_core::Process::current().number()
}
