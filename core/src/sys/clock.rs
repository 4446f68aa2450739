//! Clocks. A device may boot in 1970, sleep, and set its clock while programs run. So lifetimes are
//! measured on a steady clock, which is never set, and the wall clock only dates what leaves the
//! process. Tests use a clock of their own, which they move.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::sys::random;

/// When this version was written (2026-11-24). A clock that shows an earlier time is wrong.
const RELEASED: Duration = Duration::from_secs(1_795_478_400);

/// A source of time: a steady clock to measure with, and a wall clock to date with. Only the clocks
/// of this crate implement it.
///
/// ```
/// use std::time::Duration;
/// use emnify_core::{Clock, SystemClock};
///
/// let clock: &dyn Clock = &SystemClock;
/// let (start, boot) = (clock.steady(), clock.epoch());
/// clock.sleep(Duration::from_millis(1));
/// assert!(clock.steady() > start && clock.epoch() == boot);
/// println!("{:?}", clock.wall());
/// ```
pub trait Clock: sealed::Sealed + Send + Sync + fmt::Debug {
    /// Returns the time since a fixed point, usually the boot of the machine. It never goes back,
    /// is never set, and also counts while the machine is suspended.
    #[must_use]
    fn steady(&self) -> Duration;

    /// Returns the date and time as this machine knows them.
    #[must_use]
    fn wall(&self) -> SystemTime;

    /// Returns a name for the current run of the steady clock, which changes with each reboot. Two
    /// readings are comparable if their names are equal. `None` if this cannot be known.
    #[must_use]
    fn epoch(&self) -> Option<String>;

    /// Blocks the calling thread for `duration`, or less if another thread unparks it. The caller
    /// must read the clock again.
    fn sleep(&self, duration: Duration);

    /// Returns a uniformly drawn number between 0 and 1, which a time is varied by.
    #[doc(hidden)]
    fn jitter(&self) -> f64 {
        random::draw()
    }
}

mod sealed {
    /// Lets methods be added to [`Clock`](super::Clock) without breaking a program.
    pub trait Sealed {}

    #[cfg(not(feature = "__faces"))]
    impl Sealed for super::SystemClock {}
    #[cfg(not(feature = "__faces"))]
    impl Sealed for super::ManualClock {}
    // For tests that need another clock.
    #[cfg(feature = "__faces")]
    impl<T> Sealed for T {}
}

/// Whether `wall` is before this version was written: the clock was not set since the machine
/// booted.
pub(crate) fn is_before_release(wall: SystemTime) -> bool {
    wall < SystemTime::UNIX_EPOCH + RELEASED
}

/// The machine's own clocks: `CLOCK_BOOTTIME` if the system has it, and the time of day.
///
/// ```
/// use std::sync::Arc;
/// use emnify_core::{Client, SystemClock};
///
/// let builder = Client::builder().clock(Arc::new(SystemClock)); // the default
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[cfg(unix)]
    fn steady(&self) -> Duration {
        use nix::time::{ClockId, clock_gettime};

        #[cfg(any(target_os = "linux", target_os = "android"))]
        const STEADY: ClockId = ClockId::CLOCK_BOOTTIME;
        // On Apple's systems this clock also counts during sleep.
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const STEADY: ClockId = ClockId::CLOCK_MONOTONIC;

        // Linux before 2.6.39 has no boot-time clock.
        clock_gettime(STEADY)
            .or_else(|_| clock_gettime(ClockId::CLOCK_MONOTONIC))
            .map_or(Duration::ZERO, Duration::from)
    }

    #[cfg(not(unix))]
    fn steady(&self) -> Duration {
        use once_cell::sync::Lazy;
        static START: Lazy<std::time::Instant> = Lazy::new(std::time::Instant::now);
        START.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn epoch(&self) -> Option<String> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    }

    fn sleep(&self, duration: Duration) {
        std::thread::park_timeout(duration);
    }
}

/// A clock for tests, which stands still until it is moved.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use emnify_core::{Clock, ManualClock};
///
/// let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.steady(), Duration::from_secs(60));
/// assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH + Duration::from_secs(60));
/// clock.set_wall(SystemTime::now()); // as NTP would
/// clock.reboot();
/// assert_eq!(clock.steady(), Duration::ZERO);
/// ```
///
/// [`Clock::sleep`] moves the clock instead of waiting.
#[derive(Debug)]
pub struct ManualClock(Mutex<Reading>);

#[derive(Debug)]
struct Reading {
    steady: Duration,
    wall: SystemTime,
    boots: u32,
}

impl ManualClock {
    /// Creates a clock whose wall clock shows `wall` and whose steady clock shows zero.
    #[must_use]
    pub fn new(wall: SystemTime) -> Self {
        ManualClock(Mutex::new(Reading { steady: Duration::ZERO, wall, boots: 0 }))
    }

    /// Moves both clocks forward by `by`.
    pub fn advance(&self, by: Duration) {
        let mut now = self.reading();
        now.steady += by;
        now.wall += by;
    }

    /// Sets the wall clock only, as a person or NTP would.
    pub fn set_wall(&self, wall: SystemTime) {
        self.reading().wall = wall;
    }

    /// Restarts the steady clock at zero, like a reboot that takes no time.
    pub fn reboot(&self) {
        let mut now = self.reading();
        now.steady = Duration::ZERO;
        now.boots += 1;
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn steady(&self) -> Duration {
        self.reading().steady
    }

    fn wall(&self) -> SystemTime {
        self.reading().wall
    }

    fn epoch(&self) -> Option<String> {
        Some(format!("boot {}", self.reading().boots))
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_steady_clock_measures_how_much_time_passes() {
        let (outside, first) = (Instant::now(), SystemClock.steady());
        let (inside, pause) = (Instant::now(), Duration::from_millis(20));
        SystemClock.sleep(pause);
        let least = inside.elapsed();
        let passed = SystemClock.steady().checked_sub(first).unwrap();
        assert!(least >= pause, "slept for {least:?}");
        assert!((least..=outside.elapsed()).contains(&passed), "{passed:?} instead of {least:?}");
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn the_steady_clock_counts_from_the_boot_and_through_suspend() {
        use nix::time::{ClockId, clock_gettime};
        let since_boot = || Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap());
        let (before, steady, after) = (since_boot(), SystemClock.steady(), since_boot());
        assert!((before..=after).contains(&steady), "{steady:?} instead of {before:?}");
    }

    #[test]
    fn a_clock_that_was_never_set_is_recognised() {
        assert!(is_before_release(SystemTime::UNIX_EPOCH));
        assert!(!is_before_release(SystemTime::UNIX_EPOCH + RELEASED));
    }

    #[test]
    fn setting_the_wall_clock_leaves_the_steady_clock_alone() {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
        clock.set_wall(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        assert_eq!(clock.steady(), Duration::ZERO);
    }
}
