//! Allows one attempt at a time. Callers that ask while one is under way wait for its result
//! instead of making another. If it ends without a result, because it panicked or its caller
//! cancelled, one of the waiting callers takes over.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::sys::per_process::Process;
use crate::sys::signal_mask;
use crate::sys::wait::{Wait, this_thread};
use crate::types::error::Result;

/// The thread that wakes tasks in time, and its stack in bytes.
const TIMER: &str = "emnify-timer";
const STACK: usize = 64 * 1024;

/// Lets one thread make the attempt, and gives its result to all threads that asked meanwhile.
#[derive(Debug)]
pub(crate) struct SingleFlight<T> {
    progress: Mutex<Progress<T>>,
    /// Tells the thread that wakes tasks in time.
    changed: Condvar,
    /// Woken when an attempt ends.
    at_end: Waker,
}

#[derive(Debug)]
struct Progress<T> {
    under_way: bool,
    /// The number of attempts that ended, by which a waiter recognises the end of the one it waits
    /// for.
    ended: u64,
    /// The result of the attempt that ended last, if it had one.
    result: Option<T>,
    /// The threads and tasks that wait for the attempt that is under way.
    waiting: Vec<Waker>,
    /// When the first of the tasks among them has waited for long enough.
    first_deadline: Option<Instant>,
    /// A thread wakes them then, since they have no timer.
    is_timed: bool,
}

/// The result of asking for an attempt.
pub(crate) enum Start<T: Clone> {
    /// No attempt was under way: the caller makes it.
    Ours(Arc<Attempt<T>>),
    /// The attempt that is under way, by the number of those that ended before it.
    UnderWay(u64),
}

/// The result of joining.
pub(crate) enum Flight<T: Clone> {
    /// No attempt is under way: the caller makes it.
    Ours(Arc<Attempt<T>>),
    /// The result of the attempt that was under way; `None` if it ended without one.
    Awaited(Option<T>),
    /// The time is up; the attempt continues for the others.
    TimedOut,
}

/// The right to make the attempt. The attempt ends with `finish`, or when the last reference is
/// dropped, also during a panic.
pub(crate) struct Attempt<T: Clone> {
    process: Process,
    flight: Arc<SingleFlight<T>>,
    has_ended: AtomicBool,
}

impl<T: Clone> SingleFlight<T> {
    /// `at_end` is woken whenever an attempt ends, with or without a result.
    pub(crate) fn new(at_end: Waker) -> Arc<Self> {
        let progress = Progress {
            under_way: false,
            ended: 0,
            result: None,
            waiting: Vec::new(),
            first_deadline: None,
            is_timed: false,
        };
        Arc::new(SingleFlight { progress: Mutex::new(progress), changed: Condvar::new(), at_end })
    }

    /// Begins an attempt, unless one is under way.
    pub(crate) fn start(self: &Arc<Self>) -> Start<T> {
        let mut progress = self.lock();
        if progress.under_way {
            return Start::UnderWay(progress.ended);
        }
        progress.under_way = true;
        let (flight, has_ended) = (Arc::clone(self), AtomicBool::new(false));
        Start::Ours(Arc::new(Attempt { process: Process::current(), flight, has_ended }))
    }

    /// Begins an attempt; `None` if one is under way.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Arc<Attempt<T>>> {
        match self.start() {
            Start::Ours(attempt) => Some(attempt),
            Start::UnderWay(_) => None,
        }
    }

    /// Returns whether an attempt is under way, and how many have ended.
    pub(crate) fn progress(&self) -> (bool, u64) {
        let progress = self.lock();
        (progress.under_way, progress.ended)
    }

    /// Returns the result of that attempt once it has ended. Until then `waker` is woken at its end.
    pub(crate) fn poll(&self, attempt: u64, waker: &Waker) -> Option<Option<T>> {
        let mut progress = self.lock();
        if progress.ended != attempt {
            return Some(progress.result.clone());
        }
        if !progress.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            progress.waiting.push(waker.clone());
        }
        None
    }

    /// Wakes all that wait, so that they look whether they still may.
    pub(crate) fn wake_waiting(&self) {
        let waiting = mem::take(&mut self.lock().waiting);
        wake(waiting);
    }

    /// Begins an attempt, or waits for the one that is under way.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the wait was interrupted, `Timeout` if there was no time left.
    pub(crate) fn join(self: &Arc<Self>, wait: &Wait, action: &str) -> Result<Flight<T>> {
        let left = wait.remaining(action)?;
        let process = Process::current();
        let attempt = match self.start() {
            Start::Ours(attempt) => return Ok(Flight::Ours(attempt)),
            Start::UnderWay(attempt) => attempt,
        };
        let waker = this_thread();
        let ended = wait.until(left, action, || self.poll(attempt, &waker));
        if let Ok(Some(result)) = ended {
            return Ok(Flight::Awaited(result));
        }
        // In a forked child, the mutex may be locked by a thread that does not exist there.
        if process == Process::current() {
            self.lock().waiting.retain(|waiting| !waiting.will_wake(&waker));
        }
        ended.map(|_| Flight::TimedOut)
    }

    /// Whether `count` threads wait for the attempt that is under way.
    #[cfg(test)]
    pub(crate) fn has_waiters(&self, count: usize) -> bool {
        self.lock().waiting.len() == count
    }

    fn end(&self, result: Option<T>, at_end: Option<&Waker>) {
        let mut progress = self.lock();
        progress.under_way = false;
        progress.ended = progress.ended.wrapping_add(1);
        progress.result = result;
        let mut waiting = mem::take(&mut progress.waiting);
        waiting.extend(at_end.cloned());
        drop(progress);
        self.changed.notify_all();
        wake(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, Progress<T>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Send + 'static> SingleFlight<T> {
    /// Wakes the waiting tasks at that time, if the attempt has not ended by then.
    pub(crate) fn wake_at(self: &Arc<Self>, deadline: Instant) {
        let mut progress = self.lock();
        let first = progress.first_deadline.map_or(deadline, |first| first.min(deadline));
        progress.first_deadline = Some(first);
        if mem::replace(&mut progress.is_timed, true) {
            return self.changed.notify_all();
        }
        drop(progress);
        let flight = Arc::clone(self);
        let started = signal_mask::start(TIMER, STACK, Box::new(move || flight.wake_in_time()));
        if started.is_err() {
            // The next task tries again; the end of the attempt wakes all in any case.
            self.lock().is_timed = false;
        }
    }

    /// Wakes the waiting tasks when the time of one is up, until the attempt ends.
    fn wake_in_time(&self) {
        let mut progress = self.lock();
        while progress.under_way {
            let left =
                progress.first_deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                // Those whose time is not up set it again.
                progress.first_deadline = None;
                let waiting = mem::take(&mut progress.waiting);
                drop(progress);
                wake(waiting);
                progress = self.lock();
                continue;
            }
            let waited = self.changed.wait_timeout(progress, left.unwrap_or(Duration::MAX));
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        progress.first_deadline = None;
        progress.is_timed = false;
    }
}

fn wake(waiting: Vec<Waker>) {
    for waker in waiting {
        // A waker that panics, which is the runtime's fault, must not keep the others asleep.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

impl<T: Clone> Attempt<T> {
    /// Ends the attempt with its result, which all waiting callers get. Only the first call counts.
    pub(crate) fn finish(&self, result: T) {
        self.end(Some(result), Some(&self.flight.at_end));
    }

    /// Ends the attempt without a result: one of the waiting callers takes over.
    pub(crate) fn abandon(&self) {
        self.end(None, Some(&self.flight.at_end));
    }

    /// Ends an attempt that was not made, for its own caller, who must not be woken to try again:
    /// that would be endless.
    pub(crate) fn withdraw(&self) {
        self.end(None, None);
    }

    fn end(&self, result: Option<T>, at_end: Option<&Waker>) {
        // In a forked child, the attempt is still the parent's.
        let is_ours = self.process == Process::current();
        if is_ours && !self.has_ended.swap(true, Ordering::AcqRel) {
            self.flight.end(result, at_end);
        }
    }
}

impl<T: Clone> Drop for Attempt<T> {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl<T: Clone> fmt::Debug for Attempt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests;
