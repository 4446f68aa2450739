//! The process that rotates, and the gateway that it belongs to: run, killed and run again, with
//! what must hold after each run.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emnify_sandbox::{NewToken, Sandbox, TokenRow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::rotation::options::RotateOptions;
use crate::store::Store;
use crate::store::backend::{Backend, Lock};
use crate::store::directory::Directory;
use crate::store::rotation_journal;
use crate::sys::clock::ManualClock;
use crate::types::secret::Secret;

pub(super) const TOKENS: &str = "/api/v1/application_token";
pub(super) const AUTHENTICATE: &str = "/api/v1/authenticate";

/// No case needs as many runs to the end.
const MOST_RUNS: u32 = 8;

/// What passes between two runs: more than any wait that a server can ask for.
const BETWEEN: Duration = Duration::from_secs(3_700);

/// A file that the process writes when it meets the trouble that it was told.
const MET: &str = "met";

/// What one run of the process does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) url: String,
    pub(super) ca_file: PathBuf,
    pub(super) directory: PathBuf,
    /// Hands the token over instead of writing it to the file.
    pub(super) by_function: bool,
    /// The old application token, where it is not in a file.
    pub(super) old: String,
    /// Runs before; time has passed since each.
    pub(super) number: u32,
    pub(super) grace: Duration,
    pub(super) kill: Option<Kill>,
    pub(super) disk_full_at: Option<u32>,
    pub(super) hand_over_fails: bool,
    pub(super) impatient: bool,
    /// When it rotates, in time since 1970, if not at once.
    pub(super) at: Duration,
    /// The file in the directory that tells what it came to.
    pub(super) outcome: String,
}

/// Kills the process at the entry that it writes as the `at`th.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Kill {
    pub(super) at: u32,
    pub(super) after: bool,
}

/// What a run came to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// The state that it reached, or its error.
    pub(super) state: String,
    pub(super) new_id: u64,
    pub(super) adopted: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// By SIGKILL.
    pub(super) was_killed: bool,
    /// After a full disk or a function that failed.
    pub(super) met_trouble: bool,
    /// Nothing, if it was killed.
    pub(super) outcome: Option<Outcome>,
}

impl Ended {
    pub(super) fn is(&self, state: &str) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.state == state)
    }
}

/// A directory that fails or kills at the entry that it is told.
#[derive(Debug)]
struct Breaking {
    directory: Directory,
    entries: AtomicU32,
    run: Run,
}

fn die() {
    kill(getpid(), Signal::SIGKILL).unwrap();
}

impl Backend for Breaking {
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
        let entry = self.entries.fetch_add(1, Ordering::Relaxed) + 1;
        let killed =
            |after| self.run.kill.is_some_and(|kill| kill.at == entry && kill.after == after);
        if killed(false) {
            die();
        }
        if self.run.disk_full_at == Some(entry) {
            fs::write(self.run.directory.join(MET), "")?;
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
    clock.advance(BETWEEN * run.number);
    let backend = Breaking {
        directory: Directory::new(run.directory.join("store")),
        entries: AtomicU32::new(0),
        run: run.clone(),
    };
    let builder = Client::builder()
        .base_url(&run.url)
        .ca_bundle(&run.ca_file)
        .timeout(Duration::from_millis(if run.impatient { 500 } else { 20_000 }))
        .clock(Arc::new(clock))
        .store(Store::of_test(backend));
    let options = RotateOptions::new().grace(run.grace);
    let (builder, options) = if run.by_function {
        let (directory, fails) = (run.directory.clone(), run.hand_over_fails);
        let hand_over = move |token: &Secret| {
            fs::write(directory.join(if fails { MET } else { "taken" }), token.reveal())?;
            if fails { Err("no".into()) } else { Ok(()) }
        };
        (builder.application_token(&*run.old), options.hand_over(hand_over))
    } else {
        (builder.application_token_file(run.directory.join("token")), options)
    };
    let client = builder.build().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    thread::sleep(run.at.saturating_sub(now));
    let outcome = match client.application_tokens().rotate(&options) {
        Ok(rotation) => Outcome {
            state: rotation.state().to_string(),
            new_id: rotation.new_id(),
            adopted: rotation.is_adopted(),
        },
        Err(error) => Outcome { state: error.to_string(), ..Outcome::default() },
    };
    fs::write(run.directory.join(&run.outcome), serde_json::to_string(&outcome).unwrap()).unwrap();
}

/// A gateway whose process is run, killed and run again.
pub(super) struct Gateway<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) run: Run,
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
            outcome: "outcome".into(),
            ..Run::default()
        };
        Gateway { sandbox, run, bystanders }
    }

    /// Starts the process.
    pub(super) fn start(run: &Run) -> Child {
        let process = format!("{}::process", module_path!().split_once("::").unwrap().1);
        let _ = fs::remove_file(run.directory.join(&run.outcome));
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &process, "--ignored", "--quiet"])
            .env("EMNIFY_MATRIX", serde_json::to_string(run).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Waits for it.
    pub(super) fn wait(run: &Run, mut process: Child) -> Ended {
        let status = process.wait().unwrap();
        let was_killed = status.signal() == Some(Signal::SIGKILL as i32);
        assert!(was_killed || status.success(), "{status} of {run:#?}");
        let outcome = fs::read(run.directory.join(&run.outcome)).ok();
        let outcome = outcome.map(|text| serde_json::from_slice(&text).unwrap());
        assert_eq!(outcome.is_none(), was_killed, "{run:#?}");
        let met_trouble = fs::remove_file(run.directory.join(MET)).is_ok();
        Ended { was_killed, met_trouble, outcome }
    }

    /// Runs the process, with that change, and checks what must hold after it.
    pub(super) fn run(&mut self, change: impl FnOnce(&mut Run)) -> Ended {
        let mut run = self.run.clone();
        self.run.number += 1;
        change(&mut run);
        let ended = Gateway::wait(&run, Gateway::start(&run));
        self.check(&run);
        ended
    }

    /// The application token that the next start goes on with.
    pub(super) fn in_use(&self) -> Secret {
        let start = match self.run.by_function {
            true => self.run.old.clone(),
            false => fs::read_to_string(self.run.directory.join("token")).unwrap(),
        };
        let store = Store::directory(self.run.directory.join("store"));
        let url = format!("{}/", self.run.url);
        rotation_journal::newest(&store, &Secret::from(start.trim()), &url).unwrap()
    }

    pub(super) fn active(&self) -> Vec<TokenRow> {
        let is_ours = |row: &TokenRow| !row.revoked && !self.bystanders.contains_key(&row.id);
        self.sandbox.application_tokens().into_iter().filter(is_ours).collect()
    }

    pub(super) fn check(&self, run: &impl Debug) {
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
    pub(super) fn finish(&mut self, case: &impl Debug) {
        let mut last = None;
        for _ in 0..MOST_RUNS {
            let ended = self.run(|_| {});
            if !ended.is("Done") {
                last = ended.outcome;
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
        panic!("{case:?} does not end: {last:?}");
    }
}
