//! Simulates a client without a token during outages of random length, with seeded random numbers.
//! Checks how many attempts it makes, and how soon after the end of the outage it is signed in.

use std::io::{self, Write};

use super::*;
use crate::session::backoff::MIN_INTERVAL;
use crate::types::error::{Error, ErrorKind};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const RUNS: usize = 300;

/// The random number generator SplitMix64.
struct Draws(u64);

impl Draws {
    /// Uniform between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How attempts fail during an outage.
struct Kind {
    name: &'static str,
    error: Error,
    /// How long an attempt takes to fail.
    takes: Duration,
    /// The longest time from the end of the outage to the start of the attempt that succeeds.
    recovery_max: Duration,
    /// The most attempts that start within any hour.
    attempts_max: usize,
}

fn kinds() -> [Kind; 4] {
    let error = |kind| Error::new(kind, "a fault");
    let (quick, minutes) = (Duration::from_millis(200), |minutes: u32| 60 * minutes * SECOND);
    let kind = |name, error, takes, recovery_max, attempts_max| Kind {
        name,
        error,
        takes,
        recovery_max,
        attempts_max,
    };
    [
        kind("503", error(ErrorKind::Server), quick, minutes(5), 30),
        kind("refused port", error(ErrorKind::Network).local(), quick, 30 * SECOND, 240),
        kind("timeout", error(ErrorKind::Timeout), 10 * SECOND, minutes(5), 30),
        kind("429", error(ErrorKind::RateLimited), quick, minutes(60), 13),
    ]
}

/// The attempts of a caller that asks once a second, and how long after the outage it is signed in.
struct Run {
    starts: Vec<Duration>,
    recovery: Duration,
}

fn outage(kind: &Kind, length: Duration, draws: &mut Draws) -> Run {
    let start = 1_000_000 * SECOND;
    let (mut now, mut state, mut starts) = (start, State::default(), Vec::new());
    loop {
        match state.decide(Need::Valid, now, || false) {
            Decision::BackingOff(until) => {
                now += Duration::from_secs_f64((until - now).as_secs_f64().ceil());
            }
            _ if now >= start + length => {
                return Run { starts, recovery: now - start - length };
            }
            _ => {
                starts.push(now);
                state = state.starting(Some(now));
                // An attempt that is under way when the outage ends still fails.
                now += kind.takes;
                let (error, draw) = (&kind.error, draws.next());
                state =
                    state.failed(&Failure { error, now, is_user: false, fleet_size: None, draw });
            }
        }
    }
}

fn most_in_an_hour(starts: &[Duration]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (index, start) in starts.iter().enumerate() {
        while starts[first] + HOUR <= *start {
            first += 1;
        }
        most = most.max(index - first + 1);
    }
    most
}

fn check(kind: &Kind, run: &Run) {
    let Run { starts, recovery } = run;
    // The caller asks once a second, and an attempt may have started before the end.
    let recovery_max = kind.recovery_max + kind.takes + SECOND;
    assert!(*recovery <= recovery_max, "{}: {recovery:?}", kind.name);
    let most = most_in_an_hour(starts);
    assert!(most <= kind.attempts_max, "{}: {most} attempts in an hour", kind.name);
    let interval = |pair: &[Duration]| pair[1] >= pair[0] + MIN_INTERVAL;
    assert!(starts.windows(2).all(interval), "{}: {starts:?}", kind.name);
}

#[test]
fn after_an_outage_a_client_is_signed_in_soon_and_has_made_few_attempts() {
    let mut draws = Draws(1);
    for kind in kinds() {
        for _ in 0..RUNS {
            // One second to twelve hours, distributed logarithmically.
            let length = Duration::from_secs_f64(43_200_f64.powf(draws.next()));
            check(&kind, &outage(&kind, length, &mut draws));
        }
    }
}

#[test]
fn attempts_and_recovery_for_four_lengths_of_outage() {
    for kind in kinds() {
        for (label, seconds) in [("10 s", 10), ("5 min", 300), ("48 min", 2_880), ("6 h", 21_600)] {
            let mut draws = Draws(seconds);
            let length = Duration::from_secs(seconds);
            let runs: Vec<_> = (0..RUNS).map(|_| outage(&kind, length, &mut draws)).collect();
            runs.iter().for_each(|run| check(&kind, run));
            let attempts: usize = runs.iter().map(|run| run.starts.len()).sum();
            let most = runs.iter().map(|run| most_in_an_hour(&run.starts)).max();
            let mut recoveries: Vec<_> = runs.iter().map(|run| run.recovery.as_secs()).collect();
            recoveries.sort_unstable();
            let figure = format!(
                "outage {label:>6}, {:<12} {:>6.1} attempts, at most {:>3} in an hour; signed in \
                 after {:>4} s (median), {:>4} s (longest)\n",
                kind.name,
                attempts as f64 / RUNS as f64,
                most.unwrap_or_default(),
                recoveries.get(RUNS / 2).copied().unwrap_or_default(),
                recoveries.last().copied().unwrap_or_default(),
            );
            // Not `eprintln!`, whose output the test runner hides.
            let _ = io::stderr().write_all(figure.as_bytes());
        }
    }
}
