//! What a call does whose auth token got a 401. Either the token was revoked, which one sign-in
//! heals, or the path refuses every token, which none heals. A sign-in finds out; how often one is
//! made for that is decided here, so that one such path does not use up emnify's limit.
//!
//! | the call's token | time | what the call does |
//! |---|---|---|
//! | is no longer the cached one | any | is made once more with the cached one |
//! | is the cached one | before `not_before` | returns the 401 |
//! | is the cached one | from `not_before` on | one shared sign-in, then is made once more |
//!
//! | the second answer, after a sign-in | next sign-in after a 401 at the earliest after |
//! |---|---|
//! | anything but a 401 | 10 s |
//! | a 401, for the n-th time in a row | 60 s, 120 s, 240 s, then 300 s |
//! | not known yet, or never, since the program made the call | as after a 401; counts from one again if the new token is 15 minutes old |

use std::time::Duration;

/// After a sign-in that healed a 401.
const AFTER_SUCCESS: Duration = Duration::from_secs(10);

/// After a sign-in that did not: the first wait, doubled each time, and the longest.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(300);

/// A new token that was not reported for so long did heal the 401.
const CONFIRMED_AFTER: Duration = Duration::from_secs(15 * 60);

/// How sign-ins after a 401 went lately. It belongs to one client and is not stored.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Probe {
    not_before: Duration,
    /// Sign-ins in a row whose token got a 401 too.
    failures: u32,
    /// When the last new token came of which no second answer is known.
    unconfirmed_since: Option<Duration>,
}

/// What a call does after a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After401 {
    /// Replays with the token that is cached by now.
    Replay,
    /// Signs in, or waits for the sign-in that another call started, and replays.
    SignIn,
    /// Returns the 401; the next sign-in after a 401 is possible from that instant on.
    GiveUp(Duration),
}

impl Probe {
    /// Decides for a call at `now`; `is_cached` tells whether its token is the cached one.
    pub(crate) fn decide(&self, is_cached: bool, now: Duration) -> After401 {
        match is_cached {
            false => After401::Replay,
            true if now < self.not_before => After401::GiveUp(self.not_before),
            true => After401::SignIn,
        }
    }

    /// After a replay with a new token that was not a 401.
    pub(crate) fn succeeded(now: Duration) -> Probe {
        Probe { not_before: now + AFTER_SUCCESS, ..Probe::default() }
    }

    /// After a replay with a new token that was a 401 again. Calls that shared the sign-in count
    /// once.
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

    /// After the sign-in, while no second answer is known: it counts as failed until the new token
    /// is old enough.
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

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_table_of_what_a_401_leads_to() {
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
        let healed = Probe::succeeded(at(200)).failed(at(210));
        assert_eq!(healed.decide(true, at(269)), After401::GiveUp(at(270)));
    }

    #[test]
    fn a_second_answer_ends_the_doubt_about_a_new_token() {
        let unknown = Probe::default().unconfirmed(at(0));
        // Reported within the wait, it starts no other.
        let failed = unknown.failed(at(1));
        assert_eq!(failed.decide(true, at(59)), After401::GiveUp(at(60)));
        // It did not heal the 401, however old it is by now.
        assert_eq!(failed.failed(at(900)).decide(true, at(1_019)), After401::GiveUp(at(1_020)));
        let healed = Probe::succeeded(at(1));
        assert_eq!(healed.decide(true, at(11)), After401::SignIn);
    }

    #[test]
    fn what_only_the_program_knows_counts_as_failed_for_fifteen_minutes() {
        let first = Probe::default().unconfirmed(at(0));
        assert_eq!(first.decide(true, at(59)), After401::GiveUp(at(60)));
        let soon = first.unconfirmed(at(899));
        assert_eq!(soon.decide(true, at(899 + 119)), After401::GiveUp(at(899 + 120)));
        let late = first.unconfirmed(at(900));
        assert_eq!(late.decide(true, at(900 + 60)), After401::SignIn);
    }
}
