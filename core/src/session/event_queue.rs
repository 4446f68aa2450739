//! Keeps events until the next call passes them to the observer, on the calling thread, or the
//! program takes them. Tells an event loop that watches the session's descriptor.

use std::collections::VecDeque;
use std::fmt;
#[cfg(unix)]
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::thread::{self, ThreadId};

#[cfg(unix)]
use crate::sys::descriptor::Descriptor;
use crate::sys::per_process::PerProcess;
use crate::sys::trace;
use crate::types::event::Event;

/// The number of events that are kept; older ones are dropped.
const MOST_KEPT: usize = 64;

/// The program's function that receives events. It is called on a thread that calls the client,
/// without any lock held, and may call the client itself.
pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// The events of a session.
pub(crate) struct Events {
    observer: Option<Observer>,
    wants_expiry: bool,
    /// Whether the queue has events, so that most calls need not lock it.
    waiting: AtomicBool,
    queue: PerProcess<Mutex<Queue>>,
    /// For an event loop, if the program has one.
    #[cfg(unix)]
    descriptor: PerProcess<Descriptor>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// The threads that pass events on, each with the event that it passes on now.
    delivering: Vec<(ThreadId, Option<Event>)>,
}

impl Queue {
    fn delivery(&mut self) -> Option<&mut (ThreadId, Option<Event>)> {
        let this = thread::current().id();
        self.delivering.iter_mut().find(|(thread, _)| *thread == this)
    }

    /// Whether a function that receives events caused this one, and it tells nothing new.
    fn is_repetition(&mut self, event: &Event) -> bool {
        let Some((_, current)) = self.delivery() else { return false };
        current.iter().any(|current| current.is_like(event))
            || self.events.iter().any(|waiting| waiting.is_like(event))
    }
}

impl Events {
    pub(crate) fn new(observer: Option<Observer>, wants_expiry: bool) -> Self {
        Events {
            observer,
            wants_expiry,
            waiting: AtomicBool::new(false),
            queue: PerProcess::new(),
            #[cfg(unix)]
            descriptor: PerProcess::new(),
        }
    }

    /// Creates an empty queue for another session, with the same observer.
    pub(crate) fn for_another(&self) -> Self {
        Events::new(self.observer.clone(), self.wants_expiry)
    }

    /// Whether the application token's expiry is looked up for an event about it.
    pub(crate) fn wants_expiry(&self) -> bool {
        self.wants_expiry
    }

    /// Keeps the event until it is delivered or taken.
    pub(crate) fn push(&self, event: Event) {
        trace::event(&event);
        let mut queue = self.lock();
        if queue.is_repetition(&event) {
            return;
        }
        if queue.events.len() >= MOST_KEPT {
            queue.events.pop_front();
        }
        queue.events.push_back(event);
        self.waiting.store(true, Ordering::Relaxed);
        drop(queue);
        self.wake_event_loop();
    }

    /// Returns the descriptor that an event loop of this process watches, and creates it at the
    /// first call. It is readable if there are events.
    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> io::Result<&Descriptor> {
        if let Some(descriptor) = self.descriptor.get() {
            return Ok(descriptor);
        }
        let descriptor = self.descriptor.get_or_try_init(Descriptor::new)?;
        // With the lock, and after `push` can see the descriptor: either it sets it, or this does.
        if !self.lock().events.is_empty() {
            descriptor.set();
        }
        Ok(descriptor)
    }

    /// Makes the descriptor readable, if there is one.
    pub(crate) fn wake_event_loop(&self) {
        #[cfg(unix)]
        self.descriptor.get().into_iter().for_each(Descriptor::set);
    }

    /// Makes the descriptor unreadable for ever.
    pub(crate) fn retire_descriptor(&self) {
        #[cfg(unix)]
        self.descriptor.get().into_iter().for_each(Descriptor::retire);
    }

    /// Makes the descriptor unreadable until something else happens.
    pub(crate) fn clear_descriptor(&self) {
        #[cfg(unix)]
        self.descriptor.get().into_iter().for_each(Descriptor::clear);
    }

    /// Passes the events to the observer, on this thread. A panic of the observer ends here: the
    /// call that delivers the event may have succeeded.
    pub(crate) fn deliver(&self) {
        let Some(observer) = &self.observer else { return };
        self.deliver_to(|event| {
            let _ = catch_unwind(AssertUnwindSafe(|| observer(event)));
            true
        });
    }

    /// Passes the events that wait now to `receive`, on this thread, until it returns false. The
    /// events of its own calls wait for the next call, and those that repeat one are dropped: a
    /// function that tries again after each failure would otherwise be called without end.
    pub(crate) fn deliver_to(&self, mut receive: impl FnMut(&Event) -> bool) {
        let Some(delivery) = Delivery::begin(self) else { return };
        for _ in 0..delivery.events {
            let Some(event) = self.pop() else { return };
            if let Some((_, current)) = self.lock().delivery() {
                *current = Some(event.clone());
            }
            if !receive(&event) {
                return;
            }
        }
    }

    /// Takes the oldest event; `None` if there is none, or if an observer receives the events.
    pub(crate) fn take(&self) -> Option<Event> {
        if self.observer.is_some() { None } else { self.pop() }
    }

    fn pop(&self) -> Option<Event> {
        if !self.waiting.load(Ordering::Relaxed) {
            return None;
        }
        let mut queue = self.lock();
        let event = queue.events.pop_front();
        self.waiting.store(!queue.events.is_empty(), Ordering::Relaxed);
        event
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        let queue = self.queue.get_or_init(Mutex::default);
        queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Events {
    fn wake(self: Arc<Self>) {
        self.wake_event_loop();
    }
}

/// The calling thread passes events on until this is dropped, also by a panic.
struct Delivery<'a> {
    queue: &'a Events,
    /// How many there were at its beginning.
    events: usize,
}

impl<'a> Delivery<'a> {
    /// Returns `None` if there are no events, or if this thread is passing one on.
    fn begin(queue: &'a Events) -> Option<Self> {
        if !queue.waiting.load(Ordering::Relaxed) {
            return None;
        }
        let mut locked = queue.lock();
        if locked.delivery().is_some() {
            return None;
        }
        locked.delivering.push((thread::current().id(), None));
        Some(Delivery { queue, events: locked.events.len() })
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        let this = thread::current().id();
        self.queue.lock().delivering.retain(|(thread, _)| *thread != this);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::SystemTime;

    use super::*;
    use crate::types::event::EventKind;

    #[test]
    fn a_panic_of_the_observer_ends_there() {
        let count = Arc::new(AtomicU32::new(0));
        let observer = {
            let count = Arc::clone(&count);
            Arc::new(move |_: &Event| {
                if count.fetch_add(1, Ordering::SeqCst) < 2 {
                    std::panic::resume_unwind(Box::new("in the observer"));
                }
            }) as Observer
        };
        let events = Events::new(Some(observer), true);
        events.push(Event::plain(EventKind::Authenticated));
        events.push(Event::plain(EventKind::Adopted));
        events.deliver();
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn events_are_kept_until_a_call_delivers_them_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observer = {
            let seen = Arc::clone(&seen);
            Arc::new(move |event: &Event| seen.lock().unwrap().push(event.to_string())) as Observer
        };
        let events = Events::new(Some(observer), true);
        for _ in 0..MOST_KEPT + 1 {
            events.push(Event::expiring(EventKind::Authenticated, SystemTime::UNIX_EPOCH));
        }
        assert!(seen.lock().unwrap().is_empty());
        events.deliver();
        events.deliver();
        assert_eq!(seen.lock().unwrap().len(), MOST_KEPT);
    }

    #[cfg(unix)]
    #[test]
    fn an_event_that_comes_while_the_descriptor_is_created_makes_it_readable() {
        use std::sync::Barrier;
        use std::thread;

        for round in 0..1_000_u32 {
            let (events, barrier) = (Events::new(None, false), Barrier::new(2));
            thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..round % 100 * 20).for_each(|_| std::hint::spin_loop());
                    events.push(Event::expiring(EventKind::Authenticated, SystemTime::UNIX_EPOCH));
                });
                barrier.wait();
                events.descriptor().unwrap();
            });
            assert!(events.descriptor().unwrap().is_readable(), "round {round}");
        }
    }
}
