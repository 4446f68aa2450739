//! Calls that may wait for the network. Python runs signal handlers between two steps of its main
//! thread, so that a call which waits there for a server makes Ctrl-C wait too. Hence the call is
//! made on a thread of ours, while the main thread looks for signals, or another one for whether its
//! caller has walked away.

use std::thread;
use std::time::Duration;

use emnify_core::errand::{Errand, News};
use emnify_core::{ErrorKind, Result};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::calls::asking::{Answer, Functions, Question};
use crate::calls::into_core::{self, Outcome, into_core};
use crate::calls::walk_away::Left;
use crate::calls::{hand_over, signals};
use crate::convert::errors;

/// How often the main thread looks for signals.
const POLL: Duration = Duration::from_millis(50);

/// Makes the call, and waits for it until a signal handler raises an exception. Then it goes on
/// without us, and what it brings is handed to `unwanted`.
///
/// Where no signal is handled, no function of the caller's asked and nobody can walk away, this is
/// [`into_core`].
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    functions: Option<Functions<'_>>,
    call: impl FnOnce() -> Result<T> + Send + 'static,
    unwanted: impl FnOnce(T) + Send + 'static,
) -> PyResult<T> {
    let functions = functions.filter(Functions::any);
    let left = Left::of_this_thread();
    if functions.is_none() && left.is_none() && !signals::are_handled_here(py) {
        return into_core(py, call);
    }
    let lines = functions.map(|asked| asked.lines);
    match Errand::start(lines, call, unwanted) {
        Ok(errand) => wait(py, functions, left.as_ref(), &errand),
        // No thread to be had: better a call that cannot be interrupted than none.
        Err(call) => into_core(py, call),
    }
}

/// Starts a thread that leaves all signals to the host.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    emnify_core::while_blocked(|| thread::Builder::new().name(name.to_owned()).spawn(work))
        .map(drop)
}

/// On the thread that waits. Whoever returns from here without the outcome leaves the call.
fn wait<T: Send + 'static>(
    py: Python<'_>,
    functions: Option<Functions<'_>>,
    left: Option<&Left>,
    errand: &Errand<T, Question, Answer>,
) -> PyResult<T> {
    // What a function raised that was asked.
    let mut raised: Option<PyErr> = None;
    loop {
        match py.detach(|| errand.next(Some(POLL))) {
            News::Done(outcome) => return conclude(py, outcome, raised),
            News::Asked(question) => {
                let answer = match functions.map(|asked| asked.answer(py, &question)) {
                    Some(Ok(answer)) => answer,
                    Some(Err(error)) if matches!(question, Question::HandOver(_)) => {
                        // Not even an interrupt leaves here: what the rotation came to is needed.
                        let failed = Answer::Failed(hand_over::failed(py, &error));
                        raised = Some(error);
                        Some(failed)
                    }
                    Some(Err(error)) if error.is_instance_of::<PyException>(py) => {
                        raised = Some(error);
                        None
                    }
                    // Who wants to leave need not wait.
                    Some(Err(error)) => return Err(error),
                    None => None,
                };
                if errand.is_inherited() {
                    return Err(errors::forked(py));
                }
                errand.answer(answer);
            }
            News::Nothing => {
                let interrupted = py.check_signals();
                if errand.is_inherited() {
                    // A handler forked; the thread that makes the call is not here.
                    return interrupted.and(Err(errors::forked(py)));
                }
                interrupted?;
                left.map_or(Ok(()), Left::check)?;
            }
            News::Left | News::Lost => return Err(lost(py)),
        }
    }
}

/// What the caller gets to see where a function that was asked raised something.
fn conclude<T>(py: Python<'_>, outcome: Outcome<T>, raised: Option<PyErr>) -> PyResult<T> {
    let stopped = matches!(&outcome, Ok(Err(error)) if error.kind() == ErrorKind::Rotation);
    let outcome = into_core::translated(py, outcome);
    match (raised, outcome) {
        // In which state a rotation stopped is as good to know as why.
        (Some(raised), Err(error)) if stopped => {
            error.set_cause(py, Some(raised));
            Err(error)
        }
        (Some(raised), Err(_)) => Err(raised),
        (Some(raised), Ok(value)) => {
            // It did without: the auth token was still good.
            raised.write_unraisable(py, None);
            Ok(value)
        }
        (None, outcome) => outcome,
    }
}

/// The thread ended without a word.
fn lost(py: Python<'_>) -> PyErr {
    errors::internal(py, "a fault of emnify_auth: the thread that made the call is gone")
}
