//! The way back from a thread that makes a call for somebody else. What the core asks for in the
//! middle of a call is for a function of the caller's, which runs on the caller's thread.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use arc_swap::ArcSwap;

/// The threads of ours that make calls, each with the way to the caller that it works for. Changed
/// as a whole: a lock could be held at the moment of a fork.
pub struct Lines<Q, A>(ArcSwap<Vec<Line<Q, A>>>);

struct Line<Q, A> {
    thread: ThreadId,
    ask: Arc<Ask<Q, A>>,
}

type Ask<Q, A> = dyn Fn(Q) -> Option<A> + Send + Sync;

impl<Q, A> Lines<Q, A> {
    /// Asks the caller that this thread works for; `None` if there is none, it does not know, or it
    /// has gone.
    pub fn ask(&self, question: Q) -> Option<A> {
        let ask = self.line().map(|line| line.ask);
        ask.and_then(|ask| ask(question))
    }

    /// Whether this thread works for a caller on another one.
    pub fn is_open(&self) -> bool {
        self.line().is_some()
    }

    /// Opens this thread's line for as long as `work` takes.
    pub(crate) fn open<T>(
        &self,
        ask: impl Fn(Q) -> Option<A> + Send + Sync + 'static,
        work: impl FnOnce() -> T,
    ) -> T {
        struct Close<'a, Q, A>(&'a Lines<Q, A>, ThreadId);
        impl<Q, A> Drop for Close<'_, Q, A> {
            fn drop(&mut self) {
                self.0.change(|lines| lines.retain(|line| line.thread != self.1));
            }
        }
        let line = Line { thread: thread::current().id(), ask: Arc::new(ask) };
        let _close = Close(self, line.thread);
        self.change(|lines| lines.push(line.clone()));
        work()
    }

    fn line(&self) -> Option<Line<Q, A>> {
        let lines = self.0.load();
        if lines.is_empty() {
            return None;
        }
        let this = thread::current().id();
        lines.iter().find(|line| line.thread == this).cloned()
    }

    fn change(&self, change: impl Fn(&mut Vec<Line<Q, A>>)) {
        self.0.rcu(|lines| {
            let mut lines = Vec::clone(lines);
            change(&mut lines);
            lines
        });
    }
}

impl<Q, A> Default for Lines<Q, A> {
    fn default() -> Self {
        Lines(ArcSwap::default())
    }
}

impl<Q, A> Clone for Line<Q, A> {
    fn clone(&self) -> Self {
        Line { thread: self.thread, ask: Arc::clone(&self.ask) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_its_thread_and_ends_with_its_work() {
        let lines = Lines::<u32, u32>::default();
        assert!(!lines.is_open());
        lines.open(
            |question| Some(question + 1),
            || {
                assert!(lines.is_open());
                assert_eq!(lines.ask(1), Some(2));
                thread::scope(|scope| scope.spawn(|| assert_eq!(lines.ask(1), None)).join())
                    .unwrap();
            },
        );
        assert_eq!(lines.ask(1), None);
    }
}
