//! Decides what a call does after its auth token got a 401. Either the token was revoked, and a
//! sign-in helps; or the path refuses every token, and none does. Only a sign-in can tell the two
//! apart. This limits how often one is made, so that a path which always returns 401 does not use
//! up emnify's limit.
//!
//! | the call's token | time | what the call does |
//! |---|---|---|
//! | is no longer the cached one | any | replays once with the cached one |
//! | is the cached one | before `not_before` | returns the 401 |
//! | is the cached one | from `not_before` on | waits for one shared sign-in, then replays once |
//!
//! | the replay after a sign-in | earliest next sign-in after a 401 |
//! |---|---|
//! | gets no 401 | after 10 s |
//! | gets a 401 again | after 60 s, the next times after 120 s, 240 s, then always 300 s |
//! | is not reported (it got no response, or the program made the call itself) | as after another 401, but starts again at 60 s if the new token is 15 minutes old |

use std::time::Duration;

/// The wait after a sign-in that ended the 401s.
const AFTER_SUCCESS: Duration = Duration::from_secs(10);

/// The wait after a sign-in that did not: the first, which doubles each time, and the longest.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(300);

/// A new token without a reported 401 for this long counts as working.
const CONFIRMED_AFTER: Duration = Duration::from_secs(15 * 60);

/// How recent sign-ins after a 401 went. It belongs to one client and is not stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Probe {
    not_before: Duration,
    /// Sign-ins in a row whose token got a 401 too.
    failures: u32,
    /// When the last new token was obtained, if the result of its replay is unknown.
    unconfirmed_since: Option<Duration>,
}

/// What a call does after a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After401 {
    /// Replays with the token that is cached by now.
    Replay,
    /// Signs in, or waits for the sign-in that another call started, and replays.
    SignIn,
    /// Returns the 401; the next sign-in after a 401 is possible from that instant.
    GiveUp(Duration),
}

impl Probe {
    /// Decides for a call at `now`; `is_cached`: whether its token is the cached one.
    pub(crate) fn decide(&self, is_cached: bool, now: Duration) -> After401 {
        match is_cached {
            false => After401::Replay,
            true if now < self.not_before => After401::GiveUp(self.not_before),
            true => After401::SignIn,
        }
    }

    /// Returns the probe after a replay with a new token got no 401.
    pub(crate) fn succeeded(now: Duration) -> Probe {
        Probe { not_before: now + AFTER_SUCCESS, ..Probe::default() }
    }

    /// Returns the probe after a replay with a new token got another 401. Calls that shared the
    /// sign-in count once.
    pub(crate) fn failed(self, now: Duration) -> Probe {
        if now < self.not_before {
            return Probe { unconfirmed_since: None, ..self };
        }
        let confirmed = self.unconfirmed_since.is_some_and(|since| now >= since + CONFIRMED_AFTER);
        let failures = if confirmed { 0 } else { self.failures };
        let wait = AFTER_FAILURE.saturating_mul(1 << failures.min(16)).min(LONGEST);
        Probe {
            not_before: now + wait,
            failures: failures.saturating_add(1),
            unconfirmed_since: None,
        }
    }

    /// Returns the probe after the sign-in, while the result of the replay is unknown: it counts as
    /// failed until the new token is old enough.
    pub(crate) fn unconfirmed(self, now: Duration) -> Probe {
        if now < self.not_before {
            return self;
        }
        Probe { unconfirmed_since: Some(now), ..self.failed(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::explore::explore;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_decision_after_a_401() {
        use After401::{GiveUp, Replay, SignIn};
        let fresh = Probe::default();
        let failed = |times: u32| (0..times).fold(fresh, |probe, _| probe.failed(probe.not_before));
        for (probe, is_cached, now, expected) in [
            (fresh, true, 0, SignIn),
            (fresh, false, 0, Replay),
            (Probe::succeeded(at(100)), true, 109, GiveUp(at(110))),
            (Probe::succeeded(at(100)), true, 110, SignIn),
            (Probe::succeeded(at(100)), false, 109, Replay),
            (failed(1), true, 59, GiveUp(at(60))),
            (failed(1), false, 59, Replay),
            (failed(1), true, 60, SignIn),
            (failed(2), true, 179, GiveUp(at(180))),
            (failed(3), true, 419, GiveUp(at(420))),
            (failed(4), true, 719, GiveUp(at(720))),
            (failed(9), true, 2_219, GiveUp(at(2_220))),
        ] {
            assert_eq!(probe.decide(is_cached, at(now)), expected, "{probe:?} at {now}");
        }
    }

    #[test]
    fn calls_that_shared_a_sign_in_count_once_and_a_success_ends_the_count() {
        let twice = Probe::default().failed(at(100)).failed(at(101));
        assert_eq!(twice.decide(true, at(160)), After401::SignIn);
        let succeeded = Probe::succeeded(at(200)).failed(at(210));
        assert_eq!(succeeded.decide(true, at(269)), After401::GiveUp(at(270)));
    }

    #[test]
    fn the_result_of_a_replay_settles_whether_the_new_token_works() {
        let unknown = Probe::default().unconfirmed(at(0));
        // A report within the wait does not extend it.
        let failed = unknown.failed(at(1));
        assert_eq!(failed.decide(true, at(59)), After401::GiveUp(at(60)));
        // It failed, however old it is by now.
        assert_eq!(failed.failed(at(900)).decide(true, at(1_019)), After401::GiveUp(at(1_020)));
        let succeeded = Probe::succeeded(at(1));
        assert_eq!(succeeded.decide(true, at(11)), After401::SignIn);
    }

    #[test]
    fn a_replay_that_is_not_reported_counts_as_failed_for_fifteen_minutes() {
        let first = Probe::default().unconfirmed(at(0));
        assert_eq!(first.decide(true, at(59)), After401::GiveUp(at(60)));
        let soon = first.unconfirmed(at(899));
        assert_eq!(soon.decide(true, at(899 + 119)), After401::GiveUp(at(899 + 120)));
        let late = first.unconfirmed(at(900));
        assert_eq!(late.decide(true, at(900 + 60)), After401::SignIn);
    }

    /// Returns the probe after that time, counted from `NOW`, so that few states differ.
    fn later(probe: Probe, by: Duration) -> Probe {
        let Probe { not_before, unconfirmed_since, .. } = probe;
        let not_before = not_before.saturating_sub(by).max(NOW);
        let unconfirmed_since =
            unconfirmed_since.map(|since| (since - by).max(NOW - CONFIRMED_AFTER));
        // More failures than this change nothing.
        Probe { not_before, unconfirmed_since, failures: probe.failures.min(3) }
    }

    const NOW: Duration = Duration::from_secs(100_000);

    #[test]
    fn no_order_of_replays_leads_to_sign_ins_that_are_too_many_or_too_late() {
        let bounds = |probe: Probe, least: u64, most: u64| match probe.decide(true, NOW) {
            After401::GiveUp(until) if (at(least)..=at(most)).contains(&(until - NOW)) => Ok(probe),
            decision => Err(format!("{decision:?}, not after {least} to {most} s")),
        };
        let visited = explore(
            Probe { not_before: NOW, ..Probe::default() },
            |probe| later(*probe, Duration::ZERO),
            |probe| match probe.decide(true, NOW) {
                After401::GiveUp(until) => {
                    let early = later(*probe, until - NOW - Duration::from_nanos(1));
                    let is_early = matches!(early.decide(true, NOW), After401::GiveUp(_));
                    let waited = later(*probe, until - NOW);
                    let waited = if is_early { Ok(waited) } else { Err("it ends early".into()) };
                    vec![
                        ("the wait ends", waited),
                        ("another replay fails", bounds(probe.failed(NOW), 1, 300)),
                    ]
                }
                _ => {
                    let new = probe.unconfirmed(NOW);
                    vec![
                        ("signs in", bounds(new, 60, 300)),
                        ("signs in, fails again", bounds(new.failed(NOW), 60, 300)),
                        ("signs in, works", bounds(Probe::succeeded(NOW), 10, 10)),
                        ("time passes", Ok(later(*probe, CONFIRMED_AFTER))),
                    ]
                }
            },
        );
        assert!(visited.states >= 20, "{visited:?}");
    }
}
