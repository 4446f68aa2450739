//! A timestamp that outlives the process, and the time since then. The steady clock measures that
//! time until the next boot. After a reboot the wall clock does, if it was set both times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::sys::clock::{Clock, is_before_release};

/// An instant, as both clocks showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Timestamp {
    /// The run of the steady clock.
    pub(crate) epoch: Option<String>,
    /// The steady clock, in milliseconds.
    pub(crate) steady: u64,
    /// The wall clock, in milliseconds of Unix time.
    pub(crate) wall: u64,
}

impl Timestamp {
    /// Creates a timestamp of now, which the steady clock shows as `now`.
    pub(crate) fn new(now: Duration, clock: &dyn Clock) -> Self {
        Timestamp {
            epoch: clock.epoch(),
            steady: millis(now),
            wall: clock.wall().duration_since(UNIX_EPOCH).map_or(0, millis),
        }
    }

    /// Returns the reading of the steady clock.
    pub(crate) fn steady(&self) -> Duration {
        Duration::from_millis(self.steady)
    }

    /// Whether the machine has not rebooted since.
    pub(crate) fn is_of_this_boot(&self, clock: &dyn Clock) -> bool {
        self.epoch.is_some() && self.epoch == clock.epoch()
    }

    /// Returns the time since then, or `None` if no clock can measure it.
    pub(crate) fn elapsed(&self, now: Duration, clock: &dyn Clock) -> Option<Duration> {
        if self.is_of_this_boot(clock) {
            return Some(now.saturating_sub(self.steady()));
        }
        let (then, wall) = (UNIX_EPOCH + Duration::from_millis(self.wall), clock.wall());
        let set = !is_before_release(then) && !is_before_release(wall);
        wall.duration_since(then).ok().filter(|_| set)
    }
}

/// Returns a duration in nanoseconds; enough for 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn wall_nanos(wall: SystemTime) -> u64 {
    wall.duration_since(UNIX_EPOCH).map_or(0, nanos)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
