//! Visits all states of two processes with three threads that share a store, in front of a server
//! that revokes tokens, limits, refuses and fails, while processes are killed and callers cancel.
//! What a thread does between two decisions is written down here as `session` does it; the decisions
//! and the states are those of `policy`, `probe`, `backoff`, `state` and `snapshot`.

mod exchange;
mod key;
mod steps;

use std::time::SystemTime;

use super::*;
use crate::session::snapshot;
use crate::sys::clock::ManualClock;
use crate::sys::explore::explore;
use crate::types::claims::tests::jwt;
use crate::types::error::{Error, ErrorKind};

const START: Duration = Duration::from_secs(1_000_000);
const LIFETIME: u64 = 1_000;
const NAME: &str = "one";

/// Threads that call, and the process of each. Then one thread for each process that renews in the
/// background.
const CALLERS: usize = 3;
const PROCESS_OF: [usize; CALLERS + 2] = [0, 0, 1, 0, 1];

/// The sign-in that a cancelled caller left behind.
const LATE: usize = usize::MAX;

/// How the server responds to a sign-in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reply {
    Token,
    /// 429 with `Retry-After: 100`.
    Limited,
    Refused,
    /// 503.
    Failed,
    /// A token, but the connection breaks before it arrives.
    Lost,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Call(usize),
    /// The response to a thread's call arrives.
    Response(usize),
    Join(usize),
    /// The sign-in that it waits for has ended.
    Wake(usize),
    /// Locks the store, and sends a sign-in if that is still necessary.
    Send(usize),
    Reply(usize, Reply),
    /// Writes to the store and frees its lock.
    Save(usize),
    Cancel(usize),
    /// The response to the sign-in of a cancelled caller arrives.
    Late(usize, Reply),
    Kill(usize),
    /// The server revokes all auth tokens so far.
    Revoke,
    Pass(u64),
}

/// How often each of these may still happen.
#[derive(Debug, Clone, Copy, Default)]
struct Left {
    calls: [u8; CALLERS],
    kills: u8,
    cancels: u8,
    revocations: u8,
    failures: u8,
    passes: u8,
}

/// Why a thread needs a token.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Call,
    /// To repeat its call.
    Replay,
    /// To repeat its call, after a sign-in for that.
    ReplayAfterSignIn,
    /// In the background.
    Renewal,
}

#[derive(Clone)]
enum At {
    Idle,
    /// The call was sent with this token.
    Calls {
        token: AuthToken,
        purpose: Purpose,
    },
    /// Needs a token, instead of a refused one.
    Needs {
        refused: Option<AuthToken>,
        purpose: Purpose,
    },
    Waits {
        ended: u32,
        refused: Option<AuthToken>,
        purpose: Purpose,
    },
    Leads {
        refused: Option<AuthToken>,
        purpose: Purpose,
    },
    Sent {
        sent: Sent,
        refused: Option<AuthToken>,
        purpose: Purpose,
    },
    Saves {
        result: Result<AuthToken, Error>,
        before: State,
        purpose: Purpose,
    },
}

/// A sign-in that was sent.
#[derive(Clone)]
struct Sent {
    at: Duration,
    before: State,
}

#[derive(Clone)]
struct Process {
    state: State,
    /// The thread that signs in.
    leader: Option<usize>,
    ended: u32,
    result: Option<Result<AuthToken, Error>>,
    late: Option<(Sent, bool)>,
    /// What the server asked it to wait for.
    asked: Duration,
    /// When it last signed in after a 401.
    probed_at: Option<Duration>,
}

#[derive(Clone)]
struct World {
    now: Duration,
    processes: [Process; 2],
    threads: [At; CALLERS + 2],
    /// What the next process reads.
    store: State,
    /// What the server asked for, as far as the store knows it.
    asked: Duration,
    locked_by: Option<usize>,
    issued: usize,
    /// Tokens before this one are revoked.
    revoked: usize,
    left: Left,
}

/// What does not change.
struct Model {
    tokens: Vec<AuthToken>,
    clock: ManualClock,
    /// The path that this thread calls returns 401 to every token.
    always_401: Option<usize>,
    passes: &'static [u64],
    replies: &'static [Reply],
}

impl Process {
    fn new() -> Self {
        Process {
            state: State::default().with_credential(NAME).unwrap(),
            leader: None,
            ended: 0,
            result: None,
            late: None,
            asked: Duration::ZERO,
            probed_at: None,
        }
    }

    fn end(&mut self, result: Option<Result<AuthToken, Error>>) {
        (self.leader, self.result) = (None, result);
        self.ended += 1;
    }
}

fn need(refused: Option<&AuthToken>) -> Need<'_> {
    refused.map_or(Need::Valid, Need::InsteadOf)
}

fn check(condition: bool, broken: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(broken.to_owned()) }
}

impl World {
    fn new(left: Left) -> Self {
        World {
            now: START,
            processes: [Process::new(), Process::new()],
            threads: [(); CALLERS + 2].map(|()| At::Idle),
            store: Process::new().state,
            asked: Duration::ZERO,
            locked_by: None,
            issued: 0,
            revoked: 0,
            left,
        }
    }
}

impl Model {
    fn new(always_401: Option<usize>, passes: &'static [u64], replies: &'static [Reply]) -> Self {
        let token = |number: usize| {
            let claims = format!(r#"{{"iat":{number},"exp":{}}}"#, number as u64 + LIFETIME);
            AuthToken::new(Secret::from(jwt(&claims)), SystemTime::UNIX_EPOCH)
        };
        let clock = ManualClock::new(SystemTime::now());
        Model { tokens: (0..32).map(token).collect(), clock, always_401, passes, replies }
    }

    fn number(&self, token: &AuthToken) -> usize {
        token.claims().issued_at.unwrap() as usize
    }

    fn possible(&self, world: &World) -> Vec<Step> {
        let mut steps = Vec::new();
        let left = world.left;
        let replies = |reply: &&Reply| **reply == Reply::Token || left.failures > 0;
        for (thread, at) in world.threads.iter().enumerate() {
            match at {
                At::Idle if thread < CALLERS && left.calls[thread] > 0 => {
                    steps.push(Step::Call(thread))
                }
                At::Idle => {}
                At::Calls { .. } => steps.push(Step::Response(thread)),
                At::Needs { .. } => steps.push(Step::Join(thread)),
                At::Waits { ended, .. } if *ended != world.processes[PROCESS_OF[thread]].ended => {
                    steps.push(Step::Wake(thread));
                }
                At::Waits { .. } => {}
                At::Leads { .. } if world.locked_by.is_none() => steps.push(Step::Send(thread)),
                At::Leads { .. } => {}
                At::Sent { .. } => {
                    steps.extend(
                        self.replies.iter().filter(replies).map(|r| Step::Reply(thread, *r)),
                    );
                    if left.cancels > 0 && world.processes[PROCESS_OF[thread]].late.is_none() {
                        steps.push(Step::Cancel(thread));
                    }
                }
                At::Saves { .. } => steps.push(Step::Save(thread)),
            }
        }
        for (number, process) in world.processes.iter().enumerate() {
            if process.late.is_some() && world.locked_by.is_none() {
                steps.extend(self.replies.iter().filter(replies).map(|r| Step::Late(number, *r)));
            }
            if left.kills > 0 {
                steps.push(Step::Kill(number));
            }
        }
        if left.revocations > 0 && world.issued > world.revoked {
            steps.push(Step::Revoke);
        }
        if left.passes > 0 {
            steps.extend(self.passes.iter().map(|seconds| Step::Pass(*seconds)));
        }
        steps
    }
}

/// Visits all states, and prints how many.
fn visited(what: &str, model: &Model, left: Left) {
    let started = std::time::Instant::now();
    let next = |world: &World| {
        model.possible(world).into_iter().map(|step| (step, model.take(world, step))).collect()
    };
    let visited = explore(World::new(left), |world| key::key(model, world), next);
    println!("{what}: {visited:?} in {:?}", started.elapsed());
    assert!(visited.states > 1_000, "{visited:?}");
}

const CALLS: [u8; CALLERS] = [1, 1, 1];

#[test]
fn killed_processes_and_revoked_tokens_cost_no_more_sign_ins_than_they_must() {
    let model = Model::new(None, &[600], &[Reply::Token]);
    let left = Left { calls: CALLS, kills: 1, ..Left::default() };
    visited("kills and revocations", &model, Left { revocations: 1, ..left });
    visited("kills and renewals", &model, Left { passes: 1, ..left });
    let left = Left { calls: [1, 0, 2], passes: 2, ..Left::default() };
    visited("renewals by two processes", &Model::new(None, &[6, 600], &[Reply::Token]), left);
}

#[test]
fn no_process_signs_in_before_the_wait_is_over_that_the_server_asked_any_of_them_for() {
    use Reply::{Failed, Limited, Lost, Refused, Token};
    let left = Left { calls: CALLS, kills: 1, failures: 1, passes: 1, ..Left::default() };
    visited(
        "failures",
        &Model::new(None, &[61, 101], &[Token, Limited, Refused, Failed, Lost]),
        left,
    );
}

#[test]
fn a_response_that_arrives_after_its_caller_cancelled_replaces_nothing_newer() {
    let left = Left { calls: CALLS, cancels: 1, failures: 1, passes: 1, ..Left::default() };
    visited(
        "cancelled callers",
        &Model::new(None, &[6, 600], &[Reply::Token, Reply::Limited]),
        left,
    );
}

#[test]
fn a_path_that_always_returns_401_never_takes_the_token_from_other_calls() {
    let left = Left { calls: [1, 2, 1], passes: 1, ..Left::default() };
    visited("a path that always returns 401", &Model::new(Some(1), &[61], &[Reply::Token]), left);
}
