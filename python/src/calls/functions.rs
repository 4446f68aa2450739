//! The caller's functions that a call may need: the one that asks for the one-time code, and the one
//! that keeps a new application token.
//!
//! Core calls them on the thread that makes the call. It gets no Python object, which it could free
//! where the interpreter is not at hand, but looks up the functions of the call that its thread makes.

use std::cell::RefCell;
use std::error::Error;

use emnify_core::{Process, Secret};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::errors::{self, Raised};

thread_local! {
    /// The functions of the calls that this thread makes, those of the innermost last.
    static CALLS: RefCell<Vec<Functions>> = const { RefCell::new(Vec::new()) };
}

/// The functions that one call may need.
pub(crate) struct Functions {
    pub(crate) mfa: Option<Py<PyAny>>,
    pub(crate) hand_over: Option<Py<PyAny>>,
}

/// For as long as it lives, core finds the functions.
pub(crate) struct Installed(());

impl Functions {
    /// Lets the call find them that this thread is about to make.
    pub(crate) fn install(self) -> Option<Installed> {
        if self.mfa.is_none() && self.hand_over.is_none() {
            return None; // Core does not look for them.
        }
        CALLS.with_borrow_mut(|calls| calls.push(self));
        Some(Installed(()))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        // What becomes of a function that is freed here may make calls.
        let functions = CALLS.with_borrow_mut(Vec::pop);
        drop(functions);
    }
}

/// What core passes on from a function of the caller's.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Asks for the one-time code; `None` gives up.
pub(crate) fn mfa() -> Outcome<Option<Secret>> {
    call(|functions| functions.mfa.as_ref(), |function| code(function.call0()?))
}

/// Has the new application token kept where the next start finds it.
pub(crate) fn hand_over(application_token: &Secret) -> Outcome<()> {
    let take = |function: Bound<'_, PyAny>| {
        let token = PyString::new(function.py(), application_token.reveal());
        nothing_to_await(function.call1((token,))?).map(Some)
    };
    match call(|functions| functions.hand_over.as_ref(), take)? {
        Some(()) => Ok(()),
        None => Err("there is no hand_over on this thread".into()),
    }
}

/// Calls the function that `choose` picks, of the call that this thread makes, if there is one.
fn call<T>(
    choose: impl FnOnce(&Functions) -> Option<&Py<PyAny>>,
    function: impl FnOnce(Bound<'_, PyAny>) -> PyResult<Option<T>>,
) -> Outcome<Option<T>> {
    Python::attach(|py| {
        let chosen = CALLS.with_borrow(|calls| {
            calls.last().and_then(choose).map(|chosen| chosen.bind(py).clone())
        });
        let Some(chosen) = chosen else { return Ok(None) };
        let process = Process::current();
        let outcome = function(chosen);
        if process != Process::current() {
            // It forked; what the call holds and has begun is the parent's.
            return Err(Raised::new(py, errors::forked(py)).into());
        }
        outcome.map_err(|exception| Raised::new(py, exception).into())
    })
}

fn code(returned: Bound<'_, PyAny>) -> PyResult<Option<Secret>> {
    if returned.is_none() {
        return Ok(None);
    }
    let text = returned.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
    // What it is instead is not shown: it may be a code all the same.
    let no_text = || errors::invalid_input(returned.py(), "mfa", "returned neither a str nor None");
    text.map(|text| Some(Secret::from(text))).ok_or_else(no_text)
}

/// What hand_over returns is its own affair, unless the work is yet to be done: the old token would
/// be revoked meanwhile.
fn nothing_to_await(returned: Bound<'_, PyAny>) -> PyResult<()> {
    if returned.hasattr("__await__")? {
        // That nobody awaits it is said here, and no warning is needed.
        let _ = returned.call_method0("close");
        let problem = "returned an awaitable, by which nothing is kept yet: it must be a plain \
                       function";
        return Err(errors::invalid_input(returned.py(), "hand_over", problem));
    }
    Ok(())
}
