use std::thread;
use std::time::Duration;

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// Counts how often it is woken.
struct Count(std::sync::atomic::AtomicU32);

impl std::task::Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn join(flight: &Arc<SingleFlight<u32>>, limit: Duration) -> Flight<u32> {
    flight.join(&Wait::new(limit), "test").unwrap()
}

#[test]
fn one_thread_works_and_all_get_its_result() {
    let flight = SingleFlight::new(Waker::noop().clone());
    let Flight::Ours(attempt) = join(&flight, LONG) else { panic!("it is already under way") };
    thread::scope(|scope| {
        let waiter = scope.spawn(|| join(&flight, LONG));
        while !flight.has_waiters(1) {
            thread::yield_now();
        }
        attempt.finish(7);
        assert!(matches!(waiter.join(), Ok(Flight::Awaited(Some(7)))));
    });
    assert!(flight.begin().is_some());
}

#[test]
fn dropping_the_last_reference_to_an_attempt_wakes_the_waiters() {
    let flight = SingleFlight::new(Waker::noop().clone());
    let Flight::Ours(attempt) = join(&flight, LONG) else { panic!("it is already under way") };
    // The handler of a late response holds the other reference.
    let other = Arc::clone(&attempt);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| join(&flight, LONG));
        while !flight.has_waiters(1) {
            thread::yield_now();
        }
        drop(attempt);
        assert!(flight.begin().is_none());
        drop(other);
        assert!(matches!(waiter.join(), Ok(Flight::Awaited(None))));
    });
    assert!(matches!(join(&flight, LONG), Flight::Ours(_)));
}

#[test]
fn a_waiter_whose_time_is_up_does_not_end_the_attempt() {
    let flight = SingleFlight::new(Waker::noop().clone());
    let _attempt = flight.begin().unwrap();
    assert!(matches!(join(&flight, Duration::from_millis(1)), Flight::TimedOut));
    assert!(flight.has_waiters(0) && flight.begin().is_none());
}

#[test]
fn a_waker_that_panics_does_not_keep_the_others_asleep() {
    struct Panic;
    impl std::task::Wake for Panic {
        fn wake(self: Arc<Self>) {
            panic!("a fault of a runtime");
        }
    }
    let flight = SingleFlight::new(Waker::noop().clone());
    let attempt = flight.begin().unwrap();
    let woken = Arc::new(Count(0.into()));
    for waker in [Arc::new(Panic).into(), Arc::clone(&woken).into()] {
        assert!(flight.poll(0, &waker).is_none());
    }
    attempt.finish(7);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
}

#[test]
fn the_end_of_each_attempt_that_was_made_wakes_the_watcher() {
    let woken = Arc::new(Count(0.into()));
    let flight = SingleFlight::new(Arc::clone(&woken).into());
    flight.begin().unwrap().finish(7);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    drop(flight.begin());
    assert_eq!(woken.0.load(Ordering::SeqCst), 2);
    flight.begin().unwrap().withdraw();
    assert_eq!(woken.0.load(Ordering::SeqCst), 2);
}
