//! The pace of calls. emnify advises 100 ms between the calls of a batch and lets lists through ten
//! times a second; what comes faster is delayed here instead of being refused there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;

/// Calls that may come at once after a pause; from then on, one each [`INTERVAL`].
const BURST: u64 = 25;

/// The same for lists and statistics, which emnify counts more strictly.
const BURST_OF_LISTS: u64 = 5;

/// What emnify advises between the calls of a batch.
const INTERVAL: Duration = Duration::from_millis(100);

/// Spreads the calls of a client, whichever threads make them.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    calls: Lane,
    lists: Lane,
}

/// When the next call would come if they all came evenly, in nanoseconds of the steady clock (the
/// "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug, Default)]
struct Lane(AtomicU64);

impl Pacer {
    /// Takes the next place, and tells how long to wait for it.
    ///
    /// # Errors
    ///
    /// The wait, if that is longer than `patience`; no place is taken then.
    pub(crate) fn place(
        &self,
        method: &Method,
        path: &str,
        now: Duration,
        patience: Duration,
    ) -> Result<Duration, Duration> {
        let wait = self.calls.place(BURST, now, patience)?;
        if is_list(method, path) {
            return Ok(wait.max(self.lists.place(BURST_OF_LISTS, now, patience)?));
        }
        Ok(wait)
    }
}

impl Lane {
    fn place(&self, burst: u64, now: Duration, patience: Duration) -> Result<Duration, Duration> {
        let (now, interval, patience) = (nanos(now), nanos(INTERVAL), nanos(patience));
        let ahead = interval.saturating_mul(burst - 1);
        let wait = |even: u64| even.saturating_sub(now).saturating_sub(ahead);
        let next =
            |even: u64| (wait(even) <= patience).then(|| even.max(now).saturating_add(interval));
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(even) => Ok(Duration::from_nanos(wait(even))),
            Err(even) => Err(Duration::from_nanos(wait(even))),
        }
    }
}

/// A read that ends in a word names a collection or its statistics; one that ends in a number, a
/// single thing.
fn is_list(method: &Method, path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    *method == Method::GET && last.parse::<u64>().is_err()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Makes as many calls one after the other; returns how long they take.
    fn batch(pacer: &Pacer, method: &Method, path: &str, start: Duration, calls: u32) -> Duration {
        let mut now = start;
        for _ in 0..calls {
            now += pacer.place(method, path, now, LONG).unwrap();
        }
        now - start
    }

    #[test]
    fn a_burst_passes_and_a_batch_is_spread() {
        let (get, start) = (Method::GET, Duration::from_secs(1_000));
        for (path, at_once) in
            [("/api/v1/sim", 5), ("/api/v1/sim/7/stats", 5), ("/api/v1/sim/7", 25)]
        {
            let pacer = Pacer::default();
            assert_eq!(batch(&pacer, &get, path, start, at_once), Duration::ZERO, "{path}");
            assert_eq!(batch(&pacer, &get, path, start, 10), 10 * INTERVAL, "{path}");
            let later = start + LONG;
            assert_eq!(batch(&pacer, &get, path, later, at_once), Duration::ZERO, "{path}");
        }
        assert_eq!(
            batch(&Pacer::default(), &Method::POST, "/api/v1/sms", start, 25),
            Duration::ZERO
        );
    }

    #[test]
    fn who_has_no_time_to_wait_takes_no_place() {
        let pacer = Pacer::default();
        let place = |patience| pacer.place(&Method::GET, "/api/v1/sim", Duration::ZERO, patience);
        (0..5).for_each(|_| assert_eq!(place(LONG), Ok(Duration::ZERO)));
        assert_eq!(place(INTERVAL / 2), Err(INTERVAL));
        assert_eq!(place(LONG), Ok(INTERVAL));
        assert_eq!(place(LONG), Ok(2 * INTERVAL));
    }
}
