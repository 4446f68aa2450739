//! Events are kept until a caller comes by: they go to the observer on that caller's thread, or are
//! taken by the program.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::per_process::PerProcess;
use crate::types::event::Event;

/// How many events are kept; older ones are dropped.
const MOST_KEPT: usize = 64;

/// Who is told. It is called on the thread of whoever calls the client, with no lock held, and may
/// call the client itself.
pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Events on their way to the observer.
pub(crate) struct Events {
    observer: Option<Observer>,
    wants_expiry: bool,
    /// Saves all callers but the first after an event the way to the queue.
    waiting: AtomicBool,
    queue: PerProcess<Mutex<VecDeque<Event>>>,
}

impl Events {
    pub(crate) fn new(observer: Option<Observer>, wants_expiry: bool) -> Self {
        let (waiting, queue) = (AtomicBool::new(false), PerProcess::new());
        Events { observer, wants_expiry, waiting, queue }
    }

    /// Those of another session, for the same observer.
    pub(crate) fn for_another(&self) -> Self {
        Events::new(self.observer.clone(), self.wants_expiry)
    }

    /// Whether emnify is asked when the application token expires, to tell it.
    pub(crate) fn wants_expiry(&self) -> bool {
        self.wants_expiry
    }

    /// Keeps the event until it is delivered or taken.
    pub(crate) fn push(&self, event: Event) {
        let mut queue = self.queue().lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= MOST_KEPT {
            queue.pop_front();
        }
        queue.push_back(event);
        self.waiting.store(true, Ordering::Relaxed);
    }

    /// Hands the events to the observer, on this thread.
    pub(crate) fn deliver(&self) {
        let Some(observer) = &self.observer else { return };
        while let Some(event) = self.pop() {
            observer(&event);
        }
    }

    /// Takes the oldest event, unless an observer gets them.
    pub(crate) fn take(&self) -> Option<Event> {
        if self.observer.is_some() { None } else { self.pop() }
    }

    fn pop(&self) -> Option<Event> {
        if !self.waiting.load(Ordering::Relaxed) {
            return None;
        }
        let mut queue = self.queue().lock().unwrap_or_else(PoisonError::into_inner);
        let event = queue.pop_front();
        self.waiting.store(!queue.is_empty(), Ordering::Relaxed);
        event
    }

    fn queue(&self) -> &Mutex<VecDeque<Event>> {
        self.queue.get_or_init(|| Mutex::new(VecDeque::new()))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::types::event::EventKind;

    #[test]
    fn events_wait_for_a_caller_and_are_delivered_once() {
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
}
