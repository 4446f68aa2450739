//! Events that happen in the background are kept until a caller comes by, and handed over on that
//! caller's thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::per_process::PerProcess;
use crate::types::event::Event;

/// Who does not call for long is told the last of what happened.
const MOST_KEPT: usize = 64;

/// Who is told. It is called on the thread of whoever calls the client, with no lock held, and may
/// call the client itself.
pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Events on their way to the observer.
pub(crate) struct Events {
    observer: Option<Observer>,
    is_asked_for: bool,
    /// Saves all callers but the first after an event the way to the queue.
    waiting: AtomicBool,
    queue: PerProcess<Mutex<VecDeque<Event>>>,
}

impl Events {
    pub(crate) fn new(observer: Option<Observer>, is_asked_for: bool) -> Self {
        let (waiting, queue) = (AtomicBool::new(false), PerProcess::new());
        Events { observer, is_asked_for, waiting, queue }
    }

    /// Those of another session, for the same observer.
    pub(crate) fn for_another(&self) -> Self {
        Events::new(self.observer.clone(), self.is_asked_for)
    }

    /// Whether somebody wants to know what emnify would have to be asked for.
    pub(crate) fn are_asked_for(&self) -> bool {
        self.is_asked_for
    }

    /// Keeps the event until [`Events::deliver`].
    pub(crate) fn push(&self, event: Event) {
        if self.observer.is_none() {
            return;
        }
        let mut queue = self.queue().lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= MOST_KEPT {
            queue.pop_front();
        }
        queue.push_back(event);
        self.waiting.store(true, Ordering::Release);
    }

    /// Hands what happened to the observer, on this thread.
    pub(crate) fn deliver(&self) {
        if !self.waiting.load(Ordering::Relaxed) || !self.waiting.swap(false, Ordering::Acquire) {
            return;
        }
        let Some(observer) = &self.observer else { return };
        let events =
            std::mem::take(&mut *self.queue().lock().unwrap_or_else(PoisonError::into_inner));
        for event in &events {
            observer(event);
        }
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
