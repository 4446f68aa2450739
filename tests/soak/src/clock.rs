//! The clock of a machine. It has no lock, which a thread could hold during a fork.

#![allow(clippy::disallowed_types, reason = "this does not run on gateways")]

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use emnify_core::Clock;

#[derive(Debug)]
pub(crate) struct MachineClock {
    boots: u32,
    /// Nanoseconds since the boot.
    steady: AtomicU64,
    /// The wall clock at the boot, in seconds of Unix time. Setting the wall clock changes it.
    booted_at: AtomicI64,
}

impl MachineClock {
    /// Creates a clock whose wall clock shows `wall`, in seconds of Unix time.
    pub(crate) fn new(boots: u32, wall: i64) -> Self {
        MachineClock { boots, steady: AtomicU64::new(0), booted_at: AtomicI64::new(wall) }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.steady.fetch_add(by.as_nanos() as u64, Ordering::AcqRel);
    }

    /// Sets the wall clock, in seconds of Unix time.
    pub(crate) fn set_wall(&self, wall: i64) {
        self.booted_at.store(wall - self.steady().as_secs() as i64, Ordering::Release);
    }
}

impl Clock for MachineClock {
    fn steady(&self) -> Duration {
        Duration::from_nanos(self.steady.load(Ordering::Acquire))
    }

    fn wall(&self) -> SystemTime {
        let booted_at = self.booted_at.load(Ordering::Acquire).unsigned_abs();
        SystemTime::UNIX_EPOCH + Duration::from_secs(booted_at) + self.steady()
    }

    fn epoch(&self) -> Option<String> {
        Some(format!("boot {}", self.boots))
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}
