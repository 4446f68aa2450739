//! The sandbox's clock. Expiry, lockouts and limits use it, so that a test can let hours pass at
//! once without changing the machine's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that starts at the real time, runs, and can be moved and stopped.
#[derive(Debug)]
pub(crate) struct Clock {
    /// `None` once it was stopped.
    started: Option<Instant>,
    milliseconds_at_start: i64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: Some(Instant::now()), milliseconds_at_start: milliseconds(real) }
    }

    /// Returns the Unix time in milliseconds.
    pub(crate) fn now_milliseconds(&self) -> i64 {
        let passed = self.started.map_or(0, |started| milliseconds(started.elapsed()));
        self.milliseconds_at_start.saturating_add(passed)
    }

    /// Returns the Unix time in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.now_milliseconds().div_euclid(1000)
    }

    pub(crate) fn advance(&mut self, by: i64) {
        self.milliseconds_at_start = self.milliseconds_at_start.saturating_add(by);
    }

    pub(crate) fn set(&mut self, unix_seconds: i64) {
        self.started = self.started.map(|_| Instant::now());
        self.milliseconds_at_start = unix_seconds.saturating_mul(1000);
    }

    /// From now on, only `advance` and `set` move it.
    pub(crate) fn stop(&mut self) {
        self.milliseconds_at_start = self.now_milliseconds();
        self.started = None;
    }
}

/// Returns a duration in milliseconds, or the longest that fits.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_the_real_time_and_moves() {
        let mut clock = Clock::new();
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        assert!((clock.now() - real).abs() <= 1);
        clock.advance(3_600_000);
        assert!((clock.now() - real - 3600).abs() <= 1);
        clock.set(1_000_000_000);
        assert_eq!(clock.now(), 1_000_000_000);
    }

    #[test]
    fn a_stopped_clock_stands_still_until_it_is_moved() {
        let mut clock = Clock::new();
        clock.stop();
        clock.set(1_000_000_000);
        clock.advance(1);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(clock.now_milliseconds(), 1_000_000_000_001);
    }
}
