//! One attempt at a time. Who asks while one is under way waits for its outcome instead of making
//! another; an attempt that panics leaves nobody waiting.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lets one thread work and hands the outcome to all who asked meanwhile.
#[derive(Debug)]
pub(crate) struct SingleFlight<T> {
    turn: Mutex<Turn<T>>,
    landed: Condvar,
}

#[derive(Debug)]
struct Turn<T> {
    under_way: bool,
    /// Counts the attempts that ended, so that a waiter can tell the one that it waited for.
    ended: u64,
    /// `None` after an attempt that panicked.
    outcome: Option<T>,
}

/// What came of asking.
pub(crate) enum Flight<T> {
    /// The outcome of an attempt that ended after we asked.
    Landed(T),
    /// The attempt that we waited for panicked.
    Lost,
    /// The time ran out; the attempt goes on for the others.
    TimedOut,
}

impl<T: Clone> SingleFlight<T> {
    pub(crate) const fn new() -> Self {
        let turn = Turn { under_way: false, ended: 0, outcome: None };
        SingleFlight { turn: Mutex::new(turn), landed: Condvar::new() }
    }

    /// Makes the attempt, or waits for the one under way, at most for `patience`.
    pub(crate) fn join(&self, patience: Duration, attempt: impl FnOnce() -> T) -> Flight<T> {
        let mut turn = self.lock();
        if !turn.under_way {
            turn.under_way = true;
            drop(turn);
            return Flight::Landed(self.fly(attempt));
        }
        let awaited = turn.ended;
        let (turn, _) = self
            .landed
            .wait_timeout_while(turn, patience, |turn| turn.ended == awaited)
            .unwrap_or_else(PoisonError::into_inner);
        match &turn.outcome {
            _ if turn.ended == awaited => Flight::TimedOut,
            Some(outcome) => Flight::Landed(outcome.clone()),
            None => Flight::Lost,
        }
    }

    fn fly(&self, attempt: impl FnOnce() -> T) -> T {
        /// Ends the turn however the attempt ends, by a panic too.
        struct Landing<'a, T: Clone>(&'a SingleFlight<T>, Option<T>);
        impl<T: Clone> Drop for Landing<'_, T> {
            fn drop(&mut self) {
                let mut turn = self.0.lock();
                turn.under_way = false;
                turn.ended = turn.ended.wrapping_add(1);
                turn.outcome = self.1.take();
                self.0.landed.notify_all();
            }
        }
        let mut landing = Landing(self, None);
        let outcome = attempt();
        landing.1 = Some(outcome.clone());
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Turn<T>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_panic_leaves_nobody_waiting() {
        let flight = SingleFlight::<()>::new();
        let panicked = catch_unwind(AssertUnwindSafe(|| flight.join(LONG, || panic!("a fault"))));
        assert!(panicked.is_err());
        assert!(matches!(flight.join(LONG, || ()), Flight::Landed(())));
    }

    #[test]
    fn a_waiter_whose_time_runs_out_leaves_the_attempt_alone() {
        let flight = SingleFlight::new();
        let outcome = flight.join(LONG, || {
            thread::scope(|scope| {
                let waiter = scope.spawn(|| flight.join(Duration::from_millis(1), || 2));
                assert!(matches!(waiter.join(), Ok(Flight::TimedOut)));
            });
            1
        });
        assert!(matches!(outcome, Flight::Landed(1)));
    }
}
