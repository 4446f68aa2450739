//! Calls that their caller may leave. Such a call is made on a thread of ours. Its caller waits for
//! it, runs the functions of its own that the call asks for, and may leave before it ends; what it
//! brings when nobody waits for it any more is undone. For the other faces of this library.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub use crate::sys::lines::Lines;
use crate::sys::per_process::Process;
use crate::sys::signal_mask;
use crate::types::error::Result;

/// A call needs a TLS handshake, some JSON, and perhaps a rotation.
const CALL_STACK: usize = 512 * 1024;

/// What comes of a call: what it returns, unless it panics.
pub type Outcome<T> = thread::Result<Result<T>>;

/// A call that is under way, seen by its caller. `Q` is what the call may ask, `A` what the caller
/// answers. Dropping it leaves the call.
pub struct Errand<T, Q, A>(Arc<Meeting<T, Q, A>>);

/// What a caller hears who waits.
pub enum News<T, Q> {
    /// The call has ended.
    Done(Outcome<T>),
    /// The call asks, and waits for [`Errand::answer`].
    Asked(Q),
    /// The caller has left: another thread said so.
    Left,
    /// The thread ended without a word.
    Lost,
    /// Nothing, in the time that was given.
    Nothing,
}

/// Leaves a call, on behalf of the caller that waits for it.
pub trait Leave: Send + Sync {
    /// The caller hears of it at once. What has arrived and was not taken yet is undone, too.
    fn leave(&self);
}

/// Where the two sides meet.
struct Meeting<T, Q, A> {
    /// A child of a fork finds the other side gone, and the lock perhaps held by it.
    process: Process,
    table: Mutex<Table<T, Q, A>>,
    changed: Condvar,
}

struct Table<T, Q, A> {
    /// What is there and was not taken yet.
    outcome: Option<Outcome<T>>,
    question: Option<Q>,
    answer: Option<Option<A>>,
    /// The caller has gone.
    left: bool,
    /// The thread that makes the call has gone.
    ended: bool,
}

impl<T, Q, A> Errand<T, Q, A>
where
    T: Send + 'static,
    Q: Send + 'static,
    A: Send + 'static,
{
    /// Makes the call on a thread of ours, with a line to its caller where `lines` are given. A
    /// value that comes when the caller has left goes to `unwanted`, on that thread.
    ///
    /// # Errors
    ///
    /// The call, where there is no thread to be had.
    pub fn start<F>(
        lines: Option<&Arc<Lines<Q, A>>>,
        call: F,
        unwanted: impl FnOnce(T) + Send + 'static,
    ) -> Result<Self, F>
    where
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let meeting = Arc::new(Meeting::new());
        let call = Arc::new(Mutex::new(Some(call)));
        let work = {
            let (call, lines, meeting) = (Arc::clone(&call), lines.cloned(), Arc::clone(&meeting));
            move || {
                let end = End(meeting);
                let Some(call) = take(&call) else { return };
                let call = || catch_unwind(AssertUnwindSafe(call));
                let outcome = match lines {
                    None => call(),
                    Some(lines) => {
                        let meeting = Arc::clone(&end.0);
                        lines.open(move |question| meeting.ask(question), call)
                    }
                };
                if let Some(Ok(Ok(value))) = end.0.conclude(outcome) {
                    unwanted(value);
                }
            }
        };
        if signal_mask::start("emnify-call", CALL_STACK, Box::new(work)).is_err() {
            if let Some(call) = take(&call) {
                return Err(call);
            }
        }
        Ok(Errand(meeting))
    }

    /// Waits for what the call has to say, for `patience` at most where that is given.
    pub fn next(&self, patience: Option<Duration>) -> News<T, Q> {
        let silent = |table: &mut Table<T, Q, A>| {
            !(table.left || table.ended) && table.outcome.is_none() && table.question.is_none()
        };
        let table = self.0.lock();
        let changed = &self.0.changed;
        let mut table = match patience {
            None => changed.wait_while(table, silent).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = changed.wait_timeout_while(table, patience, silent);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if table.left {
            return News::Left;
        }
        if let Some(outcome) = table.outcome.take() {
            self.0.changed.notify_all();
            return News::Done(outcome);
        }
        match table.question.take() {
            Some(question) => News::Asked(question),
            None if table.ended => News::Lost,
            None => News::Nothing,
        }
    }

    /// Answers what the call asked; `None` where nobody knows.
    pub fn answer(&self, answer: Option<A>) {
        self.0.lock().answer = Some(answer);
        self.0.changed.notify_all();
    }

    /// Whether this process was forked since: then there is nobody to wait for, and nothing here may
    /// be called but this.
    pub fn is_inherited(&self) -> bool {
        self.0.is_inherited()
    }

    /// For another thread that makes the caller leave.
    pub fn leaver(&self) -> Arc<dyn Leave> {
        Arc::clone(&self.0) as Arc<dyn Leave>
    }
}

impl<T, Q, A> Drop for Errand<T, Q, A> {
    fn drop(&mut self) {
        self.0.say(|table| table.left = true);
    }
}

impl<T: Send, Q: Send, A: Send> Leave for Meeting<T, Q, A> {
    fn leave(&self) {
        self.say(|table| table.left = true);
    }
}

impl<T, Q, A> Meeting<T, Q, A> {
    fn new() -> Self {
        let table =
            Table { outcome: None, question: None, answer: None, left: false, ended: false };
        Meeting { process: Process::current(), table: Mutex::new(table), changed: Condvar::new() }
    }

    /// On the thread that makes the call: asks the caller; `None` if it does not know, or has gone.
    fn ask(&self, question: Q) -> Option<A> {
        let mut table = self.lock();
        if table.left {
            return None;
        }
        table.question = Some(question);
        self.changed.notify_all();
        let silent = |table: &mut Table<T, Q, A>| !table.left && table.answer.is_none();
        let mut table =
            self.changed.wait_while(table, silent).unwrap_or_else(PoisonError::into_inner);
        table.question = None;
        table.answer.take().flatten()
    }

    /// On the thread that makes the call: hands the outcome over, and returns what nobody took. It
    /// has arrived only when the caller has it in hand.
    fn conclude(&self, outcome: Outcome<T>) -> Option<Outcome<T>> {
        let mut table = self.lock();
        table.outcome = Some(outcome);
        self.changed.notify_all();
        let untaken = |table: &mut Table<T, Q, A>| !table.left && table.outcome.is_some();
        let waited = self.changed.wait_while(table, untaken);
        waited.unwrap_or_else(PoisonError::into_inner).outcome.take()
    }

    fn say(&self, change: impl FnOnce(&mut Table<T, Q, A>)) {
        if !self.is_inherited() {
            change(&mut self.lock());
            self.changed.notify_all();
        }
    }

    fn is_inherited(&self) -> bool {
        self.process != Process::current()
    }

    fn lock(&self) -> MutexGuard<'_, Table<T, Q, A>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the thread has gone, also after a panic.
struct End<T, Q, A>(Arc<Meeting<T, Q, A>>);

impl<T, Q, A> Drop for End<T, Q, A> {
    fn drop(&mut self) {
        self.0.say(|table| table.ended = true);
    }
}

fn take<F>(call: &Mutex<Option<F>>) -> Option<F> {
    call.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::types::error::{Error, ErrorKind};

    type Plain = Errand<u32, (), ()>;
    const LONG: Option<Duration> = Some(Duration::from_secs(60));

    /// A call that ends when it is told to, and where what nobody wants shows up.
    fn held() -> (Plain, mpsc::Sender<Result<u32>>, mpsc::Receiver<u32>) {
        let (end, ended) = mpsc::channel();
        let (undo, undone) = mpsc::channel();
        let call = move || ended.recv().unwrap();
        let errand = Errand::start(None, call, move |value| undo.send(value).unwrap());
        (errand.ok().unwrap(), end, undone)
    }

    #[test]
    fn a_caller_who_waits_gets_the_outcome_and_nothing_is_undone() {
        let (errand, end, undone) = held();
        assert!(matches!(errand.next(Some(Duration::ZERO)), News::Nothing));
        end.send(Ok(7)).unwrap();
        assert!(matches!(errand.next(None), News::Done(Ok(Ok(7)))));
        assert!(undone.recv().is_err());
        assert!(matches!(errand.next(LONG), News::Lost));
    }

    #[test]
    fn what_comes_after_its_caller_left_is_undone() {
        let (errand, end, undone) = held();
        drop(errand);
        end.send(Ok(7)).unwrap();
        assert_eq!(undone.recv(), Ok(7));
        let (errand, end, undone) = held();
        drop(errand);
        end.send(Err(Error::new(ErrorKind::Server, "a fault"))).unwrap();
        assert!(undone.recv().is_err());
    }

    #[test]
    fn another_thread_makes_the_caller_leave_at_once() {
        let (errand, end, undone) = held();
        let leaver = errand.leaver();
        let caller = thread::spawn(move || matches!(errand.next(None), News::Left));
        leaver.leave();
        assert!(caller.join().unwrap());
        end.send(Ok(7)).unwrap();
        assert_eq!(undone.recv(), Ok(7));
        // Too late: what it was for is over.
        leaver.leave();
    }

    #[test]
    fn what_has_arrived_and_was_not_taken_is_undone_too() {
        let (errand, end, undone) = held();
        end.send(Ok(7)).unwrap();
        while errand.0.lock().outcome.is_none() {
            thread::yield_now();
        }
        errand.leaver().leave();
        assert_eq!(undone.recv(), Ok(7));
        assert!(matches!(errand.next(LONG), News::Left));
    }

    #[test]
    fn a_panic_is_an_outcome() {
        let call = || panic!("a fault");
        let errand = Plain::start(None, call, |_| {}).ok().unwrap();
        assert!(matches!(errand.next(LONG), News::Done(Err(_))));
    }

    #[test]
    fn the_caller_answers_what_the_call_asks_until_it_leaves() {
        let lines = Arc::new(Lines::default());
        let call = {
            let lines = Arc::clone(&lines);
            move || Ok((lines.ask(1_u32), lines.ask(2), lines.ask(3)))
        };
        let (undo, undone) = mpsc::channel();
        let errand = Errand::start(Some(&lines), call, move |value| undo.send(value).unwrap());
        let errand = errand.ok().unwrap();
        for answer in [Some(10_u32), None] {
            assert!(matches!(errand.next(LONG), News::Asked(_)));
            errand.answer(answer);
        }
        assert!(matches!(errand.next(LONG), News::Asked(3)));
        drop(errand);
        assert_eq!(undone.recv(), Ok((Some(10), None, None)));
        assert_eq!(lines.ask(4), None);
    }
}
