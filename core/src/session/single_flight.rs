//! One attempt at a time. Whoever asks while one is under way waits for its result instead of making
//! another. If that brings none, because it panicked or its caller left, one of those who wait takes
//! over.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use crate::sys::per_process::Process;
use crate::sys::wait::Wait;
use crate::types::error::Result;

/// Lets one thread work and hands the result to all who asked meanwhile.
#[derive(Debug)]
pub(crate) struct SingleFlight<T> {
    turn: Mutex<Turn<T>>,
}

#[derive(Debug)]
struct Turn<T> {
    under_way: bool,
    /// Counts the attempts that ended, so that a waiter can tell the one that it waited for.
    ended: u64,
    /// The result of the attempt that ended last, if it had one.
    result: Option<T>,
    waiting: Vec<Thread>,
}

/// What came of joining.
pub(crate) enum Flight<T: Clone> {
    /// No attempt is under way: the caller makes it.
    Ours(Arc<Attempt<T>>),
    /// The result of the attempt that was under way.
    Awaited(T),
    /// That attempt ended without a result.
    Lost,
    /// The time is up; the attempt goes on for the others.
    TimedOut,
}

/// The right to make the attempt, until it has landed. It ends when nobody has it any more, also
/// after a panic.
pub(crate) struct Attempt<T: Clone> {
    process: Process,
    flight: Arc<SingleFlight<T>>,
    has_landed: AtomicBool,
}

impl<T: Clone> SingleFlight<T> {
    pub(crate) fn new() -> Arc<Self> {
        let turn = Turn { under_way: false, ended: 0, result: None, waiting: Vec::new() };
        Arc::new(SingleFlight { turn: Mutex::new(turn) })
    }

    /// Begins an attempt, unless one is under way.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Arc<Attempt<T>>> {
        let mut turn = self.lock();
        if turn.under_way {
            return None;
        }
        turn.under_way = true;
        let (flight, has_landed) = (Arc::clone(self), AtomicBool::new(false));
        Some(Arc::new(Attempt { process: Process::current(), flight, has_landed }))
    }

    /// Begins an attempt, or waits for the one that is under way.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the wait was interrupted, `Timeout` if there was no time left.
    pub(crate) fn join(self: &Arc<Self>, wait: &Wait, action: &str) -> Result<Flight<T>> {
        let left = wait.remaining(action)?;
        let process = Process::current();
        if let Some(attempt) = self.begin() {
            return Ok(Flight::Ours(attempt));
        }
        let awaited = {
            let mut turn = self.lock();
            if !turn.under_way {
                // It ended between the two looks.
                return Ok(Flight::of(&turn.result));
            }
            turn.waiting.push(thread::current());
            turn.ended
        };
        let ended = wait.until(left, action, || {
            let turn = self.lock();
            (turn.ended != awaited).then(|| Flight::of(&turn.result))
        });
        if let Ok(Some(flight)) = ended {
            return Ok(flight);
        }
        // After a fork, a thread that is not here may have locked it.
        if process == Process::current() {
            self.forget_this_thread();
        }
        ended.map(|_| Flight::TimedOut)
    }

    fn forget_this_thread(&self) {
        let this = thread::current().id();
        self.lock().waiting.retain(|thread| thread.id() != this);
    }

    /// Whether threads wait for the attempt that is under way.
    #[cfg(test)]
    pub(crate) fn has_waiters(&self, count: usize) -> bool {
        self.lock().waiting.len() == count
    }

    fn end(&self, result: Option<T>) {
        let mut turn = self.lock();
        turn.under_way = false;
        turn.ended = turn.ended.wrapping_add(1);
        turn.result = result;
        let waiting: Vec<Thread> = turn.waiting.drain(..).collect();
        drop(turn);
        waiting.iter().for_each(Thread::unpark);
    }

    fn lock(&self) -> MutexGuard<'_, Turn<T>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Flight<T> {
    fn of(result: &Option<T>) -> Self {
        result.clone().map_or(Flight::Lost, Flight::Awaited)
    }
}

impl<T: Clone> Attempt<T> {
    /// Ends the attempt with its result, which all who wait get. Only the first call counts.
    pub(crate) fn land(&self, result: T) {
        self.end(Some(result));
    }

    fn end(&self, result: Option<T>) {
        // In a child of a fork it is still the parent's.
        let is_ours = self.process == Process::current();
        if is_ours && !self.has_landed.swap(true, Ordering::AcqRel) {
            self.flight.end(result);
        }
    }
}

impl<T: Clone> Drop for Attempt<T> {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl<T: Clone> fmt::Debug for Attempt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn join(flight: &Arc<SingleFlight<u32>>, limit: Duration) -> Flight<u32> {
        flight.join(&Wait::new(limit), "test").unwrap()
    }

    #[test]
    fn one_thread_works_and_all_get_its_result() {
        let flight = SingleFlight::new();
        let Flight::Ours(attempt) = join(&flight, LONG) else { panic!("it is under way") };
        thread::scope(|scope| {
            let waiter = scope.spawn(|| join(&flight, LONG));
            while !flight.has_waiters(1) {
                thread::yield_now();
            }
            attempt.land(7);
            assert!(matches!(waiter.join(), Ok(Flight::Awaited(7))));
        });
        assert!(flight.begin().is_some());
    }

    #[test]
    fn an_attempt_that_nobody_has_any_more_leaves_nobody_waiting() {
        let flight = SingleFlight::new();
        let Flight::Ours(attempt) = join(&flight, LONG) else { panic!("it is under way") };
        // A late result would land by the other one.
        let other = Arc::clone(&attempt);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| join(&flight, LONG));
            while !flight.has_waiters(1) {
                thread::yield_now();
            }
            drop(attempt);
            assert!(flight.begin().is_none());
            drop(other);
            assert!(matches!(waiter.join(), Ok(Flight::Lost)));
        });
        assert!(matches!(join(&flight, LONG), Flight::Ours(_)));
    }

    #[test]
    fn a_waiter_whose_time_is_up_leaves_the_attempt_alone() {
        let flight = SingleFlight::new();
        let _attempt = flight.begin().unwrap();
        assert!(matches!(join(&flight, Duration::from_millis(1)), Flight::TimedOut));
        assert!(flight.has_waiters(0) && flight.begin().is_none());
    }
}
