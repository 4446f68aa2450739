//! What happens to a fleet of 1,000 machines, and the numbers that it must keep.

use std::error::Error;
use std::time::{Duration, SystemTime};

use crate::fleet::{Fleet, Plan, SignIn};

pub(crate) const MACHINES: usize = 1_000;
pub(crate) const SEED: u64 = 1;

const MINUTE: Duration = Duration::from_secs(60);

/// How long after its cold start a fleet is in its steady state: every machine has renewed its token
/// at least once.
const STEADY: Duration = Duration::from_secs(6 * 3_600);

/// A simulation that takes longer does not converge.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// Status codes of a sign-in.
pub(crate) const ACCEPTED: u16 = 200;
pub(crate) const TOO_MANY: u16 = 429;

const OUTAGE: Duration = Duration::from_secs(48 * 60);

/// What happened, and which numbers were missed.
pub(crate) struct Outcome {
    /// The name of its picture.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) machines: usize,
    /// When it began and when the picture ends, since the fleet's first start.
    pub(crate) zero: Duration,
    pub(crate) end: Duration,
    /// What the picture marks: from when, until when, and what it is.
    pub(crate) mark: Option<(Duration, Duration, &'static str)>,
    pub(crate) sign_ins: Vec<SignIn>,
    pub(crate) signed_in: Vec<(Duration, usize)>,
    pub(crate) lost_calls: usize,
    /// The last time after `zero`, and after the mark, that a machine got its token back.
    pub(crate) all_after: Option<Duration>,
    pub(crate) missed: Vec<String>,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

impl Outcome {
    fn new(fleet: &Fleet, name: &'static str, title: &str, zero: Duration) -> Self {
        Outcome {
            name,
            title: title.to_owned(),
            machines: fleet.machines(),
            zero,
            end: fleet.now(),
            mark: None,
            sign_ins: fleet.sign_ins(zero),
            signed_in: fleet.record.signed_in.clone(),
            lost_calls: fleet.record.lost_calls.iter().filter(|at| **at >= zero).count(),
            all_after: None,
            missed: Vec::new(),
        }
    }

    fn count(&self, is_counted: impl Fn(u16) -> bool) -> usize {
        self.sign_ins.iter().filter(|sign_in| is_counted(sign_in.status)).count()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.count(|status| status == ACCEPTED)
    }

    pub(crate) fn limited(&self) -> usize {
        self.count(|status| status == TOO_MANY)
    }

    /// Requires that a number is at most `limit`.
    fn at_most(mut self, what: &str, limit: usize, number: impl Fn(&Self) -> usize) -> Self {
        let number = number(&self);
        if number > limit {
            self.missed.push(format!("{}: {number} {what} instead of {limit}", self.name));
        }
        self
    }

    fn signed_in_within(mut self, limit: Duration) -> Self {
        if self.all_after.is_none_or(|after| after > limit) {
            let (after, limit) = (self.all_after, limit.as_secs() / 60);
            self.missed.push(format!("{}: signed in after {after:?}, not {limit} min", self.name));
        }
        self
    }

    fn no_call_fails(self) -> Self {
        self.at_most("calls failed", 0, |outcome| outcome.lost_calls)
    }

    fn no_sign_in_is_limited(self) -> Self {
        self.at_most("sign-ins with 429", 0, Outcome::limited)
    }
}

/// All machines start at once, without a token.
pub(crate) fn cold_start(hint: bool, count_limited: bool) -> Result<Outcome> {
    let hint = hint.then_some(MACHINES as u32);
    let mut fleet = Fleet::new(Plan {
        machines: MACHINES,
        hint,
        count_limited,
        directories: false,
        seed: SEED,
    })?;
    fleet.switch_on()?;
    fleet.run_until_signed_in(LONGEST)?;
    let (name, hint_text) = match hint {
        Some(_) => ("cold_start_with_fleet_size", "with fleet_size"),
        None => ("cold_start", "without fleet_size"),
    };
    let counted = if count_limited { "refused calls count" } else { "refused calls do not count" };
    let title = format!("Cold start {hint_text}, {counted}");
    let mut outcome = Outcome::new(&fleet, name, &title, Duration::ZERO);
    outcome.all_after = all_signed_in(&outcome.signed_in, MACHINES);
    let (sign_ins, minutes) = if hint.is_some() { (1_950, 80) } else { (3_300, 130) };
    let outcome = outcome.at_most("sign-ins", sign_ins, |outcome| outcome.sign_ins.len());
    Ok(outcome.signed_in_within(minutes * MINUTE))
}

/// Half of the fleet is switched off ten minutes after a cold start.
pub(crate) fn half_leaves() -> Result<Outcome> {
    let mut fleet = Fleet::new(plan(SEED))?;
    fleet.switch_on()?;
    fleet.run_until(10 * MINUTE)?;
    fleet.switch_off(|index| index % 2 == 0);
    fleet.run_until_signed_in(LONGEST)?;
    let title = "Half of the fleet leaves 10 minutes after a cold start";
    let mut outcome = Outcome::new(&fleet, "half_leaves", title, Duration::ZERO);
    outcome.all_after = all_signed_in(&outcome.signed_in, MACHINES / 2);
    let outcome = outcome.at_most("sign-ins", 1_950, |outcome| outcome.sign_ins.len());
    Ok(outcome.signed_in_within(80 * MINUTE))
}

/// All machines are without power for ten minutes. If `clocks_are_wrong`, the clock of one of them
/// then shows 1970 and that of another one 2040, until NTP corrects them.
pub(crate) fn warm_restart(clocks_are_wrong: bool) -> Result<Outcome> {
    // The seed also names the directory.
    let mut fleet = steady(Plan { directories: true, ..plan(SEED + u64::from(clocks_are_wrong)) })?;
    let off = fleet.now();
    fleet.switch_off(|_| true);
    fleet.run_until(off + 10 * MINUTE)?;
    let zero = fleet.now();
    let wrong = |index: usize| match index {
        _ if !clocks_are_wrong => None,
        0 => Some(SystemTime::UNIX_EPOCH),
        1 => Some(SystemTime::UNIX_EPOCH + Duration::from_secs(70 * 365 * 86_400)),
        _ => None,
    };
    for index in 0..MACHINES {
        fleet.switch_on_one(index, wrong(index).unwrap_or(fleet.wall()))?;
    }
    fleet.run_until(zero + 5 * MINUTE)?;
    (0..MACHINES).filter(|index| wrong(*index).is_some()).for_each(|one| fleet.correct_clock(one));
    fleet.run_until(zero + 60 * MINUTE)?;
    let (name, title) = match clocks_are_wrong {
        true => ("wrong_clocks", "Restart after 10 minutes; two machines have wrong clocks"),
        false => ("warm_restart", "Restart after 10 minutes without power"),
    };
    let mut outcome = Outcome::new(&fleet, name, title, off);
    outcome.mark = Some((off, zero, "no power"));
    outcome.all_after =
        all_signed_in(&outcome.signed_in, MACHINES).map(|at| at.saturating_sub(zero));
    let sign_ins = (0..2).map(|index| fleet.sign_ins_of(index)).max().unwrap_or_default();
    let outcome = outcome.at_most("sign-ins of a machine", 1, |_| sign_ins as usize);
    Ok(outcome.no_sign_in_is_limited().no_call_fails().signed_in_within(MINUTE))
}

/// Sign-ins fail for 48 minutes.
pub(crate) fn outage(hint: bool) -> Result<Outcome> {
    let mut fleet = steady(Plan { hint: hint.then_some(MACHINES as u32), ..plan(SEED) })?;
    let zero = fleet.now();
    fleet.set_outage(true);
    fleet.run_until(zero + OUTAGE)?;
    fleet.set_outage(false);
    fleet.run_until(zero + OUTAGE + 130 * MINUTE)?;
    let (name, title) = match hint {
        true => ("outage_with_fleet_size", "Sign-ins fail for 48 minutes; with fleet_size"),
        false => ("outage", "Sign-ins fail for 48 minutes; without fleet_size"),
    };
    let mut outcome = Outcome::new(&fleet, name, title, zero);
    outcome.mark = Some((zero, zero + OUTAGE, "sign-ins fail"));
    Ok(outcome.no_call_fails())
}

/// Fifty machines without a token start while sign-ins fail.
pub(crate) fn start_in_outage() -> Result<Outcome> {
    let mut fleet = Fleet::new(Plan { machines: 50, hint: None, ..plan(SEED) })?;
    fleet.set_outage(true);
    fleet.switch_on()?;
    fleet.run_until(OUTAGE)?;
    fleet.set_outage(false);
    fleet.run_until_signed_in(LONGEST)?;
    let title = "50 machines start in an outage of 48 minutes";
    let mut outcome = Outcome::new(&fleet, "start_in_outage", title, Duration::ZERO);
    outcome.mark = Some((Duration::ZERO, OUTAGE, "sign-ins fail"));
    outcome.all_after = all_signed_in(&outcome.signed_in, 50).map(|at| at.saturating_sub(OUTAGE));
    Ok(outcome.signed_in_within(5 * MINUTE))
}

/// The application token of all machines is revoked, and the new one reaches them within ten
/// minutes.
pub(crate) fn rotation() -> Result<Outcome> {
    let mut fleet = steady(Plan { directories: true, ..plan(SEED + 2) })?;
    let zero = fleet.now();
    fleet.rotate(10 * MINUTE);
    // Longer than any token is valid.
    fleet.run_until(zero + 250 * MINUTE)?;
    let title = "The application token is revoked, and replaced within 10 minutes";
    let mut outcome = Outcome::new(&fleet, "rotation", title, zero);
    outcome.mark = Some((zero, zero + 10 * MINUTE, "new token arrives"));
    Ok(outcome.no_sign_in_is_limited().no_call_fails())
}

/// Lets `count` clients start one after the other, each up to five minutes after another program used
/// up the limit. Returns how long after their start they are signed in, in order.
pub(crate) fn alone(count: u32, hint: Option<u32>) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for index in 0..count {
        let seed = index.into();
        let mut fleet = Fleet::new(Plan { machines: 2, hint, count_limited: false, ..plan(seed) })?;
        fleet.sandbox.settings(|settings| settings.authenticate_limit = 1);
        fleet.switch_on_one(0, fleet.wall())?;
        fleet.run_until(5 * MINUTE * index / count + Duration::from_millis(1))?;
        let start = fleet.now();
        fleet.switch_on_one(1, fleet.wall())?;
        fleet.run_until_signed_in(LONGEST)?;
        times.extend(all_signed_in(&fleet.record.signed_in, 2).map(|at| at - start));
    }
    times.sort();
    Ok(times)
}

fn plan(seed: u64) -> Plan {
    let hint = Some(MACHINES as u32);
    Plan { machines: MACHINES, hint, count_limited: true, directories: false, seed }
}

/// Starts a fleet and lets it reach its steady state.
fn steady(plan: Plan) -> Result<Fleet> {
    let mut fleet = Fleet::new(plan)?;
    fleet.switch_on()?;
    fleet.run_until(STEADY)?;
    Ok(fleet)
}

/// Returns when `machines` machines were signed in for the first time after fewer were.
fn all_signed_in(signed_in: &[(Duration, usize)], machines: usize) -> Option<Duration> {
    let last_fewer = signed_in.iter().rposition(|(_, count)| *count < machines);
    signed_in.get(last_fewer.map_or(0, |index| index + 1)).map(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(hint: Option<u32>) -> Fleet {
        Fleet::new(Plan { machines: 130, hint, ..plan(SEED) }).unwrap()
    }

    #[test]
    fn a_fleet_that_knows_its_size_is_signed_in_at_the_second_attempt() {
        let mut fleet = small(Some(130));
        fleet.switch_on().unwrap();
        fleet.run_until_signed_in(LONGEST).unwrap();
        // 100 at once, and the others within 300 s + 4.2 s · 130.
        assert_eq!(fleet.sign_ins(Duration::ZERO).len(), 160);
        let all = all_signed_in(&fleet.record.signed_in, 130).unwrap();
        assert!((5 * MINUTE..15 * MINUTE).contains(&all), "{all:?}");
    }

    #[test]
    fn a_simulation_with_the_same_seed_has_the_same_result() {
        let run = || {
            let mut fleet = small(None);
            fleet.switch_on().unwrap();
            fleet.run_until(3 * 60 * MINUTE).unwrap();
            (fleet.sign_ins(Duration::ZERO), fleet.record.signed_in.clone())
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn a_client_alone_is_signed_in_within_300_s_after_a_429() {
        for (hint, most) in [(None, 300), (Some(1), 305)] {
            let times = alone(3, hint).unwrap();
            assert!(times.iter().all(|time| time.as_secs() <= most), "{times:?}");
            assert_eq!(times.len(), 3);
        }
    }
}
