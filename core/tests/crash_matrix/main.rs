//! A rotation that is killed before and after each state is durable, together with each failure of
//! the network, the server, the disk or the caller's function. After each run of a real process some
//! durable application token authenticates, at most one is an orphan, and no token of others was
//! changed.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "../common/mod.rs"]
mod common;
mod failing_backend;
mod process;
mod rounds;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use emnify_sandbox::{Fault, FaultKind, Sandbox};

use common::{AUTHENTICATE, Scratch, TOKENS, sandbox};
use process::{Ended, Gateway, Kill, Run};

/// How many entries a rotation with a grace period writes until that begins, and after it.
const ENTRIES: u32 = 6;
const ENTRIES_AFTER_GRACE: u32 = 2;

/// How many cases run at the same time, each in a sandbox of its own.
const WORKERS: u32 = 4;

/// A failure in one run of the process.
#[derive(Debug, Clone)]
enum Failure {
    None,
    /// The fault hits a request.
    Request(Fault),
    DiskFull,
    HandOver,
}

impl Failure {
    /// Returns all failures of a request. `method`, `path` and `skip` select it.
    fn of_request(method: Option<&str>, path: &str, skip: u32) -> Vec<Failure> {
        let late = FaultKind::Delay { milliseconds: 60_000 };
        let hit = |kind| {
            let fault = Fault::new(path, kind).times(1).skip(skip);
            match method {
                Some(method) => fault.method(method),
                None => fault,
            }
        };
        [
            hit(late.clone()),
            hit(late).with_side_effect(),
            hit(FaultKind::status(401, "")),
            hit(FaultKind::status(404, "")),
            hit(FaultKind::status(422, "")),
            hit(FaultKind::status(429, "")),
            hit(FaultKind::status(500, "")),
            hit(FaultKind::status(500, "")).with_side_effect(),
            hit(FaultKind::ResetBefore),
            hit(FaultKind::ResetAfter),
        ]
        .map(Failure::Request)
        .to_vec()
    }

    /// Returns the failures that do not hit a request.
    fn local() -> Vec<Failure> {
        vec![Failure::None, Failure::DiskFull, Failure::HandOver]
    }

    /// Whether it can occur in the run after that kill, or in the one before it.
    fn goes_with(&self, kill: Kill, failure_first: bool) -> bool {
        const TAKEN: (u32, bool) = (ENTRIES, true);
        const DONE: (u32, bool) = (ENTRIES + ENTRIES_AFTER_GRACE, true);
        match self {
            // The run after it writes one more entry, and the grace period begins.
            Failure::HandOver if failure_first => kill.at == 1,
            // The function is called until it has taken the token, and again by the next rotation.
            Failure::HandOver => !(TAKEN..DONE).contains(&(kill.at, kill.after)),
            _ => true,
        }
    }

    fn apply(&self, sandbox: &Sandbox, run: &mut Run, entry: u32) {
        match self {
            Failure::None => {}
            Failure::Request(fault) => {
                run.impatient = matches!(fault.kind, FaultKind::Delay { .. });
                sandbox.fault(fault.clone());
            }
            Failure::DiskFull => run.disk_full_at = Some(entry),
            Failure::HandOver => run.hand_over_fails = true,
        }
    }

    /// Asserts that it occurred, and ends it.
    fn check_that_it_occurred(&self, case: &Case, sandbox: &Sandbox, ended: &Ended) {
        let occurred = match self {
            Failure::None => true,
            Failure::Request(_) => sandbox.faults().is_empty(),
            Failure::DiskFull | Failure::HandOver => ended.has_failed,
        };
        assert!(occurred, "the failure of {case:?} did not occur: {ended:?}");
        sandbox.clear_faults();
    }
}

/// One kill and one failure.
#[derive(Debug, Clone)]
struct Case {
    by_function: bool,
    kill: Kill,
    failure: Failure,
    /// Whether the failure occurs in the first run and the kill in the next one, or the reverse.
    failure_first: bool,
}

impl Case {
    fn all() -> Vec<Case> {
        let mut all: Vec<Case> = Vec::new();
        let mut add = |at, failure: &Failure, failure_first: bool| {
            for after in [false, true] {
                let kill = Kill { at, after };
                if !failure.goes_with(kill, failure_first) {
                    continue;
                }
                let by_function = matches!(failure, Failure::HandOver) || all.len() % 4 > 1;
                all.push(Case { by_function, kill, failure: failure.clone(), failure_first });
            }
        };
        let of_any_request = [Failure::local(), Failure::of_request(None, "", 0)].concat();
        // A kill at each entry, then a failure in the run after it.
        for at in 1..=ENTRIES + ENTRIES_AFTER_GRACE {
            of_any_request.iter().for_each(|failure| add(at, failure, false));
        }
        // A failure of each request of a rotation, then a kill in the run after it: at the first or
        // the second entry that this writes.
        let rows = format!("{TOKENS}/*");
        let requests = [
            ("PATCH", rows.as_str(), 0), // checks the right to revoke
            ("POST", TOKENS, 0),
            ("POST", AUTHENTICATE, 1), // to create the new one
            ("POST", AUTHENTICATE, 2), // with the new one
            ("GET", TOKENS, 1),
            ("PATCH", rows.as_str(), 1), // takes the marker off
        ];
        let of_each = requests
            .into_iter()
            .flat_map(|(method, path, skip)| Failure::of_request(Some(method), path, skip));
        for failure in Failure::local().into_iter().chain(of_each) {
            [1, 2].iter().for_each(|at| add(*at, &failure, true));
        }
        all
    }

    /// Runs the process until the rotation is done. Returns how many runs that took.
    fn play(&self, sandbox: &Sandbox, directory: &Path) -> u32 {
        let mut gateway = Gateway::new(sandbox, directory, self.by_function);
        let (mut kill, entry) = (self.kill, if self.failure_first { 3 } else { 1 });
        let fail = |gateway: &mut Gateway<'_>| {
            let ended = gateway.run(|run| self.failure.apply(sandbox, run, entry));
            self.failure.check_that_it_occurred(self, sandbox, &ended);
        };
        if self.failure_first {
            fail(&mut gateway);
        } else if kill.at > ENTRIES {
            kill.at -= ENTRIES;
            assert!(gateway.run(|_| {}).is("grace"), "{self:?}");
        }
        let ended = gateway.run(|run| run.kill = Some(kill));
        assert!(ended.was_killed, "{self:?} was not killed: {ended:?}");
        if !self.failure_first {
            fail(&mut gateway);
        }
        gateway.finish(self);
        gateway.run.number
    }
}

#[test]
fn after_a_kill_at_any_state_and_any_failure_a_token_works_and_the_rotation_ends() {
    let cases = Case::all();
    let distinct: HashSet<String> = cases.iter().map(|case| format!("{case:?}")).collect();
    assert_eq!(distinct.len(), cases.len());
    let (next, runs) = (AtomicUsize::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (cases, next, runs) = (&cases, &next, &runs);
            scope.spawn(move || {
                let (sandbox, scratch) = (sandbox(), Scratch::new("matrix"));
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    runs.fetch_add(case.play(&sandbox, &scratch.0), Ordering::Relaxed);
                }
            });
        }
    });
    let summary = format!(
        "rotation: {} distinct cases of kill -9 and another failure, {} runs of the process; each \
         kill and each failure occurred, and the invariants held after every run\n",
        cases.len(),
        runs.into_inner()
    );
    // Not by a macro, whose output the test runner captures.
    let _ = io::stderr().write_all(summary.as_bytes());
}
