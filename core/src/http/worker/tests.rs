use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use super::*;
use crate::sys::interrupt::Interrupt;

const LONG: Duration = Duration::from_secs(60);

/// Enough for a thread to start, also on a busy machine.
const SHORT: Duration = Duration::from_millis(300);

/// Work that ends when the test sends its result, and a channel for late results.
struct Exchange {
    interrupt: Interrupt,
    end: Sender<u32>,
    ended: Option<Receiver<u32>>,
    late: Sender<u32>,
    was_late: Receiver<u32>,
}

impl Exchange {
    fn new() -> Self {
        let ((end, ended), (late, was_late)) = (channel(), channel());
        Exchange { interrupt: Interrupt::new(), end, ended: Some(ended), late, was_late }
    }

    /// Runs it; `begun` is called on the worker.
    fn run(
        &mut self,
        workers: &Workers,
        limit: Duration,
        begun: impl FnOnce() + Send + 'static,
    ) -> Result<u32> {
        let wait = Wait::new(limit).interrupted_by(Some(self.interrupt.clone()));
        let (ended, late) = (self.ended.take().unwrap(), self.late.clone());
        let work = move || {
            begun();
            ended.recv().unwrap()
        };
        workers.run(&wait, "test", work, move |value| late.send(value).unwrap())
    }
}

#[test]
fn a_caller_that_waits_gets_the_result() {
    let (workers, mut exchange) = (Workers::new(1), Exchange::new());
    exchange.end.send(7).unwrap();
    assert_eq!(exchange.run(&workers, LONG, || {}).unwrap(), 7);
    drop(exchange.late);
    assert!(exchange.was_late.recv().is_err());
}

#[test]
fn a_result_after_its_caller_was_cancelled_goes_to_the_handler() {
    let (workers, mut exchange) = (Workers::new(1), Exchange::new());
    let interrupt = exchange.interrupt.clone();
    let result = exchange.run(&workers, LONG, move || interrupt.trigger());
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    exchange.end.send(7).unwrap();
    assert_eq!(exchange.was_late.recv(), Ok(7));
}

#[test]
fn the_caller_of_an_exchange_that_hangs_returns_when_the_time_is_up() {
    let (workers, mut exchange) = (Workers::new(1), Exchange::new());
    let error = exchange.run(&workers, SHORT, || {}).unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Timeout, true));
    exchange.end.send(7).unwrap();
    assert_eq!(exchange.was_late.recv(), Ok(7));
}

#[test]
fn a_short_wait_is_not_much_exceeded() {
    let (workers, mut exchange) = (Workers::new(1), Exchange::new());
    let started = Instant::now();
    exchange.run(&workers, Duration::from_millis(100), || {}).unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(190), "{:?}", started.elapsed());
    exchange.end.send(7).unwrap();
}

#[test]
fn work_that_gets_no_thread_in_time_is_not_begun() {
    let (workers, mut first) = (Workers::new(1), Exchange::new());
    let mut second = Exchange::new();
    let error = first.run(&workers, SHORT, || {}).unwrap_err();
    assert!(error.was_sent());
    let error = second.run(&workers, Duration::from_millis(5), || unreachable!()).unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Timeout, false));
    assert!(error.to_string().ends_with("a free thread timed out after 0.005 s"), "{error}");
    first.end.send(7).unwrap();
    assert_eq!(first.was_late.recv(), Ok(7));
    let mut third = Exchange::new();
    third.end.send(9).unwrap();
    assert_eq!(third.run(&workers, LONG, || {}).unwrap(), 9, "the thread is still there");
}

#[test]
fn a_thread_is_kept_for_the_next_exchange() {
    let workers = Workers::new(64);
    let wait = Wait::new(LONG).interrupted_by(Some(Interrupt::new()));
    let run = || workers.run(&wait, "test", || thread::current().id(), drop).unwrap();
    let first = run();
    while workers.pool().lock().idle == 0 {
        thread::yield_now();
    }
    assert_eq!(run(), first);
}

#[test]
fn a_panic_is_an_error_and_the_thread_survives() {
    let workers = Workers::new(1);
    let wait = Wait::new(LONG).interrupted_by(Some(Interrupt::new()));
    let result = workers.run(&wait, "test", || panic!("a fault"), |()| {});
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(workers.run(&wait, "test", || 7, drop).unwrap(), 7);
}

#[test]
fn a_call_that_is_queued_when_there_is_no_thread_fails_at_once() {
    // The pool creates no thread, as if creating one had failed.
    let (workers, mut exchange) = (Workers::new(0), Exchange::new());
    thread::scope(|scope| {
        let caller = scope.spawn(|| exchange.run(&workers, LONG, || unreachable!()));
        while workers.pool().lock().jobs.is_empty() {
            thread::yield_now();
        }
        workers.pool().lock().jobs.clear();
        let error = caller.join().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Resource, false), "{error}");
    });
}
