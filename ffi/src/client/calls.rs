//! How a client makes its calls, and how they are cancelled. Where it is to be cancellable, a call
//! that may wait is made on a thread of ours, so that its caller can leave.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use emnify_core::errand::{Errand, Leave, News};

use super::callback::{Callers, Job};
use crate::boundary::{Result, emnify_error};

/// The calls of a client, with those of its pages.
pub(crate) struct Calls {
    cancelled: AtomicBool,
    cancellable: bool,
    callers: Callers,
    /// Changed as a whole: a lock could be held at the moment of a fork.
    under_way: ArcSwap<Vec<Arc<dyn Leave>>>,
}

impl Calls {
    pub(crate) fn new(cancellable: bool, callers: Callers) -> Self {
        let (cancelled, under_way) = (AtomicBool::new(false), ArcSwap::default());
        Calls { cancelled, cancellable, callers, under_way }
    }

    /// The same for another client.
    pub(crate) fn for_another(&self) -> Self {
        Calls::new(self.cancellable, self.callers.clone())
    }

    /// The way to the functions of the caller's.
    pub(crate) fn callers(&self) -> &Callers {
        &self.callers
    }

    /// Whether calls may still be made.
    pub(crate) fn check(&self) -> Result {
        if self.is_cancelled() { Err(emnify_error::cancelled()) } else { Ok(()) }
    }

    /// What is cancelled right now may go either way. What must not be missed is looked at with more
    /// care, in `wait`.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Ends the calls that are under way on threads of ours, and lets no other begin.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.under_way.load().iter().for_each(|call| call.leave());
    }

    /// Makes a call. What it brings when its caller has left goes to `unwanted`.
    pub(crate) fn make<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> emnify_core::Result<T> + Send + 'static,
        unwanted: impl FnOnce(T) + Send + 'static,
    ) -> Result<T> {
        self.check()?;
        // One kind of value for all calls, as what makes and awaits them is no small code.
        let call = move || call().map(|value| Box::new(value) as Value);
        let unwanted = move |value: Value| {
            if let Ok(value) = value.downcast() {
                unwanted(*value);
            }
        };
        let value = self.make_any(Box::new(call), Box::new(unwanted))?;
        value.downcast().map(|value| *value).map_err(|_| emnify_error::panicked())
    }

    fn make_any(&self, call: Call, unwanted: Unwanted) -> Result<Value> {
        if !self.cancellable {
            return Ok(call()?);
        }
        match Errand::start(Some(self.callers.lines()), call, unwanted) {
            Ok(errand) => self.wait(&errand),
            // No thread to be had: better a call that cannot be cancelled than none.
            Err(call) => Ok(call()?),
        }
    }

    fn wait(&self, errand: &Errand<Value, Job, ()>) -> Result<Value> {
        let _entry = Entry::new(self, errand.leaver());
        // Either who cancels sees the entry, or this sees that it was cancelled.
        if self.cancelled.load(Ordering::SeqCst) {
            return Err(emnify_error::cancelled());
        }
        loop {
            match errand.next(None) {
                News::Done(Ok(outcome)) => return Ok(outcome?),
                News::Done(Err(_)) | News::Lost => return Err(emnify_error::panicked()),
                News::Left => return Err(emnify_error::cancelled()),
                News::Asked(job) => {
                    job();
                    if errand.is_inherited() {
                        return Err(emnify_error::forked());
                    }
                    errand.answer(Some(()));
                }
                News::Nothing => {}
            }
        }
    }
}

/// What comes of a call, whatever it is.
type Value = Box<dyn Any + Send>;
type Call = Box<dyn FnOnce() -> emnify_core::Result<Value> + Send>;
type Unwanted = Box<dyn FnOnce(Value) + Send>;

/// A call that is under way, among those that can be cancelled.
struct Entry<'a> {
    calls: &'a Calls,
    call: Arc<dyn Leave>,
}

impl<'a> Entry<'a> {
    fn new(calls: &'a Calls, call: Arc<dyn Leave>) -> Self {
        let entry = Entry { calls, call };
        entry.change(|under_way| under_way.push(Arc::clone(&entry.call)));
        entry
    }

    fn change(&self, change: impl Fn(&mut Vec<Arc<dyn Leave>>)) {
        self.calls.under_way.rcu(|under_way| {
            let mut under_way = Vec::clone(under_way);
            change(&mut under_way);
            under_way
        });
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let is_it =
            |other: &Arc<dyn Leave>| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(&self.call));
        self.change(|under_way| under_way.retain(|other| !is_it(other)));
    }
}
