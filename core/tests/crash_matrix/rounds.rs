//! Two processes that rotate at the same instant, round after round, on a store that earlier
//! rotations used: each round leaves one application token, and both processes report what they did.

use std::io::{self, Write};
use std::slice;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use emnify_sandbox::{Fault, FaultKind};

use crate::common::{AUTHENTICATE, Scratch, TOKENS, sandbox};
use crate::process::{Gateway, Run, RunResult};

/// How many rounds all gateways play together.
const ROUNDS: u32 = 200;
const GATEWAYS: u32 = 2;

/// The time that two processes need to start. On a busier machine they rotate one after the other,
/// with the same result.
const START: Duration = Duration::from_millis(60);

/// Runs two processes that rotate at the same instant.
fn run_two(gateway: &mut Gateway<'_>) -> [RunResult; 2] {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + START;
    let runs =
        ["first", "second"].map(|result| Run { at, result: result.into(), ..gateway.run.clone() });
    gateway.run.number += 1;
    let processes = runs.each_ref().map(Gateway::start);
    let mut ended = runs.iter().zip(processes).map(|(run, process)| Gateway::wait(run, process));
    let ended = [ended.next().unwrap(), ended.next().unwrap()];
    gateway.check(&"both");
    ended.map(|ended| ended.result.unwrap())
}

/// Plays one round. Returns whether one process adopted the rotation of the other.
fn play(gateway: &mut Gateway<'_>, round: u32) -> bool {
    let before = gateway.sandbox.calls("POST", TOKENS);
    let results = run_two(gateway);
    let context = format!("round {round}: {results:?}");
    let in_use = gateway.in_use(&context);
    assert_eq!(gateway.active(), slice::from_ref(&in_use), "{context}");
    assert!(results.iter().all(|result| result.state == "done"), "{context}");
    assert!(results.iter().any(|result| result.new_id == in_use.id), "{context}");
    // Two processes of which none adopted have rotated one after the other.
    let created = gateway.sandbox.calls("POST", TOKENS) - before;
    let rotated = results.iter().filter(|result| !result.adopted).count();
    assert_eq!(created, rotated as u64, "{context}");
    let is_same = results[0].new_id == results[1].new_id;
    assert_eq!(is_same, rotated == 1, "{context}");
    rotated == 1
}

#[test]
fn two_processes_that_rotate_at_once_leave_one_application_token_in_every_round() {
    let started = Instant::now();
    let adopted: u32 = thread::scope(|scope| {
        let gateways = (0..GATEWAYS).map(|_| {
            scope.spawn(move || {
                let (sandbox, scratch) = (sandbox(), Scratch::new("rounds"));
                let mut gateway = Gateway::new(&sandbox, &scratch.0, false);
                gateway.run.grace = Duration::ZERO;
                // An earlier rotation, whose process has ended.
                assert!(gateway.run(|_| {}).is("done"));
                let rounds = 0..ROUNDS / GATEWAYS;
                rounds.map(|round| u32::from(play(&mut gateway, round))).sum()
            })
        });
        let gateways: Vec<thread::ScopedJoinHandle<'_, u32>> = gateways.collect();
        gateways.into_iter().map(|gateway| gateway.join().unwrap()).sum()
    });
    let summary = format!(
        "rotation: {ROUNDS} rounds of two processes on a used store, one application token left in \
         each, adopted by the second in {adopted}, {:.0} s\n",
        started.elapsed().as_secs_f64()
    );
    // Not by a macro, whose output the test runner captures.
    let _ = io::stderr().write_all(summary.as_bytes());
}

#[test]
fn of_two_processes_that_rotate_at_once_one_does_and_the_other_adopts_it() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("two"));
    let mut gateway = Gateway::new(&sandbox, &scratch.0, false);
    // Both start before either has begun: the first one's sign-in takes long.
    let late = FaultKind::Delay { milliseconds: 700 };
    sandbox.fault(Fault::new(AUTHENTICATE, late).times(1));
    let results = run_two(&mut gateway);
    assert!(results.iter().all(|result| result.state == "grace"), "{results:?}");
    assert_eq!(sandbox.calls("POST", TOKENS), 1);
    assert_eq!(gateway.active().len(), 2, "the old one and one new one");
}
