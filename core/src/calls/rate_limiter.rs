//! Limits the rate of calls to what emnify allows. Calls that come faster wait locally, instead of
//! being refused with a 429.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;

use crate::sys::per_process::PerProcess;

/// The limit of all calls: 2,000 in any 300 s for each address (documented). It is used as a burst
/// of 500 and then 5 per second.
const ALL: Limit = Limit { burst: 500, interval: Duration::from_millis(200) };

/// The limit of lists and statistics: 10 per second, a burst of 5 (documented).
const LISTS: Limit = Limit { burst: 5, interval: Duration::from_millis(100) };

/// The limit of calls on single resources: 50 per second, a burst of 25. This is the lower end of
/// what is documented for reads. Nothing is documented for writes, which are counted here too.
const SINGLE: Limit = Limit { burst: 25, interval: Duration::from_millis(20) };

/// Limits the rate of a client's calls, over all its threads.
///
/// A forked child counts its own calls: it has its own lock, since another thread may have held the
/// parent's during the fork.
#[derive(Debug)]
pub(crate) struct RateLimiter(PerProcess<Mutex<Counts>>);

/// For each limit, the time on the steady clock at which the next call would come if all calls came
/// evenly (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug, Default)]
struct Counts {
    all: Duration,
    lists: Duration,
    single: Duration,
}

struct Limit {
    /// How many calls may come at once after a pause.
    burst: u32,
    /// The time between two calls after that.
    interval: Duration,
}

impl RateLimiter {
    pub(crate) fn new() -> Self {
        RateLimiter(PerProcess::new())
    }

    /// Takes the next slot that all limits allow, and returns how long to wait for it.
    ///
    /// # Errors
    ///
    /// The wait, if it is longer than `patience`. No slot is taken then.
    pub(crate) fn reserve(
        &self,
        method: &Method,
        path: &str,
        now: Duration,
        patience: Duration,
    ) -> Result<Duration, Duration> {
        let counts = self.0.get_or_init(Mutex::default);
        // The counts are valid even after a panic of another thread.
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { all, lists, single } = &mut *counts;
        let own = if is_list(method, path) { (LISTS, lists) } else { (SINGLE, single) };
        let limits = [(ALL, all), own];
        let slot = limits.iter().map(|(limit, even)| limit.earliest(**even)).fold(now, Ord::max);
        let wait = slot.saturating_sub(now);
        if wait > patience {
            return Err(wait);
        }
        for (limit, even) in limits {
            *even = (*even).max(slot) + limit.interval;
        }
        Ok(wait)
    }
}

impl Limit {
    /// Returns when the next call may come.
    fn earliest(&self, even: Duration) -> Duration {
        even.saturating_sub(self.interval * (self.burst - 1))
    }
}

/// Whether a call reads a list or statistics. Such paths end in a word, and those of single
/// resources in a number.
fn is_list(method: &Method, path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    *method == Method::GET && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(10_000);
    const WINDOW: Duration = Duration::from_secs(300);
    const LIST: &str = "/api/v1/sim";
    const SINGLE_SIM: &str = "/api/v1/sim/7";

    /// Makes `calls` calls one after the other. Returns how long they take.
    fn batch(
        limiter: &RateLimiter,
        method: &Method,
        path: &str,
        now: Duration,
        calls: u32,
    ) -> Duration {
        let mut at = now;
        for _ in 0..calls {
            at += limiter.reserve(method, path, at, LONG).unwrap();
        }
        at - now
    }

    #[test]
    fn a_burst_passes_and_a_batch_is_as_fast_as_allowed() {
        let (get, start) = (Method::GET, Duration::from_secs(1_000));
        for (method, path, at_once, a_second) in [
            (&get, LIST, 5, 10),
            (&get, "/api/v1/sim/7/stats", 5, 10),
            (&get, SINGLE_SIM, 25, 50),
            (&get, "/api/v1/sim/89883030000123456789", 25, 50),
            (&get, "/api/v1/sim/7/", 25, 50),
            (&Method::POST, "/api/v1/sms", 25, 50),
        ] {
            let limiter = RateLimiter::new();
            let second = Duration::from_secs(1);
            assert_eq!(batch(&limiter, method, path, start, at_once), Duration::ZERO, "{path}");
            assert_eq!(batch(&limiter, method, path, start, a_second), second, "{path}");
            let later = start + 2 * WINDOW;
            assert_eq!(batch(&limiter, method, path, later, at_once), Duration::ZERO, "{path}");
        }
    }

    #[test]
    fn no_window_of_300_s_has_more_than_2_000_calls() {
        // A mixture of calls, from callers that come at once, evenly, or after pauses.
        for pause in [0, 1, 7, 190, 4_000] {
            let limiter = RateLimiter::new();
            let (mut now, mut slots) = (Duration::from_secs(5), Vec::new());
            for number in 0..6_000_u64 {
                let path = if number % 3 == 0 { LIST } else { SINGLE_SIM };
                slots.push(now + limiter.reserve(&Method::GET, path, now, LONG).unwrap());
                if number % 100 < 50 {
                    now += Duration::from_millis(pause);
                }
            }
            slots.sort();
            let fullest = slots.iter().enumerate().map(|(first, start)| {
                slots.partition_point(|slot| *slot <= *start + WINDOW) - first
            });
            let fullest = fullest.max().unwrap();
            assert!(fullest <= 2_000, "{fullest} calls, {pause} ms between them");
            // Callers that never pause use all of the limit.
            assert!(pause > 0 || fullest == 2_000, "{fullest}");
        }
    }

    #[test]
    fn lists_stay_within_their_own_limit_while_other_calls_wait() {
        let (limiter, mut lists) = (RateLimiter::new(), Vec::new());
        for number in 0..1_000 {
            let path = if number % 2 == 0 { LIST } else { SINGLE_SIM };
            let slot = limiter.reserve(&Method::GET, path, Duration::ZERO, LONG).unwrap();
            if path == LIST {
                lists.push(slot);
            }
        }
        lists.sort();
        let second = Duration::from_secs(1);
        let in_a_second = lists
            .iter()
            .enumerate()
            .map(|(first, start)| lists.partition_point(|slot| *slot < *start + second) - first);
        assert_eq!(in_a_second.max(), Some(14), "a burst of 5, and then one every 100 ms");
    }

    #[test]
    fn a_call_without_time_to_wait_takes_no_slot() {
        let limiter = RateLimiter::new();
        let reserve = |patience| limiter.reserve(&Method::GET, LIST, Duration::ZERO, patience);
        (0..5).for_each(|_| assert_eq!(reserve(LONG), Ok(Duration::ZERO)));
        for _ in 0..1_000 {
            assert_eq!(reserve(LISTS.interval / 2), Err(LISTS.interval));
        }
        assert_eq!(reserve(LONG), Ok(LISTS.interval));
        let other = limiter.reserve(&Method::GET, SINGLE_SIM, Duration::ZERO, Duration::ZERO);
        assert_eq!(other, Ok(Duration::ZERO), "refused calls must not count");
    }
}
