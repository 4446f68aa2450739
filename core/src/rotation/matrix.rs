//! A rotation that is killed before and after each state is durable, with each fault that a network,
//! a server, a disk or a caller's function can add: after each run of a real process some durable
//! application token authenticates, at most one is an orphan, and nobody else's was revoked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod process;
mod rounds;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use emnify_sandbox::{Fault, FaultKind, Sandbox};

use process::{AUTHENTICATE, Ended, Gateway, Kill, Run, TOKENS};

/// Entries that a rotation with a grace period writes until it waits, and after that.
const SAVES: u32 = 6;
const SAVES_AFTER_GRACE: u32 = 2;

/// What is added to a kill.
#[derive(Debug, Clone)]
enum Trouble {
    None,
    /// With the request that the fault names.
    Request(Fault),
    DiskFull,
    HandOverFails,
}

impl Trouble {
    /// Each that comes with a request. `method`, `path` and `skip` say with which one.
    fn with_request(method: Option<&str>, path: &str, skip: u32) -> Vec<Trouble> {
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
        .map(Trouble::Request)
        .to_vec()
    }

    /// Those that do not.
    fn without_request() -> Vec<Trouble> {
        vec![Trouble::None, Trouble::DiskFull, Trouble::HandOverFails]
    }

    /// Whether it can come in the run after that kill, or before it.
    fn goes_with(&self, kill: Kill, trouble_first: bool) -> bool {
        const TAKEN: (u32, bool) = (SAVES, true);
        const DONE: (u32, bool) = (SAVES + SAVES_AFTER_GRACE, true);
        match self {
            // What is left writes one entry, and waits.
            Trouble::HandOverFails if trouble_first => kill.at == 1,
            // The function is called until it took the token, and by the next rotation.
            Trouble::HandOverFails => !(TAKEN..DONE).contains(&(kill.at, kill.after)),
            _ => true,
        }
    }

    fn apply(&self, sandbox: &Sandbox, run: &mut Run, page: u32) {
        match self {
            Trouble::None => {}
            Trouble::Request(fault) => {
                run.impatient = matches!(fault.kind, FaultKind::Delay { .. });
                sandbox.fault(fault.clone());
            }
            Trouble::DiskFull => run.disk_full_at = Some(page),
            Trouble::HandOverFails => run.hand_over_fails = true,
        }
    }

    /// Asserts that it came, and ends it.
    fn check_that_it_came(&self, case: &Case, sandbox: &Sandbox, ended: &Ended) {
        let came = match self {
            Trouble::None => true,
            Trouble::Request(_) => sandbox.faults().is_empty(),
            Trouble::DiskFull | Trouble::HandOverFails => ended.met_trouble,
        };
        assert!(came, "the trouble of {case:?} did not come: {ended:?}");
        sandbox.clear_faults();
    }
}

/// One way in which all goes wrong.
#[derive(Debug, Clone)]
struct Case {
    by_function: bool,
    kill: Kill,
    trouble: Trouble,
    /// Whether the trouble comes in the first run, and the kill when that goes on; else the other
    /// way round.
    trouble_first: bool,
}

impl Case {
    fn all() -> Vec<Case> {
        let mut all: Vec<Case> = Vec::new();
        let mut add = |at, trouble: &Trouble, trouble_first: bool| {
            for after in [false, true] {
                let kill = Kill { at, after };
                if !trouble.goes_with(kill, trouble_first) {
                    continue;
                }
                let by_function = matches!(trouble, Trouble::HandOverFails) || all.len() % 4 > 1;
                all.push(Case { by_function, kill, trouble: trouble.clone(), trouble_first });
            }
        };
        let any_request = [Trouble::without_request(), Trouble::with_request(None, "", 0)].concat();
        // Killed at each state; the trouble waits for whoever goes on.
        for at in 1..=SAVES + SAVES_AFTER_GRACE {
            any_request.iter().for_each(|trouble| add(at, trouble, false));
        }
        // The trouble comes first, and with each request of a rotation; the kill, at the entry that
        // is written next by whoever goes on, and the one after that.
        let rows = format!("{TOKENS}/*");
        let requests = [
            ("PATCH", rows.as_str(), 0), // checks the right to revoke
            ("POST", TOKENS, 0),
            ("POST", AUTHENTICATE, 1), // to create the new one
            ("POST", AUTHENTICATE, 2), // with the new one
            ("GET", TOKENS, 1),
            ("PATCH", rows.as_str(), 1), // takes the marker off
        ];
        let with_each = requests
            .into_iter()
            .flat_map(|(method, path, skip)| Trouble::with_request(Some(method), path, skip));
        for trouble in Trouble::without_request().into_iter().chain(with_each) {
            [1, 2].iter().for_each(|at| add(*at, &trouble, true));
        }
        all
    }

    fn play(&self, sandbox: &Sandbox, directory: &Path) -> u32 {
        let mut gateway = Gateway::new(sandbox, directory, self.by_function);
        let (mut kill, entry) = (self.kill, if self.trouble_first { 3 } else { 1 });
        let trouble = |gateway: &mut Gateway<'_>| {
            let ended = gateway.run(|run| self.trouble.apply(sandbox, run, entry));
            self.trouble.check_that_it_came(self, sandbox, &ended);
        };
        if self.trouble_first {
            trouble(&mut gateway);
        } else if kill.at > SAVES {
            kill.at -= SAVES;
            assert!(gateway.run(|_| {}).is("Grace"), "{self:?}");
        }
        let ended = gateway.run(|run| run.kill = Some(kill));
        assert!(ended.was_killed, "{self:?} was not killed: {ended:?}");
        if !self.trouble_first {
            trouble(&mut gateway);
        }
        gateway.finish(self);
        gateway.run.number
    }
}

#[test]
fn after_a_kill_at_any_state_and_any_trouble_a_working_token_is_there_and_the_rotation_ends() {
    let cases = Case::all();
    let distinct: HashSet<String> = cases.iter().map(|case| format!("{case:?}")).collect();
    assert_eq!(distinct.len(), cases.len());
    let (next, runs) = (AtomicUsize::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for worker in 0..4 {
            let (cases, next, runs) = (&cases, &next, &runs);
            scope.spawn(move || {
                let sandbox = Sandbox::start().unwrap();
                let name = format!("emnify-matrix-{}-{worker}", std::process::id());
                let directory = std::env::temp_dir().join(name);
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    runs.fetch_add(case.play(&sandbox, &directory), Ordering::Relaxed);
                }
                let _ = fs::remove_dir_all(&directory);
            });
        }
    });
    let figure = format!(
        "rotation: {} distinct cases of kill -9 and trouble, {} runs of the process; each kill and \
         each trouble came, and the invariants held after every run\n",
        cases.len(),
        runs.into_inner()
    );
    // Not by a macro whose output the test runner keeps to itself.
    let _ = io::stderr().write_all(figure.as_bytes());
}
