//! Counts calls and failures. The live service restricts clients in two ways: it limits calls per
//! address, and locks an account after failures.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// The times of calls, by address.
#[derive(Debug, Default)]
pub(crate) struct Window {
    calls: HashMap<IpAddr, VecDeque<i64>>,
}

impl Window {
    /// Returns the milliseconds until another call is allowed, or `None` if one is allowed now.
    pub(crate) fn wait(
        &mut self,
        address: IpAddr,
        now: i64,
        window: i64,
        limit: usize,
    ) -> Option<i64> {
        let calls = self.calls.entry(address).or_default();
        // If the clock was set back, calls in the future do not count.
        calls.retain(|at| *at > now - window && *at <= now);
        let oldest = calls.len().checked_sub(limit)?;
        let leaves = calls.get(oldest).map_or(window, |at| at + window - now);
        Some(leaves.max(1))
    }

    pub(crate) fn count(&mut self, address: IpAddr, now: i64) {
        self.calls.entry(address).or_default().push_back(now);
    }
}

/// Failures in a row, by account.
#[derive(Debug, Default)]
pub(crate) struct Lockouts {
    accounts: HashMap<String, Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    locked_until: Option<i64>,
}

impl Lockouts {
    /// Whether the account is locked now. When a lock ends, the count starts again at zero.
    pub(crate) fn locked(&mut self, account: &str, now: i64) -> bool {
        match self.accounts.get(account).and_then(|failures| failures.locked_until) {
            Some(until) if now < until => true,
            Some(_) => {
                self.accounts.remove(account);
                false
            }
            None => false,
        }
    }

    pub(crate) fn failed(&mut self, account: &str, now: i64, after: u32, seconds: i64) {
        let failures = self.accounts.entry(account.to_owned()).or_default();
        failures.in_a_row += 1;
        if after > 0 && failures.in_a_row >= after {
            failures.locked_until = Some(now + seconds);
        }
    }

    pub(crate) fn succeeded(&mut self, account: &str) {
        self.accounts.remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_window_fills_and_empties() {
        let mut window = Window::default();
        for at in [1000, 2000] {
            assert_eq!(window.wait(HERE, at, 10_000, 2), None);
            window.count(HERE, at);
        }
        assert_eq!(window.wait(HERE, 3000, 10_000, 2), Some(8000));
        assert_eq!(window.wait(HERE, 11_000, 10_000, 2), None);
        assert_eq!(window.wait(HERE, 500, 10_000, 0), Some(10_000));
    }

    #[test]
    fn the_third_failure_locks_for_a_while() {
        let mut lockouts = Lockouts::default();
        for _ in 0..3 {
            assert!(!lockouts.locked("a", 100));
            lockouts.failed("a", 100, 3, 300);
        }
        assert!(lockouts.locked("a", 399));
        assert!(!lockouts.locked("b", 399));
        assert!(!lockouts.locked("a", 400));
        lockouts.failed("a", 400, 3, 300);
        assert!(!lockouts.locked("a", 400));
    }

    #[test]
    fn a_success_resets_the_count() {
        let mut lockouts = Lockouts::default();
        for _ in 0..4 {
            lockouts.failed("a", 100, 3, 300);
            lockouts.succeeded("a");
        }
        assert!(!lockouts.locked("a", 100));
    }
}
