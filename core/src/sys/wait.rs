//! How long a caller waits, and what ends its wait early. Everything that waits takes a [`Wait`].
//!
//! Waiting for the network takes real time, so a deadline is measured with `Instant` and not with
//! the [`Clock`], which a test may replace.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::sys::clock::Clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::per_process::Process;
use crate::types::error::{Error, ErrorKind, Result};

/// The time that a round trip over a cellular network takes, with a TLS handshake.
const LEAST_FOR_AN_ATTEMPT: Duration = Duration::from_millis(500);

/// The interval at which a waiting thread runs the check of its interrupt.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// So many wake-ups in a row without time passing are no chance: the clock stands still. Fewer may be
/// meant for an earlier wait of the thread, and come between two ticks of a coarse clock.
const STANDS_STILL: u32 = 10;

/// A time longer than any timeout, for durations that `Instant` cannot express.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Advice for a child that was forked during a call.
const FORKED: &str =
    "this process was forked during the call, which continues in the parent process";

/// The deadline of an operation with all its attempts and pauses, and the interrupt that may end it
/// early.
#[derive(Debug, Clone)]
pub struct Wait {
    at: Instant,
    limit: Duration,
    interrupt: Option<Interrupt>,
}

impl Wait {
    /// Starts the time of an operation that may take `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Wait { at: now.checked_add(limit).unwrap_or(now + CENTURY), limit, interrupt: None }
    }

    /// Lets the interrupt end this wait.
    pub(crate) fn interrupted_by(self, interrupt: Option<Interrupt>) -> Self {
        Wait { interrupt, ..self }
    }

    /// Shortens the wait by time that the operation has already taken.
    pub(crate) fn less(self, taken: Duration) -> Self {
        Wait { at: self.at.checked_sub(taken).unwrap_or_else(Instant::now), ..self }
    }

    /// Extends the wait, for the time that a person took.
    pub(crate) fn extended_by(&self, pause: Duration) -> Self {
        Wait { at: self.at.checked_add(pause).unwrap_or(self.at), ..self.clone() }
    }

    /// Returns the time that is left.
    ///
    /// # Errors
    ///
    /// `Cancelled` once interrupted, `Timeout` once the time is up.
    pub(crate) fn remaining(&self, action: &str) -> Result<Duration> {
        if self.is_interrupted() {
            return Err(Error::cancelled(action));
        }
        let left = self.left();
        if left.is_zero() { Err(self.timed_out(action)) } else { Ok(left) }
    }

    /// Whether there is time for another attempt after a pause. An attempt without enough time
    /// would hide the previous error behind a timeout.
    pub(crate) fn has_time_after(&self, pause: Duration) -> bool {
        self.left().checked_sub(pause).is_some_and(|left| left > LEAST_FOR_AN_ATTEMPT)
    }

    /// Returns the error for a wait whose time is up.
    pub(crate) fn timed_out(&self, action: &str) -> Error {
        timed_out(action, "the call", Some(self.limit))
    }

    /// Returns the error for a wait whose time is up, and that was in this phase.
    pub(crate) fn timed_out_while(&self, action: &str, phase: &str) -> Error {
        timed_out(action, phase, Some(self.limit))
    }

    /// Whether the caller of an exchange must return when the interrupt is triggered.
    pub(crate) fn is_interruptible(&self) -> bool {
        self.interrupt.as_ref().is_some_and(Interrupt::ends_exchanges)
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(Interrupt::is_triggered)
    }

    /// Waits for `time` on the clock.
    ///
    /// # Errors
    ///
    /// `Cancelled` if it was interrupted.
    pub(crate) fn pause(&self, clock: &dyn Clock, time: Duration, action: &str) -> Result<()> {
        let start = clock.steady();
        let (end, last) = (start.saturating_add(time), Cell::new((start, 0)));
        let left = || {
            let now = clock.steady();
            let times = if last.get().0 == now { last.get().1 + 1 } else { 0 };
            last.set((now, times));
            // This would wait forever.
            if times > STANDS_STILL { Duration::ZERO } else { end.saturating_sub(now) }
        };
        self.park(action, || None::<()>, left, |time| clock.sleep(time)).map(drop)
    }

    /// Waits at most `time` until `ready` returns a value; returns `None` if the time is up.
    /// Another thread must unpark this one after it changed what `ready` returns.
    ///
    /// # Errors
    ///
    /// `Cancelled` if it was interrupted.
    pub(crate) fn until<T>(
        &self,
        time: Duration,
        action: &str,
        ready: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>> {
        let now = Instant::now();
        let end = now.checked_add(time).unwrap_or(now + CENTURY);
        let left = || end.saturating_duration_since(Instant::now());
        self.park(action, ready, left, thread::park_timeout)
    }

    fn park<T>(
        &self,
        action: &str,
        mut ready: impl FnMut() -> Option<T>,
        left: impl Fn() -> Duration,
        park: impl Fn(Duration),
    ) -> Result<Option<T>> {
        let interrupt = self.interrupt.as_ref();
        let process = Process::current();
        let _waiting = interrupt.map(Interrupt::register);
        loop {
            if interrupt.is_some_and(Interrupt::is_triggered) {
                return Err(Error::cancelled(action));
            }
            if let Some(value) = ready() {
                return Ok(Some(value));
            }
            let left = left();
            if left.is_zero() {
                return Ok(None);
            }
            match interrupt.filter(|interrupt| interrupt.has_check()) {
                None => park(left),
                Some(interrupt) => {
                    park(left.min(CHECK_EVERY));
                    interrupt.run_check();
                    if process != Process::current() {
                        // The check forked. The child does not have the threads that this one waits
                        // for, and they may have held locks.
                        return Err(Error::cancelled(action).with_advice(FORKED));
                    }
                }
            }
        }
    }

    /// Returns when the time is up.
    pub(crate) fn deadline(&self) -> Instant {
        self.at
    }

    /// Returns the time that is left, zero if it is up.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}

/// Returns a waker that unparks the calling thread.
pub(crate) fn this_thread() -> Waker {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Creates the error for a phase of a call that took longer than its limit.
pub(crate) fn timed_out(action: &str, phase: &str, limit: Option<Duration>) -> Error {
    let limit = limit.map(|limit| format!(" after {} s", limit.as_secs_f64())).unwrap_or_default();
    Error::new(ErrorKind::Timeout, format!("cannot {action}: {phase} timed out{limit}"))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::sys::clock::SystemClock;

    const LONG: Duration = Duration::from_secs(60);

    fn wait(interrupt: &Interrupt) -> Wait {
        Wait::new(LONG).interrupted_by(Some(interrupt.clone()))
    }

    #[test]
    fn an_interrupt_ends_a_wait_that_is_under_way_and_those_to_come() {
        let interrupt = Interrupt::new();
        let wait = wait(&interrupt);
        let waiter = thread::spawn(move || {
            let first = wait.until(LONG, "test", || None::<()>).unwrap_err().kind();
            (first, wait.until(LONG, "test", || Some(())).unwrap_err().kind())
        });
        while !interrupt.has_waiters() {
            thread::yield_now();
        }
        interrupt.trigger();
        assert_eq!(waiter.join().unwrap(), (ErrorKind::Cancelled, ErrorKind::Cancelled));
        assert!(!interrupt.has_waiters());
    }

    #[test]
    fn a_check_ends_the_wait_of_the_thread_that_runs_it() {
        let this = thread::current().id();
        let interrupt = Interrupt::checking(move || thread::current().id() == this);
        assert!(wait(&interrupt).until(LONG, "test", || None::<()>).is_err());
        assert!(interrupt.is_triggered());
    }

    #[test]
    fn a_wait_ends_when_its_time_is_up_or_its_value_is_ready() {
        let wait = Wait::new(Duration::from_millis(5));
        assert_eq!(wait.until(Duration::from_millis(5), "test", || None::<()>).unwrap(), None);
        assert_eq!(wait.until(LONG, "test", || Some(7)).unwrap(), Some(7));
        let error = wait.remaining("test").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.to_string(), "cannot test: the call timed out after 0.005 s");
    }

    #[test]
    fn a_stray_wake_up_does_not_end_a_pause_on_a_coarse_clock() {
        /// Ticks every 40 ms.
        #[derive(Debug)]
        struct Coarse;
        impl Clock for Coarse {
            fn steady(&self) -> Duration {
                let now = SystemClock.steady().as_millis() as u64;
                Duration::from_millis(now / 40 * 40)
            }
            fn wall(&self) -> SystemTime {
                SystemTime::now()
            }
            fn epoch(&self) -> Option<String> {
                None
            }
            fn sleep(&self, duration: Duration) {
                SystemClock.sleep(duration);
            }
        }
        let started = Coarse.steady();
        thread::current().unpark();
        Wait::new(LONG).pause(&Coarse, Duration::from_millis(80), "test").unwrap();
        assert!(Coarse.steady() - started >= Duration::from_millis(80));
    }

    #[test]
    fn time_taken_before_a_wait_starts_counts() {
        assert!(Wait::new(LONG).less(LONG / 2).left() <= LONG / 2);
        assert!(Wait::new(LONG).less(LONG).remaining("test").is_err());
        assert!(Wait::new(LONG).extended_by(LONG).left() > LONG);
    }

    #[test]
    fn the_longest_limit_does_not_overflow() {
        assert!(Wait::new(Duration::MAX).remaining("test").is_ok());
        assert!(Wait::new(LONG).until(Duration::MAX, "test", || Some(())).is_ok());
    }
}
