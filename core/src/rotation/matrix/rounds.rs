//! Two processes that rotate at the same instant, round after round, on a store that earlier
//! rotations used: one application token is left each time, and both tell the truth.

use std::fs;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use emnify_sandbox::{Fault, FaultKind, Sandbox};

use super::process::{AUTHENTICATE, Gateway, Outcome, Run, TOKENS};

/// Rounds of two processes, shared by the gateways.
const ROUNDS: u32 = 200;
const GATEWAYS: u32 = 2;

/// What two processes need to start. A machine that is too busy for it starts them one by one, which
/// must come to the same.
const START: Duration = Duration::from_millis(60);

/// Runs both, at the same instant.
fn run_two(gateway: &mut Gateway<'_>) -> [Outcome; 2] {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + START;
    let runs = ["first", "second"].map(|outcome| Run {
        at,
        outcome: outcome.into(),
        ..gateway.run.clone()
    });
    gateway.run.number += 1;
    let processes = runs.each_ref().map(Gateway::start);
    let mut ended = runs.iter().zip(processes).map(|(run, process)| Gateway::wait(run, process));
    let ended = [ended.next().unwrap(), ended.next().unwrap()];
    gateway.check(&"both");
    ended.map(|ended| ended.outcome.unwrap())
}

fn play(gateway: &mut Gateway<'_>, round: u32) -> bool {
    let before = gateway.sandbox.calls("POST", TOKENS);
    let outcomes = run_two(gateway);
    let context = || format!("round {round}: {outcomes:?}");
    let (active, in_use) = (gateway.active(), gateway.in_use());
    assert_eq!(active.len(), 1, "{}: {active:#?}", context());
    assert_eq!(active[0].value, in_use.reveal(), "{}", context());
    assert!(outcomes.iter().all(|outcome| outcome.state == "Done"), "{}", context());
    assert!(outcomes.iter().any(|outcome| outcome.new_id == active[0].id), "{}", context());
    // Who adopted was told of the other's; two who did not have rotated one after the other.
    let created = gateway.sandbox.calls("POST", TOKENS) - before;
    let rotated = outcomes.iter().filter(|outcome| !outcome.adopted).count();
    assert_eq!(created, rotated as u64, "{}", context());
    let is_same = outcomes[0].new_id == outcomes[1].new_id;
    assert_eq!(is_same, rotated == 1, "{}", context());
    rotated == 1
}

#[test]
fn of_two_processes_that_rotate_at_once_one_application_token_is_left_in_every_round() {
    let started = Instant::now();
    let adopted: u32 = thread::scope(|scope| {
        let gateways = (0..GATEWAYS).map(|number| {
            scope.spawn(move || {
                let sandbox = Sandbox::start().unwrap();
                let name = format!("emnify-rounds-{}-{number}", std::process::id());
                let directory = std::env::temp_dir().join(name);
                let mut gateway = Gateway::new(&sandbox, &directory, false);
                gateway.run.grace = Duration::ZERO;
                // An earlier rotation, whose process is gone.
                assert!(gateway.run(|_| {}).is("Done"));
                let rounds = 0..ROUNDS / GATEWAYS;
                let adopted = rounds.map(|round| u32::from(play(&mut gateway, round))).sum();
                let _ = fs::remove_dir_all(&directory);
                adopted
            })
        });
        let gateways: Vec<thread::ScopedJoinHandle<'_, u32>> = gateways.collect();
        gateways.into_iter().map(|gateway| gateway.join().unwrap()).sum()
    });
    let figure = format!(
        "rotation: {ROUNDS} rounds of two processes on a used store, one application token left in \
         each, adopted by the second in {adopted}, {:.0} s\n",
        started.elapsed().as_secs_f64()
    );
    // Not by a macro whose output the test runner keeps to itself.
    let _ = io::stderr().write_all(figure.as_bytes());
}

#[test]
fn of_two_processes_that_rotate_at_once_one_does_and_the_other_adopts_it() {
    let sandbox = Sandbox::start().unwrap();
    let directory = std::env::temp_dir().join(format!("emnify-two-{}", std::process::id()));
    let mut gateway = Gateway::new(&sandbox, &directory, false);
    // Both are there before either has begun: the first waits for the answer to `create`.
    let late = FaultKind::Delay { milliseconds: 700 };
    sandbox.fault(Fault::new(AUTHENTICATE, late).times(1));
    let outcomes = run_two(&mut gateway);
    assert!(outcomes.iter().all(|outcome| outcome.state == "Grace"), "{outcomes:?}");
    assert_eq!(sandbox.calls("POST", TOKENS), 1);
    assert_eq!(gateway.active().len(), 2, "the old one and one new one");
    fs::remove_dir_all(&directory).unwrap();
}
