//! A model of a cold start: nothing but the times of attempts and emnify's limit. It compares
//! schedules within seconds. For the schedules that the library has, it makes the same attempts as
//! the simulation with real clients.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::draws::Draws;

const LIMIT: usize = 100;
const WINDOW: Duration = Duration::from_secs(300);

/// A run that takes longer does not converge.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

const SEEDS: u64 = 9;

/// How long a client waits after a 429.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Schedule {
    /// Between these numbers of seconds, the last ones from then on.
    Between(&'static [(u64, u64)]),
    /// Between these numbers of seconds, which double each time up to an hour.
    Doubling(u64, u64),
    /// 300 s and up to so many milliseconds for each client, then 300 to 3,600 s.
    FleetSize(u64),
}

pub(crate) const WITHOUT_HINT: Schedule = Schedule::Between(&[(300, 300), (300, 3_600)]);
pub(crate) const WITH_HINT: Schedule = Schedule::FleetSize(4_200);

/// The candidates, in the order of the table.
pub(crate) const CANDIDATES: [Schedule; 14] = [
    WITHOUT_HINT,
    Schedule::Between(&[(60, 300), (300, 3_600)]),
    Schedule::Between(&[(300, 300), (300, 3_600), (300, 7_200)]),
    Schedule::Between(&[(0, 300)]),
    Schedule::Between(&[(60, 300)]),
    Schedule::Between(&[(300, 3_600)]),
    Schedule::Between(&[(300, 300), (300, 1_800)]),
    Schedule::Between(&[(300, 300), (300, 7_200)]),
    Schedule::Doubling(30, 300),
    Schedule::Doubling(0, 300),
    Schedule::FleetSize(3_000),
    Schedule::FleetSize(3_600),
    WITH_HINT,
    Schedule::FleetSize(6_000),
];

/// What a cold start costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) calls: usize,
    /// When the last client was signed in; `None` if that takes longer than a day.
    pub(crate) all_after: Option<Duration>,
}

impl Schedule {
    fn wait(self, refusals: usize, clients: usize, draw: f64) -> Duration {
        let between = |(from, to): (Duration, Duration)| from + (to - from).mul_f64(draw);
        let seconds = |(from, to)| between((Duration::from_secs(from), Duration::from_secs(to)));
        match self {
            Schedule::Between(ranges) => {
                let range = ranges.get(refusals).or(ranges.last()).copied();
                seconds(range.unwrap_or_default())
            }
            Schedule::Doubling(from, to) => {
                let times = 1 << refusals.min(16);
                seconds(((from * times).min(3_600), (to * times).min(3_600)))
            }
            Schedule::FleetSize(share) if refusals == 0 => {
                WINDOW + (Duration::from_millis(share) * clients as u32).mul_f64(draw)
            }
            Schedule::FleetSize(_) => seconds((300, 3_600)),
        }
    }

    /// Returns the longest time after which a client alone tries again after its first 429.
    pub(crate) fn alone(self) -> Duration {
        self.wait(0, 1, 1.0)
    }

    pub(crate) fn cold_start(self, clients: usize, count_limited: bool, seed: u64) -> Cost {
        let mut draws: Vec<_> = (0..clients).map(|index| Draws::of(seed, 1, index)).collect();
        let mut refusals = vec![0; clients];
        let mut attempts: BinaryHeap<_> =
            (0..clients).map(|index| Reverse((Duration::ZERO, index))).collect();
        let mut counted = VecDeque::new();
        let mut cost = Cost { calls: 0, all_after: None };
        while let Some(Reverse((at, index))) = attempts.pop() {
            if at > LONGEST {
                return Cost { all_after: None, ..cost };
            }
            cost.calls += 1;
            // The sandbox counts in milliseconds.
            let now = Duration::from_millis(at.as_millis() as u64);
            while counted.front().is_some_and(|first| *first + WINDOW <= now) {
                counted.pop_front();
            }
            let is_accepted = counted.len() < LIMIT;
            if is_accepted || count_limited {
                counted.push_back(now);
            }
            if is_accepted {
                cost.all_after = Some(at);
            } else if let (Some(draws), Some(refusals)) =
                (draws.get_mut(index), refusals.get_mut(index))
            {
                attempts.push(Reverse((at + self.wait(*refusals, clients, draws.unit()), index)));
                *refusals += 1;
            }
        }
        cost
    }

    /// Returns the largest cost of several cold starts with different random numbers.
    pub(crate) fn worst(self, clients: usize, count_limited: bool) -> Cost {
        let runs: Vec<_> =
            (1..=SEEDS).map(|seed| self.cold_start(clients, count_limited, seed)).collect();
        let never = runs.iter().any(|run| run.all_after.is_none());
        Cost {
            calls: runs.iter().map(|run| run.calls).max().unwrap_or_default(),
            all_after: runs.iter().filter_map(|run| run.all_after).max().filter(|_| !never),
        }
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Schedule::Between([all]) => write!(f, "{}–{} s each time", all.0, all.1),
            Schedule::Between(ranges) => {
                let text = |(from, to): &(u64, u64)| match from == to {
                    true => format!("{to} s"),
                    false => format!("{from}–{to} s"),
                };
                f.write_str(&ranges.iter().map(text).collect::<Vec<_>>().join(", then "))
            }
            Schedule::Doubling(from, to) => write!(f, "{from}–{to} s, doubling up to 3600 s"),
            Schedule::FleetSize(share) => {
                let share = *share as f64 / 1_000.0;
                write!(f, "300 s + 0–{share:.1} s · fleet size, then 300–3600 s")
            }
        }
    }
}
