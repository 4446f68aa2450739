//! Keeps a session signed in on a thread, without calls: if the program wants that, or for its event
//! loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

#[cfg(unix)]
use crate::http::transport_error::exhausted;
use crate::session::Session;
use crate::session::background::{STACK, no_thread};
use crate::session::policy::{Decision, Need};
use crate::sys::interrupt::Interrupt;
use crate::sys::per_process::PerProcess;
use crate::sys::signal_mask;
use crate::types::error::Result;

/// The longest sleep of the thread that keeps a session signed in. Its timer stands still while the
/// machine is suspended, and nothing wakes it when the credential's file changes, or when another
/// process has signed in a user who must enter a code.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How long it sleeps after a failure that sets no wait, such as a credential file that cannot be
/// read.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The thread of each process that keeps the session signed in.
#[derive(Debug)]
pub(crate) struct Upkeep {
    thread: PerProcess<Keeper>,
    /// The client was cancelled or dropped.
    is_over: AtomicBool,
    /// Triggered when the client was cancelled, which ends sign-ins in the background, too.
    cancelled: Interrupt,
}

#[derive(Debug, Default)]
struct Keeper {
    is_running: AtomicBool,
    is_woken: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Upkeep {
    pub(crate) fn new() -> Self {
        let cancelled = Interrupt::between_exchanges();
        Upkeep { thread: PerProcess::new(), is_over: AtomicBool::new(false), cancelled }
    }

    /// Lets the thread look again at what there is to do.
    pub(crate) fn wake(&self) {
        if let Some(keeper) = self.thread.get() {
            keeper.is_woken.store(true, Ordering::Release);
            keeper.lock().iter().for_each(Thread::unpark);
        }
    }

    /// Returns what is triggered when the client is cancelled.
    pub(super) fn interrupt(&self) -> &Interrupt {
        &self.cancelled
    }

    /// Ends the thread, without waiting for it.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.wake();
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.end();
    }
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Option<Thread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Keeps the session signed in, on a thread of this process.
    ///
    /// # Errors
    ///
    /// `Resource` if no thread can be created.
    pub(crate) fn keep_signed_in(self: &Arc<Self>) -> Result<()> {
        let keeper = self.upkeep.thread.get_or_init(Keeper::default);
        if keeper.is_running.load(Ordering::Relaxed)
            || self.upkeep.is_over.load(Ordering::Acquire)
            || keeper.is_running.swap(true, Ordering::AcqRel)
        {
            return Ok(());
        }
        let session = Arc::downgrade(self);
        let keep = Box::new(move || keep(&session));
        signal_mask::start("emnify-renew", STACK, keep).map_err(|error| {
            keeper.is_running.store(false, Ordering::Release);
            no_thread(&error)
        })
    }

    /// Returns the number of the descriptor that an event loop watches, and keeps the session signed
    /// in for it.
    #[cfg(unix)]
    pub(crate) fn descriptor(self: &Arc<Self>) -> Result<std::os::fd::RawFd> {
        let descriptor =
            self.parts.events.descriptor().map_err(|error| {
                exhausted("cannot create a descriptor for the event loop", &error)
            })?;
        self.keep_signed_in()?;
        Ok(descriptor.number())
    }

    /// Makes that descriptor unreadable for ever, and no longer keeps the session signed in for it.
    pub(crate) fn retire_descriptor(&self) {
        self.parts.events.retire_descriptor();
        if !self.parts.auto_renew {
            self.upkeep.end();
        }
    }

    /// Clears that descriptor, and passes the events to the observer, on this thread.
    pub(crate) fn process(&self) {
        // In this order, so that an event that comes meanwhile sets it again.
        self.parts.events.clear_descriptor();
        self.parts.events.deliver();
    }

    /// Starts nothing in the background from now on, ends the thread that keeps the session signed
    /// in, and lets tasks that wait for a sign-in see that their client was cancelled.
    pub(crate) fn cancelled(&self) {
        self.upkeep.cancelled.trigger();
        self.upkeep.end();
        self.flight().wake_waiting();
    }

    /// Makes an attempt if one is due. Returns how long to sleep until the next one may be.
    fn maintain(self: &Arc<Self>) -> Duration {
        let (state, now) = (self.state.load_full(), self.now());
        let changed = || self.parts.credential.changed();
        let until = match state.decide(Need::Valid, now, changed) {
            Decision::BackingOff(until) => until,
            Decision::HandOut => state.next_renewal(now, changed),
            _ if self.needs_person(&state) => return LONGEST_SLEEP,
            _ => {
                let failed = match self.flight().begin() {
                    Some(attempt) => self.sign_in_unattended(&attempt).err(),
                    // Another thread signs in: look again afterwards.
                    None => return Duration::from_secs(1),
                };
                return failed
                    .map_or(Duration::ZERO, |error| error.retry_after().unwrap_or(AFTER_FAILURE));
            }
        };
        until.saturating_sub(now)
    }
}

/// Keeps the session signed in until it is dropped or its client is cancelled.
fn keep(session: &Weak<Session>) {
    while let Some(session) = session.upgrade() {
        let keeper = session.upkeep.thread.get_or_init(Keeper::default);
        *keeper.lock() = Some(thread::current());
        if session.upkeep.is_over.load(Ordering::Acquire) {
            return;
        }
        let sleep = session.maintain();
        let is_woken = keeper.is_woken.swap(false, Ordering::AcqRel);
        drop(session);
        if !is_woken {
            thread::park_timeout(sleep.min(LONGEST_SLEEP));
        }
    }
}
