//! Visits all waits that failures in any order can lead to: a client that fails in each way, at the
//! earliest moment and as it likes, with restarts, `retry_now` and changes of the credential. Time
//! is counted from now, so the states are finite.

use std::time::SystemTime;

use super::*;
use crate::session::policy::{Decision, Need};
use crate::session::state::{CachedToken, Refresh};
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
    Restart,
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
fn key(state: &State) -> impl std::hash::Hash + use<> {
    let Backoff { started_at, doublings, retry_at, verdict, .. } = &state.backoff;
    let ahead = |at: Duration| at.saturating_sub(NOW - 6 * SECOND);
    (
        started_at.map(ahead),
        *doublings,
        ahead(*retry_at),
        verdict.rate_limits.min(7),
        ahead(verdict.limited_until),
        verdict.refusals.min(5),
        ahead(verdict.refused_until),
    )
}

/// The longest wait and the shortest one that may follow.
fn bounds(fails: Fails, is_first: bool) -> (Duration, Duration) {
    let seconds = Duration::from_secs;
    let asked = seconds(fails.retry_after.unwrap_or(0));
    match fails.kind {
        ErrorKind::Rejected => (seconds(60), seconds(900)),
        ErrorKind::RateLimited | ErrorKind::Locked => match fails.retry_after {
            Some(_) => (asked.clamp(seconds(5), seconds(3_600)), seconds(3_600)),
            None if is_first => (seconds(300), seconds(300)),
            None => (seconds(300), seconds(3_600)),
        },
        _ if fails.is_local => (Duration::from_millis(2_500), seconds(30)),
        _ => (asked.clamp(Duration::from_millis(2_500), seconds(300)), seconds(300)),
    }
}

fn check(condition: bool, broken: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(broken.to_owned()) }
}

fn fail(before: &State, fails: Fails, draw: f64, is_user: bool) -> Result<State, String> {
    let error = Error::new(fails.kind, "a fault")
        .with_retry_after(fails.retry_after.map(Duration::from_secs));
    let error = if fails.is_local { error.local() } else { error };
    let started = before.starting(Some(NOW));
    let failure = Failure { error: &error, now: NOW, is_user, fleet_size: None, draw };
    let after = started.failed(&failure);
    let next =
        |state: &State, changed| state.backoff.next_start(NOW, || changed).unwrap_or(NOW) - NOW;
    let wait = next(&after, false);
    let (least, most) = bounds(fails, before.backoff.verdict.rate_limits == 0);
    check(wait >= least, "a wait is shorter than the server's, or than the schedule's")?;
    check(wait >= MIN_INTERVAL, "two attempts start within 5 s")?;
    check(wait <= most.max(MIN_INTERVAL), "a wait is longer than the schedule's")?;
    // A credential that changed was refused by nobody. What the server or the network asks for stays.
    let is_refused = fails.kind == ErrorKind::Rejected;
    check(
        !is_refused || next(&after, true).is_zero(),
        "a new credential waits for the old one's refusal",
    )?;
    check(is_refused || next(&after, true) >= least, "a new credential ends the server's wait")?;
    // What the store keeps, and what `retry_now` leaves, is what emnify asked for.
    for (state, how) in [(restarted(&after), "a restart"), (after.retrying_now(), "retry_now")] {
        let kept = next(&state, false);
        let expected = if is_verdict(&error) { wait } else { Duration::ZERO };
        check(kept == expected, &format!("{how} leaves a wait of {kept:?} of {wait:?}"))?;
    }
    Ok(after)
}

/// Returns the state of the next process, as `snapshot` saves it.
fn restarted(state: &State) -> State {
    let Backoff { credential, last_error, verdict, .. } = state.backoff.clone();
    let backoff = Backoff { credential, last_error, verdict, ..Backoff::default() };
    State { backoff, ..State::default() }
}

fn steps(state: &State, is_user: bool) -> Vec<(Step, Result<State, String>)> {
    let until = match state.decide(Need::Valid, NOW, || false) {
        Decision::BackingOff(until) => Some(until),
        _ => None,
    };
    let mut steps =
        vec![(Step::RetryNow, Ok(state.retrying_now())), (Step::Restart, Ok(restarted(state)))];
    match until {
        Some(until) => {
            let waited = later(state, until - NOW);
            let early = later(state, until - NOW - Duration::from_nanos(1));
            let is_ready = |state: &State| state.backoff.next_start(NOW, || false).is_none();
            let holds = is_ready(&waited) && !is_ready(&early);
            steps.push((
                Step::Wait,
                if holds { Ok(waited) } else { Err("the wait ends at another time".into()) },
            ));
        }
        None => {
            for fails in failures() {
                steps.extend(
                    [0.0, 1.0]
                        .map(|draw| (Step::Fail(fails, draw), fail(state, fails, draw, is_user))),
                );
            }
            let token = AuthToken::new(Secret::from("opaque"), SystemTime::UNIX_EPOCH);
            let token = CachedToken::new(token, "", NOW, 0.0);
            let signed_in = state.starting(Some(NOW)).succeeded(token, Refresh::default(), NOW);
            // Without its token, so that the next attempt may fail.
            steps.push((Step::Succeed, Ok(State { cached: None, ..signed_in })));
        }
    }
    steps
}

#[test]
fn no_order_of_failures_leads_to_a_wait_that_is_too_short_or_too_long() {
    for is_user in [false, true] {
        let visited = explore(State::default(), key, |state| steps(state, is_user));
        println!("back-off, {}: {visited:?}", if is_user { "user" } else { "application token" });
        assert!(visited.states > 1_000, "{visited:?}");
    }
}
