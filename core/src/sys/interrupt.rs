//! Ends waits early: a cancelled client, a signal, a future that is dropped.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use crate::sys::per_process::PerProcess;

/// Ends waits early. It cannot be reset. Clones are the same interrupt.
#[derive(Clone)]
pub struct Interrupt(Arc<Inner>);

struct Inner {
    is_triggered: AtomicBool,
    ends_exchanges: bool,
    check: Option<Check>,
    /// Triggering this one triggers all that were created within it.
    outer: Option<Interrupt>,
    /// The threads of this process that wait.
    waiting: PerProcess<Mutex<Vec<Thread>>>,
}

type Check = Box<dyn Fn() -> bool + Send + Sync>;

impl Interrupt {
    /// Creates an interrupt that ends every wait, including one for a response.
    #[must_use]
    pub fn new() -> Self {
        Interrupt::create(true, None, None)
    }

    /// Creates an interrupt that ends every wait except one for a response.
    #[must_use]
    pub fn between_exchanges() -> Self {
        Interrupt::create(false, None, None)
    }

    /// Creates an interrupt that ends the same waits as `outer`, which triggers it, too; without
    /// one, every wait except one for a response.
    pub(crate) fn within(outer: Option<Interrupt>) -> Self {
        let ends_exchanges = outer.as_ref().is_some_and(Interrupt::ends_exchanges);
        Interrupt::create(ends_exchanges, None, outer)
    }

    /// Creates an interrupt with a function that a waiting thread calls every 50 ms. If `check`
    /// returns true, the interrupt is triggered.
    pub fn checking(check: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Interrupt::create(true, Some(Box::new(check)), None)
    }

    fn create(ends_exchanges: bool, check: Option<Check>, outer: Option<Interrupt>) -> Self {
        let (is_triggered, waiting) = (AtomicBool::new(false), PerProcess::new());
        Interrupt(Arc::new(Inner { is_triggered, ends_exchanges, check, outer, waiting }))
    }

    /// Ends the current waits in all threads, and every later wait as soon as it starts.
    pub fn trigger(&self) {
        // Either the thread is in the list and is woken, or it sees the flag before it parks.
        self.0.is_triggered.store(true, Ordering::SeqCst);
        self.waiting().iter().for_each(Thread::unpark);
    }

    /// Whether it was triggered.
    #[inline]
    pub fn is_triggered(&self) -> bool {
        self.0.is_triggered.load(Ordering::SeqCst)
            || self.0.outer.as_ref().is_some_and(Interrupt::is_triggered)
    }

    /// Whether a caller that waits for a response returns when this is triggered.
    pub(super) fn ends_exchanges(&self) -> bool {
        self.0.ends_exchanges
    }

    pub(super) fn has_check(&self) -> bool {
        self.0.check.is_some()
    }

    #[cfg(test)]
    pub(super) fn has_waiters(&self) -> bool {
        !self.waiting().is_empty()
    }

    pub(super) fn run_check(&self) {
        if self.0.check.as_ref().is_some_and(|check| check()) {
            self.trigger();
        }
    }

    /// Lets the interrupt wake this thread until the result is dropped.
    pub(super) fn register(&self) -> Waiting<'_> {
        let thread = thread::current();
        self.waiting().push(thread.clone());
        let _outer = self.0.outer.as_ref().map(|outer| Box::new(outer.register()));
        Waiting { interrupt: self, thread, _outer }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Thread>> {
        let waiting = self.0.waiting.get_or_init(|| Mutex::new(Vec::new()));
        waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Interrupt::new()
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt")
            .field("is_triggered", &self.is_triggered())
            .finish_non_exhaustive()
    }
}

/// Triggers an interrupt when it is dropped: the caller has left.
pub(crate) struct TriggerOnDrop(Option<Interrupt>);

impl TriggerOnDrop {
    pub(crate) fn of(interrupt: Option<Interrupt>) -> Self {
        TriggerOnDrop(interrupt)
    }

    /// Triggers the interrupt if the future is dropped before it is ready.
    pub(crate) async fn around<T>(mut self, future: impl Future<Output = T>) -> T {
        let value = future.await;
        self.0 = None;
        value
    }
}

impl Drop for TriggerOnDrop {
    fn drop(&mut self) {
        self.0.iter().for_each(Interrupt::trigger);
    }
}

/// A thread in the list of an interrupt, until it is dropped.
pub(super) struct Waiting<'a> {
    interrupt: &'a Interrupt,
    thread: Thread,
    _outer: Option<Box<Waiting<'a>>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.interrupt.waiting();
        if let Some(index) = waiting.iter().position(|thread| thread.id() == self.thread.id()) {
            waiting.swap_remove(index);
        }
    }
}
