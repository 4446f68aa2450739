//! The user's functions that a call may need: `application_token_source`, which returns the
//! application token, `mfa`, which asks for a one-time code, `hand_over`, which stores a new
//! application token, and `read_back`, which reads it.
//!
//! Core calls them on the thread that makes the call. It gets no Python object, which it might free
//! without the interpreter. Instead the functions of a call are kept in a thread-local variable.

use std::cell::RefCell;
use std::error::Error;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use emnify_core::{NeedsCaller, Process, Secret};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::arguments;
use crate::convert::errors::{self, Raised};

thread_local! {
    /// The functions of the calls that this thread makes. A function may make another call, whose
    /// functions are then last.
    static CALLS: RefCell<Vec<UserFunctions>> = const { RefCell::new(Vec::new()) };
}

/// The functions that a client needs to sign in.
#[derive(Default)]
pub(crate) struct SignInFunctions {
    pub(crate) application_token_source: Option<Py<PyAny>>,
    pub(crate) mfa: Option<Py<PyAny>>,
}

impl SignInFunctions {
    /// Returns the same functions for a call, or for another client.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        SignInFunctions {
            application_token_source: shared(py, self.application_token_source.as_ref()),
            mfa: shared(py, self.mfa.as_ref()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.application_token_source.is_none() && self.mfa.is_none()
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.application_token_source)?;
        visit.call(&self.mfa)
    }
}

/// Returns another reference to a function.
pub(crate) fn shared(py: Python<'_>, function: Option<&Py<PyAny>>) -> Option<Py<PyAny>> {
    function.map(|function| function.clone_ref(py))
}

/// The functions that one call may need.
pub(crate) struct UserFunctions {
    sign_in: SignInFunctions,
    hand_over: Option<Py<PyAny>>,
    read_back: Option<Py<PyAny>>,
    /// What `application_token_source` raised, if the call raises it, too.
    raised: Option<PyErr>,
}

/// Removes the functions when it is dropped.
pub(crate) struct Installed(());

impl UserFunctions {
    pub(crate) fn new(
        sign_in: SignInFunctions,
        [hand_over, read_back]: [Option<Py<PyAny>>; 2],
    ) -> Self {
        UserFunctions { sign_in, hand_over, read_back, raised: None }
    }

    /// Makes the functions available to the call that this thread makes next.
    pub(crate) fn install(self) -> Option<Installed> {
        let SignInFunctions { application_token_source, mfa } = &self.sign_in;
        let all = [application_token_source, mfa, &self.hand_over, &self.read_back];
        if all.into_iter().all(Option::is_none) {
            return None;
        }
        CALLS.with_borrow_mut(|calls| calls.push(self));
        Some(Installed(()))
    }
}

impl Installed {
    /// Returns what `application_token_source` raised, if the call must raise it, too: because there
    /// is no earlier result, or because it is not an `Exception`.
    pub(crate) fn raised(&self) -> Option<PyErr> {
        CALLS.with_borrow_mut(|calls| calls.last_mut()?.raised.take())
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        // Dropped outside the borrow: freeing a function may run Python code that makes calls.
        let functions = CALLS.with_borrow_mut(Vec::pop);
        drop(functions);
    }
}

/// The result of a user's function, for core.
type FunctionResult<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Returns core's function that reads the application token.
pub(crate) fn application_token_source() -> impl Fn() -> FunctionResult<Secret> + Send + Sync {
    let was_read = AtomicBool::new(false);
    move || {
        let read = call(
            |functions| functions.sign_in.application_token_source.as_ref(),
            |function| application_token(&function.call0()?).map(Some),
        );
        match read {
            Ok(Some(token)) => {
                was_read.store(true, Ordering::Relaxed);
                Ok(token)
            }
            // A thread of the library, where no Python code runs.
            Ok(None) => Err(NeedsCaller.into()),
            Err(raised) => {
                let problem = raised.to_string();
                if !was_read.load(Ordering::Relaxed) || !raised.is_exception() {
                    // Core keeps its error for longer than the call, so that must not contain the
                    // exception, which refers to everything on the stack.
                    let raised = Some(raised.into_exception());
                    let _previous = CALLS.with_borrow_mut(|calls| {
                        calls.last_mut().map(|call| mem::replace(&mut call.raised, raised))
                    });
                }
                Err(problem.into())
            }
        }
    }
}

/// Asks for the one-time code. `None` gives up.
pub(crate) fn mfa() -> FunctionResult<Option<Secret>> {
    Ok(call(
        |functions| functions.sign_in.mfa.as_ref(),
        |function| secret("mfa", "the one-time code as a str, or None", &function.call0()?),
    )?)
}

/// Stores the new application token.
pub(crate) fn hand_over(application_token: &Secret) -> FunctionResult<()> {
    let take = |function: Bound<'_, PyAny>| {
        let token = PyString::new(function.py(), application_token.reveal());
        // Nothing has been stored yet, and the old token would be revoked.
        let problem = "the new application token was not stored; pass a plain function, or use \
                       AsyncClient";
        arguments::not_awaitable("hand_over", &function.call1((token,))?, problem).map(Some)
    };
    match call(|functions| functions.hand_over.as_ref(), take)? {
        Some(()) => Ok(()),
        None => Err("hand_over was called on another thread".into()),
    }
}

/// Reads the application token that `hand_over` stored.
pub(crate) fn read_back() -> FunctionResult<Secret> {
    let read = |function: Bound<'_, PyAny>| {
        secret("read_back", "the application token as a str, or None", &function.call0()?)
    };
    let kept = call(|functions| functions.read_back.as_ref(), read)?;
    kept.ok_or_else(|| "read_back returned None".into())
}

/// Calls the function that `choose` picks from the functions of this thread's call. `None` if the
/// call has no such function.
fn call<T>(
    choose: impl FnOnce(&UserFunctions) -> Option<&Py<PyAny>>,
    function: impl FnOnce(Bound<'_, PyAny>) -> PyResult<Option<T>>,
) -> Result<Option<T>, Raised> {
    Python::attach(|py| {
        let chosen = CALLS.with_borrow(|calls| {
            calls.last().and_then(choose).map(|chosen| chosen.bind(py).clone())
        });
        let Some(chosen) = chosen else { return Ok(None) };
        let process = Process::current();
        let result = function(chosen);
        if process != Process::current() {
            // The function forked. The call and its locks belong to the parent process.
            return Err(Raised::new(py, errors::forked(py)));
        }
        result.map_err(|exception| Raised::new(py, exception))
    })
}

/// Returns the secret that the function of that name returned, which must be `what`.
fn secret(name: &str, what: &str, returned: &Bound<'_, PyAny>) -> PyResult<Option<Secret>> {
    if returned.is_none() {
        return Ok(None);
    }
    let text = returned.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
    // The message does not show the value, which may be the secret.
    let not_text = || errors::invalid_input(returned.py(), name, &format!("must return {what}"));
    text.map(|text| Some(Secret::from(text))).ok_or_else(not_text)
}

fn application_token(returned: &Bound<'_, PyAny>) -> PyResult<Secret> {
    const NAME: &str = "application_token_source";
    arguments::not_awaitable(
        NAME,
        returned,
        "there is no application token; pass a plain function",
    )?;
    arguments::text(NAME, returned).map(Secret::from)
}
