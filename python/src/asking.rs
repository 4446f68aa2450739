//! What core asks for in the middle of a call, on the thread that makes it, which may be one of ours.
//! The functions that answer are the caller's, and run on the caller's thread.

use std::error::Error;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use arc_swap::ArcSwap;
use emnify_core::Secret;
use pyo3::prelude::*;

use crate::hand_over;
use crate::mfa::Mfa;

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
                Some(mfa) => Ok(mfa.ask(py)?.map(Answer::Code)),
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

/// The threads of ours that make calls, each with the way to the caller that it works for. Changed
/// as a whole: a lock could be held at the moment of a fork.
#[derive(Default)]
pub(crate) struct Lines(ArcSwap<Vec<Line>>);

#[derive(Clone)]
struct Line {
    thread: ThreadId,
    ask: Arc<Ask>,
}

type Ask = dyn Fn(Question) -> Option<Answer> + Send + Sync;

impl Lines {
    /// The one-time code; `None` if nobody supplies it.
    pub(crate) fn code(&self) -> Option<Secret> {
        match self.ask(Question::Code) {
            Some(Answer::Code(code)) => Some(code),
            _ => None,
        }
    }

    /// Has the new application token kept.
    pub(crate) fn hand_over(
        &self,
        application_token: &Secret,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self.ask(Question::HandOver(application_token.clone())) {
            Some(Answer::Kept) => Ok(()),
            Some(Answer::Failed(problem)) => Err(problem.into()),
            _ => Err("nobody waits for the call any more".into()),
        }
    }

    /// Asks the caller that this thread works for; `None` if there is none, or it has gone.
    fn ask(&self, question: Question) -> Option<Answer> {
        let this = thread::current().id();
        let ask = self.0.load().iter().find(|line| line.thread == this).map(|l| Arc::clone(&l.ask));
        ask.and_then(|ask| ask(question))
    }

    /// Opens this thread's line for as long as `work` takes.
    pub(crate) fn open<T>(
        &self,
        ask: impl Fn(Question) -> Option<Answer> + Send + Sync + 'static,
        work: impl FnOnce() -> T,
    ) -> T {
        struct Close<'a>(&'a Lines, ThreadId);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.0.change(|lines| lines.retain(|line| line.thread != self.1));
            }
        }
        let line = Line { thread: thread::current().id(), ask: Arc::new(ask) };
        let _close = Close(self, line.thread);
        self.change(|lines| lines.push(line.clone()));
        work()
    }

    fn change(&self, change: impl Fn(&mut Vec<Line>)) {
        self.0.rcu(|lines| {
            let mut lines = Vec::clone(lines);
            change(&mut lines);
            lines
        });
    }
}
