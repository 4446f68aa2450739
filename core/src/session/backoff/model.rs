//! Visits all waits that failures in any order can lead to: a client that fails in each way, at the
//! earliest moment and as it likes, with restarts, reboots with a clock that jumps, `retry_now` and
//! changes of the credential. Time is counted from now, so the states are finite.

use std::time::SystemTime;

use super::*;
use crate::session::policy::{Decision, Need};
use crate::session::snapshot;
use crate::session::state::{CachedToken, Refresh};
use crate::sys::clock::ManualClock;
use crate::sys::explore::explore;
use crate::types::auth_token::AuthToken;
use crate::types::secret::Secret;

/// Now, always: what lies behind it is counted from it.
const NOW: Duration = Duration::from_secs(1_000_000);
const SECOND: Duration = Duration::from_secs(1);

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
struct Fails {
    kind: ErrorKind,
    is_local: bool,
    /// What the server asks to wait, in seconds.
    retry_after: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// An attempt fails; the random number is this.
    Fail(#[allow(dead_code, reason = "shown")] Fails, #[allow(dead_code, reason = "shown")] f64),
    Succeed,
    /// Time passes until the next attempt may start.
    Wait,
    RetryNow,
    /// The process starts again, with what the store keeps.
    Restart(#[allow(dead_code, reason = "shown")] Start),
}

/// What happened to the clocks before a process starts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Start {
    SameBoot,
    /// After a reboot that took no time.
    Reboot,
    /// After a reboot, the wall clock shows an earlier time, so the elapsed time is unknown.
    SetBack,
    /// After a reboot, the wall clock shows a time after all waits.
    SetAhead,
}

/// A client, and what has happened to it, counted here and not by the code under test.
#[derive(Debug, Clone)]
struct Client {
    state: State,
    /// Faults without a time from the server, in a row since a success or the start; `None` after
    /// another kind of fault.
    faults: Option<u32>,
    /// Since the last success.
    was_limited: bool,
    refusals: usize,
}

/// Who signs in.
#[derive(Debug, Clone, Copy)]
struct Who {
    is_user: bool,
    fleet_size: Option<u32>,
}

fn failures() -> Vec<Fails> {
    use ErrorKind::{Locked, Network, RateLimited, Rejected, Server, Timeout};
    let fails = |kind, is_local, retry_after| Fails { kind, is_local, retry_after };
    let mut all = vec![
        fails(Network, false, None),
        fails(Network, true, None),
        fails(Timeout, false, None),
        fails(Rejected, false, None),
    ];
    for seconds in [None, Some(0), Some(7), Some(200), Some(86_400)] {
        all.extend([Server, RateLimited].map(|kind| fails(kind, false, seconds)));
    }
    all.push(fails(Locked, false, Some(300)));
    all
}

/// Moves the state's instants, so that it is `by` later.
fn later(state: &State, by: Duration) -> State {
    let mut state = state.clone();
    let backoff = &mut state.backoff;
    // An instant of long ago has no effect.
    let moved = |at: Duration| at.saturating_sub(by).max(NOW - 6 * SECOND);
    backoff.started_at = backoff.started_at.map(moved);
    backoff.retry_at = moved(backoff.retry_at);
    backoff.verdict.limited_until = moved(backoff.verdict.limited_until);
    backoff.verdict.refused_until = moved(backoff.verdict.refused_until);
    state
}

/// What the state depends on. Counters that no longer change anything count as equal.
fn key(client: &Client) -> impl std::hash::Hash + use<> {
    let Backoff { started_at, doublings, retry_at, verdict, .. } = &client.state.backoff;
    let ahead = |at: Duration| at.saturating_sub(NOW - 6 * SECOND);
    (
        (client.faults.map(|faults| faults.min(7)), client.was_limited, client.refusals.min(5)),
        started_at.map(ahead),
        *doublings,
        ahead(*retry_at),
        verdict.rate_limits.min(7),
        ahead(verdict.limited_until),
        verdict.refusals.min(5),
        ahead(verdict.refused_until),
    )
}

/// The shortest wait after the failure and the longest one, with this random number.
fn bounds(client: &Client, fails: Fails, draw: f64, who: Who) -> (Duration, Duration) {
    let seconds = Duration::from_secs;
    let exactly = |seconds: f64| [Duration::from_secs_f64(seconds); 2].into();
    let asked = seconds(fails.retry_after.unwrap_or(0));
    match fails.kind {
        ErrorKind::Rejected => {
            let waits: &[f64] = match who.is_user {
                true => &[60.0, 300.0, 600.0, 900.0],
                false => &[60.0, 120.0, 240.0, 480.0, 900.0],
            };
            exactly(waits[client.refusals.min(waits.len() - 1)])
        }
        ErrorKind::RateLimited | ErrorKind::Locked => match (fails.retry_after, who.fleet_size) {
            (Some(_), _) => (asked.clamp(seconds(5), seconds(3_600)), seconds(3_600)),
            (None, _) if client.was_limited => exactly(300.0 + 3_300.0 * draw),
            (None, Some(size)) => exactly(300.0 + 4.2 * f64::from(size) * draw),
            (None, None) => exactly(300.0),
        },
        _ if fails.is_local => (Duration::from_millis(2_500), seconds(30)),
        _ => match (fails.retry_after, client.faults) {
            (None, Some(faults)) => {
                exactly((5.0 * f64::from(1 << faults.min(6))).min(300.0) * (0.5 + draw / 2.0))
            }
            _ => (asked.clamp(Duration::from_millis(2_500), seconds(300)), seconds(300)),
        },
    }
}

fn check(condition: bool, broken: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(broken.to_owned()) }
}

fn fail(before: &Client, fails: Fails, draw: f64, who: Who) -> Result<Client, String> {
    let error = Error::new(fails.kind, "a fault")
        .with_retry_after(fails.retry_after.map(Duration::from_secs));
    let error = if fails.is_local { error.local() } else { error };
    let Who { is_user, fleet_size } = who;
    let failure = Failure { error: &error, now: NOW, is_user, fleet_size, draw };
    let state = before.state.starting(Some(NOW)).failed(&failure);
    let is_verdict = is_verdict(&error);
    let after = Client {
        faults: match before.faults {
            faults if is_verdict => faults,
            Some(faults) if !fails.is_local && fails.retry_after.is_none() => Some(faults + 1),
            _ => None,
        },
        was_limited: before.was_limited || is_verdict && fails.kind != ErrorKind::Rejected,
        refusals: before.refusals + usize::from(fails.kind == ErrorKind::Rejected),
        state,
    };
    let next =
        |state: &State, changed| state.backoff.next_start(NOW, || changed).unwrap_or(NOW) - NOW;
    let wait = next(&after.state, false);
    let (least, most) = bounds(before, fails, draw, who);
    check(wait >= least, "a wait is shorter than the server's, or than the schedule's")?;
    check(wait >= MIN_INTERVAL, "two attempts start within 5 s")?;
    check(wait <= most.max(MIN_INTERVAL), "a wait is longer than the schedule's")?;
    // Nothing has refused a new credential. Waits for the server or the network remain.
    let is_refused = fails.kind == ErrorKind::Rejected;
    check(
        !is_refused || next(&after.state, true).is_zero(),
        "a new credential waits for the old one's refusal",
    )?;
    check(
        is_refused || next(&after.state, true) >= least,
        "a new credential ends the server's wait",
    )?;
    // What emnify asked for.
    let asked = if is_verdict { wait } else { Duration::ZERO };
    let kept = next(&after.state.retrying_now(), false);
    check(kept == asked, &format!("retry_now leaves {kept:?} of {asked:?}"))?;
    Ok(after)
}

const STARTS: [Start; 4] = [Start::SameBoot, Start::Reboot, Start::SetBack, Start::SetAhead];

/// Returns the state of the next process, which reads what this one saved.
fn restarted(state: &State, start: Start) -> State {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let clock = ManualClock::new(wall);
    let saved = snapshot::write(&state.savable(), NOW, &clock).unwrap();
    if start != Start::SameBoot {
        clock.reboot();
    }
    match start {
        Start::SameBoot | Start::Reboot => {}
        Start::SetBack => clock.set_wall(wall - SECOND),
        Start::SetAhead => clock.set_wall(wall + Duration::from_secs(86_400 * 365)),
    }
    snapshot::read(saved.as_ref(), "one", NOW, &clock).unwrap()
}

/// Checks that the next process waits for what emnify asked for, as far as it can know the time.
fn restart(state: &State, start: Start) -> Result<State, String> {
    let wait = |state: &State| state.backoff.next_start(NOW, || false).unwrap_or(NOW) - NOW;
    let (asked, next) = (wait(&state.retrying_now()), restarted(state, start));
    let expected = match start {
        Start::SameBoot | Start::Reboot => asked,
        Start::SetBack => asked.min(Duration::from_secs(900)),
        Start::SetAhead => Duration::ZERO,
    };
    check(wait(&next) == expected, &format!("{start:?} leaves {:?} of {asked:?}", wait(&next)))?;
    Ok(next)
}

fn steps(client: &Client, who: Who) -> Vec<(Step, Result<Client, String>)> {
    let state = &client.state;
    let until = match state.decide(Need::Valid, NOW, || false) {
        Decision::BackingOff(until) => Some(until),
        _ => None,
    };
    let as_new = |state| Client { state, faults: Some(0), ..client.clone() };
    let mut steps = vec![(Step::RetryNow, Ok(as_new(state.retrying_now())))];
    steps.extend(STARTS.map(|start| (Step::Restart(start), restart(state, start).map(as_new))));
    match until {
        Some(until) => {
            let waited = later(state, until - NOW);
            let early = later(state, until - NOW - Duration::from_nanos(1));
            let is_ready = |state: &State| state.backoff.next_start(NOW, || false).is_none();
            let holds = is_ready(&waited) && !is_ready(&early);
            let waited = Client { state: waited, ..client.clone() };
            steps.push((
                Step::Wait,
                if holds { Ok(waited) } else { Err("the wait ends at another time".into()) },
            ));
        }
        None => {
            for fails in failures() {
                steps.extend(
                    [0.0, 1.0]
                        .map(|draw| (Step::Fail(fails, draw), fail(client, fails, draw, who))),
                );
            }
            let token = AuthToken::new(Secret::from("opaque"), SystemTime::UNIX_EPOCH);
            let token = CachedToken::new(token, "", NOW, 0.0);
            let signed_in = state.starting(Some(NOW)).succeeded(token, Refresh::default(), NOW);
            // Without its token, so that the next attempt may fail.
            steps.push((Step::Succeed, Ok(new_client(State { cached: None, ..signed_in }))));
        }
    }
    steps
}

fn new_client(state: State) -> Client {
    Client { state, faults: Some(0), was_limited: false, refusals: 0 }
}

#[test]
fn no_order_of_failures_leads_to_a_wait_that_is_too_short_or_too_long() {
    for (is_user, fleet_size) in [(false, None), (true, None), (false, Some(1_000))] {
        let who = Who { is_user, fleet_size };
        let visited = explore(new_client(State::default()), key, |client| steps(client, who));
        println!("back-off, {who:?}: {visited:?}");
        assert!(visited.states > 1_000, "{visited:?}");
    }
}
