//! The Python face of `emnify-core`. It converts arguments, calls core and converts the results. All
//! decisions are core's.
//!
//! Each folder imports only from itself and from those below it:
//!
//! - `client`: exports the client and the objects that use it. Only this folder knows `Client`.
//! - `calls`: enters core and returns from it: signals, the user's functions, events.
//! - `values`: the objects that Python receives.
//! - `convert`: converts arguments, errors, JSON and times between Python and core.

#![deny(unsafe_code)]

mod calls;
mod client;
mod convert;
mod values;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The native part of emnify_auth. Import the names from emnify_auth; this module may change.
//
// Free-threaded interpreters turn their lock on. Running without it is not tested.
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
    use crate::values::auth_token::AuthToken;
    #[pymodule_export]
    use crate::values::created_token::CreatedApplicationToken;
    #[pymodule_export]
    use crate::values::response::Response;
    #[pymodule_export]
    use crate::values::trusted_device::TrustedDevice;

    use crate::calls::interrupt::PyInterrupt;
    use crate::client::replacement::Replacement;
    use crate::client::task_request::TaskRequest;
    use crate::values::manual_clock::ManualClock;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::refuse_another_interpreter(module.py())?;
        // Not `add`, which would also add the names to `__all__`.
        module.setattr("_Interrupt", module.py().get_type::<PyInterrupt>())?;
        module.setattr("_ManualClock", module.py().get_type::<ManualClock>())?;
        module.setattr("_Replacement", module.py().get_type::<Replacement>())?;
        module.setattr("_TaskRequest", module.py().get_type::<TaskRequest>())?;
        module.setattr("_process", wrap_pyfunction!(crate::process, module)?)?;
        #[cfg(debug_assertions)]
        module.setattr("_panic", wrap_pyfunction!(crate::calls::into_core::panic, module)?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Raises `ImportError` in a second interpreter of the process. The classes belong to the first one,
/// so an `except` in a second one would not catch the exceptions. Python 3.12 and later also refuse
/// the import, but only in isolated interpreters.
fn refuse_another_interpreter(py: Python<'_>) -> PyResult<()> {
    static FIRST: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    // Each interpreter has its own.
    let builtins = py.import("builtins")?;
    let first = FIRST.get_or_init(py, || builtins.clone().unbind());
    if first.bind(py).is(&builtins) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "emnify_auth works in only one interpreter of a process, and another one has already \
         imported it; use processes, or with mod_wsgi set WSGIApplicationGroup %{GLOBAL}",
    ))
}

/// Returns a number for this process that none of its ancestors has. A pid may be reused.
#[pyfunction]
#[pyo3(name = "_process")]
fn process() -> u64 {
    emnify_core::Process::current().number()
}
