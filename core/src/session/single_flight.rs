//! One attempt at a time. Who asks while one is under way waits for its outcome instead of making
//! another; an attempt that panics leaves nobody waiting.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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
    result: Option<T>,
}

/// What came of asking.
pub(crate) enum Flight<T> {
    /// The outcome of our own attempt.
    Made(T),
    /// The outcome of an attempt that was under way when we asked.
    Awaited(T),
    /// The attempt that we waited for panicked.
    Lost,
    /// The time ran out; the attempt goes on for the others.
    TimedOut,
}

/// The right to make the attempt. Dropping it lets the next one begin, also after a panic.
pub(crate) struct Attempt<T: Clone> {
    flight: Arc<SingleFlight<T>>,
    result: Option<T>,
}

impl<T: Clone> SingleFlight<T> {
    pub(crate) fn new() -> Arc<Self> {
        let turn = Turn { under_way: false, ended: 0, result: None };
        Arc::new(SingleFlight { turn: Mutex::new(turn), landed: Condvar::new() })
    }

    /// Begins an attempt, unless one is under way.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Attempt<T>> {
        let mut turn = self.lock();
        if turn.under_way {
            return None;
        }
        turn.under_way = true;
        Some(Attempt { flight: Arc::clone(self), result: None })
    }

    /// Makes the attempt, or waits for the one under way, at most for `patience`.
    pub(crate) fn join(
        self: &Arc<Self>,
        patience: Duration,
        attempt: impl FnOnce() -> T,
    ) -> Flight<T> {
        if let Some(turn) = self.begin() {
            return Flight::Made(turn.make(attempt));
        }
        let turn = self.lock();
        let awaited = turn.ended;
        if !turn.under_way {
            // It ended between the two looks.
            return Flight::of(&turn.result);
        }
        let (turn, _) = self
            .landed
            .wait_timeout_while(turn, patience, |turn| turn.ended == awaited)
            .unwrap_or_else(PoisonError::into_inner);
        if turn.ended == awaited { Flight::TimedOut } else { Flight::of(&turn.result) }
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
    /// Makes the attempt; all who wait get its outcome.
    pub(crate) fn make(mut self, attempt: impl FnOnce() -> T) -> T {
        let result = attempt();
        self.result = Some(result.clone());
        result
    }
}

impl<T: Clone> Drop for Attempt<T> {
    fn drop(&mut self) {
        let mut turn = self.flight.lock();
        turn.under_way = false;
        turn.ended = turn.ended.wrapping_add(1);
        turn.result = self.result.take();
        self.flight.landed.notify_all();
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
        assert!(matches!(flight.join(LONG, || ()), Flight::Made(())));
    }

    #[test]
    fn a_waiter_whose_time_runs_out_leaves_the_attempt_alone() {
        let flight = SingleFlight::new();
        let result = flight.join(LONG, || {
            thread::scope(|scope| {
                let waiter = scope.spawn(|| flight.join(Duration::from_millis(1), || 2));
                assert!(matches!(waiter.join(), Ok(Flight::TimedOut)));
            });
            1
        });
        assert!(matches!(result, Flight::Made(1)));
    }
}
