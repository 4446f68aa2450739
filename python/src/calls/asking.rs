//! What core asks for in the middle of a call, on the thread that makes it, which may be one of ours.
//! The functions that answer are the caller's, and run on the caller's thread.

use std::error::Error;
use std::panic;
use std::sync::Arc;

use emnify_core::{Secret, errand};
use pyo3::prelude::*;

use crate::calls::hand_over;
use crate::calls::mfa::Mfa;

/// What core wants.
pub(crate) enum Question {
    /// A one-time code, which is due.
    Code,
    /// That the new application token is kept where the next start finds it.
    HandOver(Secret),
}

/// What the caller's function made of it.
pub(crate) enum Answer {
    /// The one-time code.
    Code(Secret),
    /// The caller has no one-time code.
    NoCode,
    /// The application token is kept.
    Kept,
    /// It is not, and why, without any secret.
    Failed(String),
}

/// The functions that one call may need, and how core gets to them.
#[derive(Clone, Copy)]
pub(crate) struct Functions<'a> {
    pub(crate) lines: &'a Arc<Lines>,
    pub(crate) mfa: Option<&'a Mfa>,
    pub(crate) hand_over: Option<&'a Py<PyAny>>,
}

impl Functions<'_> {
    /// Whether there is one at all.
    pub(crate) fn any(&self) -> bool {
        self.mfa.is_some() || self.hand_over.is_some()
    }

    /// Asks the one that knows; `None` if there is none, or it gives up.
    pub(crate) fn answer(&self, py: Python<'_>, question: &Question) -> PyResult<Option<Answer>> {
        match question {
            Question::Code => match self.mfa {
                Some(mfa) => Ok(Some(mfa.ask(py)?.map_or(Answer::NoCode, Answer::Code))),
                None => Ok(None),
            },
            Question::HandOver(application_token) => match self.hand_over {
                Some(function) => {
                    hand_over::to(function.bind(py), application_token)?;
                    Ok(Some(Answer::Kept))
                }
                None => Ok(None),
            },
        }
    }
}

/// The way from a thread of ours that makes a call to the caller that it works for.
pub(crate) type Lines = errand::Lines<Question, Answer>;

/// Returns the one-time code; `None` if the caller has none.
///
/// If the caller has left, the call ends here: other calls may wait for the same sign-in, and that
/// this caller has no code must not become their result. They sign in themselves.
pub(crate) fn code(lines: &Lines) -> Option<Secret> {
    match lines.ask(Question::Code) {
        Some(Answer::Code(code)) => Some(code),
        // Caught where the call began; prints nothing.
        None if lines.is_open() => panic::resume_unwind(Box::new("the caller has left")),
        _ => None,
    }
}

/// Has the new application token kept.
pub(crate) fn hand_over(
    lines: &Lines,
    application_token: &Secret,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    match lines.ask(Question::HandOver(application_token.clone())) {
        Some(Answer::Kept) => Ok(()),
        Some(Answer::Failed(problem)) => Err(problem.into()),
        _ => Err("nobody waits for the call any more".into()),
    }
}
