//! Visits all states that a rotation can be left in: each run of the real rotation is killed before
//! or after each of its writes, or one of its requests fails, and the next run starts in the state
//! that this left. Runs in the same state are made once. `core/tests/crash_matrix` kills real
//! processes on a real disk, each once; here they are killed again and again.

mod key;
mod memory;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use emnify_sandbox::{Fault, FaultKind, NewToken, Sandbox, TokenRow};

use self::memory::{Entries, Killed, store};
use crate::client::Client;
use crate::rotation::options::{RotateOptions, Rotation};
use crate::session::snapshot;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal::{self, Entry, Orphan, Plan, PreparingStep};
use crate::sys::clock::{Clock, ManualClock};
use crate::sys::explore::explore;
use crate::sys::timestamp::Timestamp;
use crate::types::error::Result;
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// More time than any wait of a rotation.
const LONG: Duration = Duration::from_secs(3_700);

/// More runs than a rotation without failures needs from any state.
const MAX_RUNS: u32 = 6;

/// A run, and what goes wrong in it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Run,
    /// Is killed when it writes that entry of the journal: before that, or after.
    Killed {
        at: usize,
        after: bool,
    },
    /// That request fails.
    Fails {
        request: usize,
        how: How,
    },
    /// The function that stores the new token fails: before it has stored it, or after.
    HandOverFails {
        after: bool,
    },
    Wait,
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// It takes effect, but no response arrives.
    Lost,
    Unavailable,
    Refused,
    Invalid,
}

/// All that outlives a run.
#[derive(Clone)]
struct World {
    rows: Vec<TokenRow>,
    entries: Entries,
    /// What the program's function stored, which the next run starts with.
    kept: Option<String>,
    elapsed: Duration,
    left: Left,
    /// Requests that the server refused, each of which may leave another orphan.
    refused: usize,
    is_done: bool,
}

/// How often each of these may still happen.
#[derive(Debug, Clone, Copy, Hash)]
struct Left {
    kills: u8,
    failures: u8,
    waits: u8,
}

/// What a run did.
struct Ran {
    world: World,
    /// `None` if it was killed.
    result: Option<Result<Rotation>>,
    written: usize,
    requests: usize,
}

struct Model {
    sandbox: Sandbox,
    base_url: String,
    /// The application token that the program was installed with.
    old: String,
    grace: Duration,
    start: SystemTime,
    /// States from which runs without failures are known to end the rotation.
    finishing: Mutex<HashSet<String>>,
}

fn check(condition: bool, broken: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(broken.to_owned()) }
}

impl Model {
    fn new(grace: Duration) -> Self {
        let sandbox =
            Sandbox::builder().plain_http(true).settings(|s| s.limits = false).start().unwrap();
        let old = sandbox.application_token();
        let base_url = format!("{}/", sandbox.url());
        Model {
            sandbox,
            base_url,
            old,
            grace,
            start: SystemTime::now(),
            finishing: Mutex::default(),
        }
    }

    fn world(&self, left: Left) -> World {
        World {
            rows: self.sandbox.application_tokens(),
            entries: Entries::new(),
            kept: None,
            elapsed: Duration::ZERO,
            left,
            refused: 0,
            is_done: false,
        }
    }

    fn clock(&self, world: &World) -> ManualClock {
        let clock = ManualClock::new(self.start);
        clock.advance(world.elapsed);
        clock
    }

    fn run(&self, world: &World, step: Step) -> Ran {
        // The rows get the same ids again.
        self.sandbox.reset();
        for row in world.rows.iter().skip(1) {
            self.sandbox.add_application_token(NewToken {
                value: Some(row.value.clone()),
                description: row.description.clone(),
                status: u8::from(row.revoked),
                created: row.created.clone(),
                ..NewToken::default()
            });
        }
        for row in world.rows.iter().take(1).filter(|row| row.revoked) {
            self.sandbox.revoke_application_token(row.id);
        }
        let kill = match step {
            Step::Killed { at, after } => Some((at, after)),
            _ => None,
        };
        if let Step::Fails { request, how } = step {
            let kind = match how {
                How::Lost => FaultKind::ResetAfter,
                How::Unavailable => FaultKind::status(503, ""),
                How::Refused => FaultKind::status(401, ""),
                How::Invalid => FaultKind::status(422, ""),
            };
            self.sandbox.fault(Fault::once("", kind).skip(request as u32));
        }
        let kept = Arc::new(Mutex::new(world.kept.clone()));
        let entries = Arc::new(Mutex::new(world.entries.clone()));
        let written = Arc::default();
        let clock = Arc::new(self.clock(world));
        let (take, read) = (Arc::clone(&kept), Arc::clone(&kept));
        let options = RotateOptions::new()
            .grace(self.grace)
            .hand_over(move |token| match step {
                Step::HandOverFails { after: false } => Err("no".into()),
                _ => {
                    *take.lock().unwrap() = Some(token.reveal().to_owned());
                    match step {
                        Step::HandOverFails { .. } => Err("no".into()),
                        _ => Ok(()),
                    }
                }
            })
            .read_back(move || Ok(Secret::from(read.lock().unwrap().clone().ok_or("nothing")?)));
        let client = Client::builder()
            .base_url(self.base_url.as_str())
            // The roots of the system take longer to read than a rotation takes.
            .ca_bundle(self.sandbox.ca_file())
            .application_token(world.kept.as_ref().unwrap_or(&self.old).as_str())
            .store(store(&entries, &written, kill))
            .clock(clock.clone())
            .build()
            .unwrap();
        let result =
            catch_unwind(AssertUnwindSafe(|| client.application_tokens().rotate(&options)));
        let result = match result {
            Ok(result) => Some(result),
            Err(payload) if payload.is::<Killed>() => None,
            Err(payload) => resume_unwind(payload),
        };
        let requests = self.sandbox.requests().len();
        self.sandbox.clear_faults();
        let elapsed = clock.wall().duration_since(self.start).unwrap();
        let world = World {
            rows: self.sandbox.application_tokens(),
            entries: entries.lock().unwrap().clone(),
            kept: kept.lock().unwrap().clone(),
            elapsed,
            ..*world
        };
        let world = World { is_done: self.is_done(&world), ..world };
        let written = *written.lock().unwrap();
        Ran { world, result, written, requests }
    }

    fn key_of(&self, value: &str) -> EntryKey {
        EntryKey::new(&Secret::from(value), &self.base_url).unwrap()
    }

    fn newest(&self, world: &World, value: &str) -> Secret {
        let store = store(&Arc::new(Mutex::new(world.entries.clone())), &Arc::default(), None);
        rotation_journal::newest(&store, &Secret::from(value), &self.base_url).unwrap()
    }

    fn is_done(&self, world: &World) -> bool {
        let store = store(&Arc::new(Mutex::new(world.entries.clone())), &Arc::default(), None);
        let key = self.key_of(self.newest(world, &self.old).reveal());
        let entry = rotation_journal::read(&store, &key, false).unwrap();
        matches!(entry, Some(Entry::Switching(entry)) if entry.state == RotationState::Done)
    }

    /// Checks what must hold after any run, however it ended.
    fn check(&self, before: &World, ran: &Ran) -> Result<(), String> {
        let world = &ran.world;
        let is_active =
            |value: &str| world.rows.iter().any(|row| row.value == value && !row.revoked);
        let mut in_use = String::new();
        for start in world.kept.iter().chain([&self.old]) {
            in_use = self.newest(world, start).reveal().to_owned();
            check(is_active(&in_use), "a start of the program finds a token that does not work")?;
        }
        let old_works = is_active(&self.old);
        check(
            old_works || world.kept.as_ref() == Some(&in_use),
            "the old token was revoked before the new one was stored",
        )?;
        let active = world.rows.iter().filter(|row| !row.revoked).count();
        let known = usize::from(old_works) + usize::from(in_use != self.old);
        check(active <= known + 1 + world.refused, "more than one orphan")?;
        let revoked_again = |row: &TokenRow| {
            before.rows.iter().any(|r| r.id == row.id && r.revoked && !row.revoked)
        };
        check(!world.rows.iter().any(revoked_again), "a token was activated")?;
        if world.is_done {
            check(
                !old_works && active == 1 + world.refused.min(active - 1),
                "an orphan or the old token is left at the end",
            )?;
        }
        Ok(())
    }

    /// Runs it without failures until it is done.
    fn finish(&self, world: &World) -> Result<(), String> {
        let mut world = World { left: Left { kills: 0, failures: 0, waits: 0 }, ..world.clone() };
        let (mut last, mut passed) = (String::new(), Vec::new());
        for _ in 0..MAX_RUNS {
            passed.push(self.key(&world));
            if passed.last().is_some_and(|key| self.finishing.lock().unwrap().contains(key)) {
                self.finishing.lock().unwrap().extend(passed);
                return Ok(());
            }
            world.elapsed += LONG;
            let ran = self.run(&world, Step::Run);
            self.check(&world, &ran)?;
            if ran.world.is_done {
                self.finishing.lock().unwrap().extend(passed);
                return Ok(());
            }
            last = format!("{:?}", ran.result);
            world = ran.world;
        }
        Err(format!("the rotation does not end: {last}"))
    }

    fn next(&self, world: &World) -> Vec<(Step, Result<World, String>)> {
        if world.is_done {
            return Vec::new();
        }
        if let Err(broken) = self.finish(world) {
            return vec![(Step::Run, Err(broken))];
        }
        let ran = self.run(world, Step::Run);
        let (written, requests) = (ran.written, ran.requests);
        let mut steps = Vec::new();
        if world.left.kills > 0 {
            let at = |at| [false, true].map(|after| Step::Killed { at, after });
            steps.extend((1..=written).flat_map(at));
        }
        if world.left.failures > 0 {
            let kinds = [How::Lost, How::Unavailable, How::Refused, How::Invalid];
            steps.extend(
                (0..requests).flat_map(|request| kinds.map(|how| Step::Fails { request, how })),
            );
            steps.extend([false, true].map(|after| Step::HandOverFails { after }));
        }
        if world.left.waits > 0 {
            steps.push(Step::Wait);
        }
        let unharmed = self.check(world, &ran).map(|()| ran.world);
        let harmed = steps.into_iter().map(|step| (step, self.take(world, step)));
        [(Step::Run, unharmed)].into_iter().chain(harmed).collect()
    }

    fn take(&self, before: &World, step: Step) -> Result<World, String> {
        let mut world = before.clone();
        match step {
            Step::Wait => {
                world.left.waits -= 1;
                world.elapsed += LONG;
                return Ok(world);
            }
            Step::Run => {}
            Step::Killed { .. } => world.left.kills -= 1,
            Step::Fails { how, .. } => {
                world.left.failures -= 1;
                world.refused += usize::from(matches!(how, How::Refused | How::Invalid));
            }
            Step::HandOverFails { .. } => world.left.failures -= 1,
        }
        let ran = self.run(&world, step);
        self.check(before, &ran)?;
        Ok(ran.world)
    }
}

fn visit(grace: u64, left: Left) {
    let model = Model::new(Duration::from_secs(grace));
    let started = std::time::Instant::now();
    let start = model.world(left);
    let visited = explore(start, |world| model.key(world), |world| model.next(world));
    println!("rotation: {visited:?} in {:?}", started.elapsed());
    assert!(visited.states > 30, "{visited:?}");
}

#[test]
#[ignore = "takes half a minute: make test-models"]
fn a_token_works_after_kills_in_three_runs_and_the_rotation_ends() {
    visit(0, Left { kills: 3, failures: 0, waits: 0 });
    visit(60, Left { kills: 2, failures: 0, waits: 1 });
}

#[test]
#[ignore = "takes minutes: make test-models"]
fn a_token_works_after_any_kill_and_any_failure_and_the_rotation_ends() {
    visit(60, Left { kills: 1, failures: 1, waits: 1 });
    visit(60, Left { kills: 0, failures: 2, waits: 1 });
}
