//! The process that rotates, and the gateway that runs it: killed and run again, with the invariants
//! checked after each run.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::slice;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emnify_core::{Client, ClientBuilder, EventKind, ManualClock, RotateOptions, Secret, Store};
use emnify_sandbox::{NewToken, Sandbox, TokenRow};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::common::only;
use crate::failing_backend::{FailingBackend, is_journal};

/// More runs than any case needs until its rotation is done.
const MAX_RUNS: u32 = 8;

/// The time that passes between two runs: more than any wait that a server can ask for.
const BETWEEN: Duration = Duration::from_secs(3_700);

/// A file that the process writes when its disk is full or its hand-over fails.
pub(super) const FAILED: &str = "failed";

/// What one run of the process does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) url: String,
    pub(super) ca_file: PathBuf,
    pub(super) directory: PathBuf,
    /// Hands the token over instead of writing it to the file.
    pub(super) by_function: bool,
    /// The old application token, for a process that does not read it from a file.
    pub(super) old: String,
    /// How many runs there were before. Time has passed since each of them.
    pub(super) number: u32,
    pub(super) grace: Duration,
    pub(super) kill: Option<Kill>,
    /// The disk is full when this entry is written.
    pub(super) disk_full_at: Option<u32>,
    pub(super) hand_over_fails: bool,
    /// Has a short timeout.
    pub(super) impatient: bool,
    /// When it rotates, as Unix time; at once if that is past.
    pub(super) at: Duration,
    /// The file in the directory that gets its result.
    pub(super) result: String,
}

/// Kills the process when it writes its entry number `at`: before that, or after.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Kill {
    pub(super) at: u32,
    pub(super) after: bool,
}

/// The result of a run that was not killed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RunResult {
    /// The state that was reached, or the error.
    pub(super) state: String,
    pub(super) new_id: u64,
    pub(super) adopted: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// By SIGKILL.
    pub(super) was_killed: bool,
    /// Whether the disk was full or the hand-over failed.
    pub(super) has_failed: bool,
    /// `None` if it was killed.
    pub(super) result: Option<RunResult>,
}

impl Ended {
    pub(super) fn is(&self, state: &str) -> bool {
        self.result.as_ref().is_some_and(|result| result.state == state)
    }
}

/// A client of the gateway that sees the time of this run.
fn builder(run: &Run) -> ClientBuilder {
    let clock = ManualClock::new(SystemTime::now());
    clock.advance(BETWEEN * run.number);
    let builder = Client::builder()
        .base_url(&run.url)
        .ca_bundle(&run.ca_file)
        .timeout(Duration::from_millis(if run.impatient { 500 } else { 20_000 }))
        .clock(Arc::new(clock));
    match run.by_function {
        true => builder.application_token(&*run.old),
        false => builder.application_token_file(run.directory.join("token")),
    }
}

#[test]
#[ignore = "the matrix starts it, with a run in the environment"]
fn rotates() {
    let Ok(run) = std::env::var("EMNIFY_MATRIX") else { return };
    let run: Run = serde_json::from_str(&run).unwrap();
    let store = Store::directory(run.directory.join("store"))
        .with_backend(|inner| Arc::new(FailingBackend::new(inner, run.clone())));
    let mut options = RotateOptions::new().grace(run.grace);
    if run.by_function {
        let (directory, fails) = (run.directory.clone(), run.hand_over_fails);
        options = options.hand_over(move |token: &Secret| {
            fs::write(directory.join(if fails { FAILED } else { "taken" }), token.reveal())?;
            if fails { Err("no".into()) } else { Ok(()) }
        });
    }
    let client = builder(&run).store(store).build().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    thread::sleep(run.at.saturating_sub(now));
    let result = match client.application_tokens().rotate(&options) {
        Ok(rotation) => RunResult {
            state: rotation.state().to_string(),
            new_id: rotation.new_id(),
            adopted: rotation.is_adopted(),
        },
        Err(error) => RunResult { state: error.to_string(), ..RunResult::default() },
    };
    fs::write(run.directory.join(&run.result), serde_json::to_string(&result).unwrap()).unwrap();
}

/// A gateway whose process is run, killed and run again.
pub(super) struct Gateway<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) run: Run,
    /// The application tokens of others, as they were at the start.
    bystanders: BTreeMap<u64, TokenRow>,
}

impl<'a> Gateway<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, directory: &Path, by_function: bool) -> Self {
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
            grace: Duration::from_secs(60),
            result: "result".into(),
            ..Run::default()
        };
        Gateway { sandbox, run, bystanders }
    }

    /// Starts the process.
    pub(super) fn start(run: &Run) -> Child {
        let _ = fs::remove_file(run.directory.join(&run.result));
        Command::new(std::env::current_exe().unwrap())
            .args(only(module_path!(), "rotates"))
            .env("EMNIFY_MATRIX", serde_json::to_string(run).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Waits for the process.
    pub(super) fn wait(run: &Run, mut process: Child) -> Ended {
        let status = process.wait().unwrap();
        let was_killed = status.signal() == Some(Signal::SIGKILL as i32);
        assert!(was_killed || status.success(), "{status} of {run:#?}");
        let result = fs::read(run.directory.join(&run.result)).ok();
        let result = result.map(|text| serde_json::from_slice(&text).unwrap());
        assert_eq!(result.is_none(), was_killed, "{run:#?}");
        let has_failed = fs::remove_file(run.directory.join(FAILED)).is_ok();
        Ended { was_killed, has_failed, result }
    }

    /// Runs the process with that change, and checks the invariants.
    pub(super) fn run(&mut self, change: impl FnOnce(&mut Run)) -> Ended {
        let mut run = self.run.clone();
        self.run.number += 1;
        change(&mut run);
        let ended = Gateway::wait(&run, Gateway::start(&run));
        self.check(&run);
        ended
    }

    /// Returns the row of the application token that a process uses which starts now. It reads a
    /// copy of the journal, so that nothing that it does reaches the next run.
    pub(super) fn in_use(&self, context: &impl Debug) -> TokenRow {
        let copy = self.run.directory.join("copy");
        let _ = fs::remove_dir_all(&copy);
        DirBuilder::new().mode(0o700).create(&copy).unwrap();
        for file in fs::read_dir(self.run.directory.join("store")).into_iter().flatten() {
            let (path, name) = file.map(|file| (file.path(), file.file_name())).unwrap();
            if name.to_str().is_some_and(is_journal) {
                fs::copy(path, copy.join(name)).unwrap();
            }
        }
        // What is to go wrong in the process must not go wrong here.
        let faults = self.sandbox.faults();
        if !faults.is_empty() {
            self.sandbox.clear_faults();
        }
        let client = builder(&self.run).store(Store::directory(copy)).build().unwrap();
        let own = client.application_tokens().own().unwrap_or_else(|error| {
            panic!("no durable application token authenticates after {context:#?}: {error}")
        });
        let is_damaged = |kind| kind == EventKind::StoreError;
        let damaged = client.take_events().into_iter().find(|event| is_damaged(event.kind()));
        assert!(damaged.is_none(), "{damaged:?} after {context:#?}");
        faults.into_iter().for_each(|fault| self.sandbox.fault(fault));
        let id = own.unwrap().id();
        self.sandbox.application_tokens().into_iter().find(|row| row.id == id).unwrap()
    }

    pub(super) fn active(&self) -> Vec<TokenRow> {
        let is_ours = |row: &TokenRow| !row.revoked && !self.bystanders.contains_key(&row.id);
        self.sandbox.application_tokens().into_iter().filter(is_ours).collect()
    }

    /// Checks the invariants, which hold after every run.
    pub(super) fn check(&self, context: &impl Debug) {
        let (in_use, active) = (self.in_use(context), self.active());
        assert!(active.contains(&in_use), "{in_use:#?} works after {context:#?}: {active:#?}");
        let is_known = |row: &&TokenRow| **row == in_use || row.value == self.run.old;
        let orphans = active.len() - active.iter().filter(is_known).count();
        assert!(orphans <= 1, "{orphans} orphans after {context:#?}: {active:#?}");
        for row in self.sandbox.application_tokens() {
            if let Some(before) = self.bystanders.get(&row.id) {
                assert_eq!(row, *before, "another one's token was changed by {context:#?}");
            }
        }
    }

    /// Runs the process without a failure until the rotation is done. Then one application token is
    /// left, and it works.
    pub(super) fn finish(&mut self, case: &impl Debug) {
        let mut last = None;
        for _ in 0..MAX_RUNS {
            let ended = self.run(|_| {});
            if !ended.is("done") {
                last = ended.result;
                continue;
            }
            let (in_use, active) = (self.in_use(case), self.active());
            assert_eq!(active, slice::from_ref(&in_use), "{case:?}");
            assert_ne!(in_use.value, self.run.old, "{case:?}");
            assert_eq!(in_use.description.as_deref(), Some("gateway 7"), "{case:?}");
            let kept = if self.run.by_function { "taken" } else { "token" };
            let kept = fs::read_to_string(self.run.directory.join(kept)).unwrap();
            assert_eq!(kept.trim(), in_use.value, "{case:?}");
            return;
        }
        panic!("{case:?} does not end: {last:?}");
    }
}
