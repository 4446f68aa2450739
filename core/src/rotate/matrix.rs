//! A rotation that is killed before and after each state is durable, with each fault that a network,
//! a server, a disk or a caller's function can add: after each run of a real process some durable
//! application token authenticates, at most one is an orphan, and nobody else's was revoked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use emnify_sandbox::{Fault, FaultKind, NewToken, Sandbox, TokenRow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use serde::{Deserialize, Serialize};

use super::RotateOptions;
use crate::directory::Directory;
use crate::store::{Lock, Place, Store};
use crate::{Client, ManualClock, RotationState, Secret, journal};

const TOKENS: &str = "/api/v1/application_token";
const AUTHENTICATE: &str = "/api/v1/authenticate";

/// Pages that a rotation with a grace period writes until it waits, and after that.
const SAVES: u32 = 6;
const SAVES_AFTER_GRACE: u32 = 2;

/// No case needs as many runs to the end.
const MOST_RUNS: u32 = 8;

/// What one run of the process does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Run {
    url: String,
    ca_file: PathBuf,
    directory: PathBuf,
    /// Hands the token over instead of writing it to the file.
    by_function: bool,
    /// The old application token, where it is not in a file.
    old: String,
    /// Runs before; time has passed since each.
    number: u32,
    kill: Option<Kill>,
    disk_full_at: Option<u32>,
    hand_over_fails: bool,
    impatient: bool,
}

/// Kills the process at the page that it writes as the `at`th.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Kill {
    at: u32,
    after: bool,
}

/// A directory that fails or kills at the page that it is told.
#[derive(Debug)]
struct Breaking {
    directory: Directory,
    pages: AtomicU32,
    kill: Option<Kill>,
    disk_full_at: Option<u32>,
}

fn die() {
    kill(getpid(), Signal::SIGKILL).unwrap();
}

impl Place for Breaking {
    fn location(&self) -> String {
        self.directory.location()
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.directory.load(name)
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !name.ends_with(".rotation") {
            return self.directory.save(name, bytes);
        }
        let page = self.pages.fetch_add(1, Ordering::Relaxed) + 1;
        let killed = |after| self.kill.is_some_and(|kill| kill.at == page && kill.after == after);
        if killed(false) {
            die();
        }
        if self.disk_full_at == Some(page) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.directory.save(name, bytes)?;
        if killed(true) {
            die();
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.directory.remove(name)
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        self.directory.set_aside(name)
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        self.directory.try_lock(name)
    }
}

/// The process that rotates.
#[test]
#[ignore = "run by the matrix, with what it shall do in the environment"]
fn process() {
    let Ok(run) = std::env::var("EMNIFY_MATRIX") else { return };
    let run: Run = serde_json::from_str(&run).unwrap();
    let clock = ManualClock::new(SystemTime::now());
    clock.advance(Duration::from_secs(1_000) * run.number);
    let place = Breaking {
        directory: Directory::new(run.directory.join("store")),
        pages: AtomicU32::new(0),
        kill: run.kill,
        disk_full_at: run.disk_full_at,
    };
    let builder = Client::builder()
        .base_url(&run.url)
        .ca_bundle(&run.ca_file)
        .timeout(Duration::from_millis(if run.impatient { 500 } else { 20_000 }))
        .clock(Arc::new(clock))
        .store(Store::within(place));
    let options = RotateOptions::new().grace(Duration::from_secs(60));
    let (builder, options) = if run.by_function {
        let (taken, fails) = (run.directory.join("taken"), run.hand_over_fails);
        let hand_over = move |token: &Secret| match fails {
            true => Err("no".into()),
            false => Ok(fs::write(&taken, token.reveal())?),
        };
        (builder.application_token(&*run.old), options.hand_over(hand_over))
    } else {
        (builder.application_token_file(run.directory.join("token")), options)
    };
    let outcome = builder.build().unwrap().application_tokens().rotate(&options);
    let outcome = match outcome {
        Ok(rotation) => rotation.state().to_string(),
        Err(error) => error.to_string(),
    };
    fs::write(run.directory.join("outcome"), outcome).unwrap();
}

/// A gateway whose process is run, killed and run again.
struct Gateway<'a> {
    sandbox: &'a Sandbox,
    run: Run,
    bystanders: BTreeMap<u64, TokenRow>,
}

impl<'a> Gateway<'a> {
    fn new(sandbox: &'a Sandbox, directory: &Path, by_function: bool) -> Self {
        sandbox.reset();
        sandbox.settings(|settings| settings.limits = false);
        sandbox.add_application_token(NewToken::default());
        let bystanders =
            sandbox.application_tokens().into_iter().map(|row| (row.id, row)).collect();
        let gateway_7 = NewToken { description: Some("gateway 7".into()), ..NewToken::default() };
        let (_, old) = sandbox.add_application_token(gateway_7);
        let _ = fs::remove_dir_all(directory);
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join("token"), &old).unwrap();
        let run = Run {
            url: sandbox.url().to_owned(),
            ca_file: sandbox.ca_file().to_owned(),
            directory: directory.to_owned(),
            by_function,
            old,
            ..Run::default()
        };
        Gateway { sandbox, run, bystanders }
    }

    /// Runs the process; returns what it came to, or nothing if it was killed.
    fn run(&mut self, change: impl FnOnce(&mut Run)) -> Option<String> {
        let mut run = self.run.clone();
        self.run.number += 1;
        change(&mut run);
        let outcome = run.directory.join("outcome");
        let _ = fs::remove_file(&outcome);
        let process = format!("{}::process", module_path!().split_once("::").unwrap().1);
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &process, "--ignored", "--quiet"])
            .env("EMNIFY_MATRIX", serde_json::to_string(&run).unwrap())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        self.sandbox.clear_faults();
        self.check(&run);
        fs::read_to_string(&outcome).ok()
    }

    /// The application token that the next start goes on with.
    fn in_use(&self) -> Secret {
        let start = match self.run.by_function {
            true => self.run.old.clone(),
            false => fs::read_to_string(self.run.directory.join("token")).unwrap(),
        };
        let store = Store::directory(self.run.directory.join("store"));
        let url = format!("{}/", self.run.url);
        journal::newest(&store, &Secret::from(start.trim()), &url).unwrap()
    }

    fn active(&self) -> Vec<TokenRow> {
        let is_ours = |row: &TokenRow| !row.revoked && !self.bystanders.contains_key(&row.id);
        self.sandbox.application_tokens().into_iter().filter(is_ours).collect()
    }

    fn check(&self, run: &impl Debug) {
        let (in_use, active) = (self.in_use(), self.active());
        let works = active.iter().any(|row| row.value == in_use.reveal());
        assert!(works, "no durable application token authenticates after {run:#?}: {active:#?}");
        let is_known = |row: &&TokenRow| row.value == in_use.reveal() || row.value == self.run.old;
        let orphans = active.len() - active.iter().filter(is_known).count();
        assert!(orphans <= 1, "{orphans} orphans after {run:#?}: {active:#?}");
        for row in self.sandbox.application_tokens() {
            if let Some(before) = self.bystanders.get(&row.id) {
                assert_eq!(row, *before, "somebody else's was touched by {run:#?}");
            }
        }
    }

    /// Runs on without a fault until the rotation is done; then one token is left, and it works.
    fn finish(&mut self, case: &impl Debug) {
        for _ in 0..MOST_RUNS {
            if self.run(|_| {}).as_deref() != Some("Done") {
                continue;
            }
            let (in_use, active) = (self.in_use(), self.active());
            assert_eq!(active.len(), 1, "{case:?}: {active:#?}");
            assert_eq!(active[0].value, in_use.reveal(), "{case:?}");
            assert_ne!(active[0].value, self.run.old, "{case:?}");
            assert_eq!(active[0].description.as_deref(), Some("gateway 7"), "{case:?}");
            let kept = if self.run.by_function { "taken" } else { "token" };
            let kept = fs::read_to_string(self.run.directory.join(kept)).unwrap();
            assert_eq!(kept.trim(), in_use.reveal(), "{case:?}");
            return;
        }
        panic!("{case:?} does not end: {}", self.outcome());
    }

    fn outcome(&self) -> String {
        fs::read_to_string(self.run.directory.join("outcome")).unwrap_or_default()
    }
}

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
    /// Each kind. `method`, `path` and `skip` say which request it hits.
    fn all(method: Option<&str>, path: &str, skip: u32) -> Vec<Trouble> {
        let late = FaultKind::Delay { milliseconds: 60_000 };
        let hit = |kind| {
            let fault = Fault::new(path, kind).times(1).skip(skip);
            match method {
                Some(method) => fault.method(method),
                None => fault,
            }
        };
        let mut all = vec![Trouble::None, Trouble::DiskFull, Trouble::HandOverFails];
        all.extend(
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
            .map(Trouble::Request),
        );
        all
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
        let mut all = Vec::new();
        let mut add = |at, trouble: &Trouble, trouble_first| {
            for after in [false, true] {
                let by_function = matches!(trouble, Trouble::HandOverFails) || all.len() % 4 > 1;
                let (kill, trouble) = (Kill { at, after }, trouble.clone());
                all.push(Case { by_function, kill, trouble, trouble_first });
            }
        };
        // Killed at each state; the trouble waits for whoever goes on.
        for at in 1..=SAVES + SAVES_AFTER_GRACE {
            Trouble::all(None, "", 0).iter().for_each(|trouble| add(at, trouble, false));
        }
        // The trouble comes with each request of a rotation; the kill, at the page that is written
        // next by whoever goes on, and the one after that.
        let rows = format!("{TOKENS}/*");
        for (method, path, skip) in [
            ("POST", TOKENS, 0),
            ("GET", TOKENS, 1),
            ("POST", AUTHENTICATE, 1),
            ("PATCH", rows.as_str(), 0),
        ] {
            for trouble in Trouble::all(Some(method), path, skip) {
                [1, 2].iter().for_each(|at| add(*at, &trouble, true));
            }
        }
        all
    }

    fn play(&self, sandbox: &Sandbox, directory: &Path) -> u32 {
        let mut gateway = Gateway::new(sandbox, directory, self.by_function);
        if self.trouble_first {
            gateway.run(|run| self.trouble.apply(sandbox, run, 3));
            gateway.run(|run| run.kill = Some(self.kill));
        } else {
            let mut kill = self.kill;
            if kill.at > SAVES {
                kill.at -= SAVES;
                assert_eq!(gateway.run(|_| {}).as_deref(), Some("Grace"));
            }
            let outcome = gateway.run(|run| run.kill = Some(kill));
            assert_eq!(outcome, None, "{self:?} was not killed");
            gateway.run(|run| self.trouble.apply(sandbox, run, 1));
        }
        gateway.finish(self);
        gateway.run.number
    }
}

#[test]
fn after_a_kill_at_any_state_and_any_trouble_a_working_token_is_there_and_the_rotation_ends() {
    let cases = Case::all();
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
        "rotation: {} cases of kill -9 and trouble, {} runs of the process, invariants held in \
         100 % of them\n",
        cases.len(),
        runs.into_inner()
    );
    // Not by a macro whose output the test runner keeps to itself.
    let _ = io::stderr().write_all(figure.as_bytes());
}

#[test]
fn of_two_processes_that_rotate_at_once_one_does_and_the_other_adopts_it() {
    let sandbox = Sandbox::start().unwrap();
    let directory = std::env::temp_dir().join(format!("emnify-two-{}", std::process::id()));
    let gateway = Gateway::new(&sandbox, &directory, false);
    // Both are there before either has begun: the first waits for the answer to `create`.
    let late = FaultKind::Delay { milliseconds: 700 };
    sandbox.fault(Fault::new(AUTHENTICATE, late).times(1));
    let run = serde_json::to_string(&gateway.run).unwrap();
    let processes: Vec<_> = (0..2)
        .map(|_| {
            let process = format!("{}::process", module_path!().split_once("::").unwrap().1);
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", &process, "--ignored", "--quiet"])
                .env("EMNIFY_MATRIX", &run)
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    gateway.check(&"both");
    assert_eq!(gateway.outcome(), RotationState::Grace.to_string());
    assert_eq!(sandbox.calls("POST", TOKENS), 1);
    assert_eq!(gateway.active().len(), 2, "the old one and one new one");
    fs::remove_dir_all(&directory).unwrap();
}
