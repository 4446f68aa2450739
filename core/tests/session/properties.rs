//! After any sequence of faults, calls and clock changes: no expired token is handed out, there is
//! one refresh at a time, the number of calls is limited, and no secret is printed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use emnify_core::{AuthToken, Client, ManualClock, Store};
use emnify_sandbox::{Fault, FaultKind, Sandbox};
use proptest::prelude::*;

use crate::common::{AUTHENTICATE, Scratch, builder, clock};

/// A second in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// Something that happens to a machine.
#[derive(Debug, Clone)]
enum Step {
    Ask,
    /// Several threads ask at the same time.
    AskTogether,
    Pass {
        nanoseconds: u64,
    },
    SetWall {
        years: i32,
    },
    Break {
        fault: FaultKind,
        times: Option<u32>,
    },
    Mend,
    Refuse401,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(FaultKind::status(503, "")),
        Just(FaultKind::status(429, "")),
        Just(FaultKind::status(401, "")),
        Just(FaultKind::EchoSecrets { status: 422 }),
        Just(FaultKind::ResetBefore),
        Just(FaultKind::ResetAfter),
        Just(FaultKind::CutBody),
        Just(FaultKind::InvalidJson),
        Just(FaultKind::NoAuthToken),
        Just(FaultKind::TokenNotJwt),
        Just(FaultKind::Html { status: 200 }),
    ];
    prop_oneof![
        8 => Just(Step::Ask),
        3 => Just(Step::AskTogether),
        6 => prop_oneof![0..120 * SECOND, 0..20_000 * SECOND]
            .prop_map(|nanoseconds| Step::Pass { nanoseconds }),
        1 => (-40..40i32).prop_map(|years| Step::SetWall { years }),
        3 => (fault, prop::option::of(1..4u32))
            .prop_map(|(fault, times)| Step::Break { fault, times }),
        2 => Just(Step::Mend),
        1 => Just(Step::Refuse401),
        1 => Just(Step::Restart),
    ]
}

/// When a step was taken on the machine's clock, and how many sign-ins it caused.
struct Taken {
    started: Duration,
    ended: Duration,
    /// Sign-ins that reached the sandbox.
    calls: u64,
    /// Whether the step may cause a sign-in before the interval of 5 s has passed.
    is_exempt: bool,
}

struct Machine<'a> {
    sandbox: &'a Sandbox,
    clock: Arc<ManualClock>,
    /// `None` if the session is kept in memory, so that the machine does not restart.
    scratch: Option<Scratch>,
    client: Client,
    printed: Arc<Mutex<Vec<String>>>,
    last: Option<AuthToken>,
    broken: bool,
    taken: Vec<Taken>,
}

impl<'a> Machine<'a> {
    fn new(sandbox: &'a Sandbox, durable: bool) -> Self {
        let (clock, printed) = (clock(), Arc::default());
        let scratch = durable.then(|| Scratch::new("properties"));
        let client = Machine::start(sandbox, &clock, scratch.as_ref(), &printed);
        Machine {
            sandbox,
            clock,
            scratch,
            client,
            printed,
            last: None,
            broken: false,
            taken: Vec::new(),
        }
    }

    fn start(
        sandbox: &Sandbox,
        clock: &Arc<ManualClock>,
        scratch: Option<&Scratch>,
        printed: &Arc<Mutex<Vec<String>>>,
    ) -> Client {
        let printed = Arc::clone(printed);
        builder(sandbox)
            .clock(clock.clone())
            .store(scratch.map_or_else(Store::memory, |scratch| Store::directory(&scratch.0)))
            .observer(move |event| printed.lock().unwrap().push(format!("{event} {event:?}")))
            .build()
            .unwrap()
    }

    /// Moves the sandbox's clock by as much as the machine's, which moves while the client waits.
    fn keep_time(&self, since: Duration) {
        use emnify_core::Clock;
        self.sandbox.move_clock(self.clock.steady() - since);
    }

    fn take(&mut self, step: Step) {
        use emnify_core::Clock;
        let before = self.clock.steady();
        let calls = self.sandbox.calls("POST", AUTHENTICATE);
        let is_exempt = matches!(step, Step::Refuse401 | Step::Restart);
        match step {
            Step::Ask => self.ask(),
            Step::AskTogether => self.ask_together(),
            Step::Pass { nanoseconds } => {
                self.clock.advance(Duration::from_nanos(nanoseconds));
            }
            Step::SetWall { years } => {
                let year = Duration::from_secs(365 * 86_400);
                let now = SystemTime::now();
                let by = year * years.unsigned_abs();
                self.clock.set_wall(if years < 0 { now - by } else { now + by });
            }
            Step::Break { fault, times } => {
                let fault = Fault { times, ..Fault::new(AUTHENTICATE, fault) };
                self.sandbox.fault(fault);
                self.broken = true;
            }
            Step::Mend => {
                self.sandbox.clear_faults();
                self.broken = false;
            }
            Step::Refuse401 => {
                if let Some(token) = self.last.take() {
                    self.client.invalidate(&token);
                }
            }
            Step::Restart => {
                if let Some(scratch) = &self.scratch {
                    self.client =
                        Machine::start(self.sandbox, &self.clock, Some(scratch), &self.printed);
                }
            }
        }
        self.keep_time(before);
        let calls = self.sandbox.calls("POST", AUTHENTICATE) - calls;
        self.taken.push(Taken { started: before, ended: self.clock.steady(), calls, is_exempt });
    }

    /// Several threads ask at the same time. Without a fault one refresh is enough for all, in
    /// addition to one that may be under way in the background.
    fn ask_together(&self) {
        let before = self.sandbox.calls("POST", AUTHENTICATE);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| self.client.authenticate());
            }
        });
        let made = self.sandbox.calls("POST", AUTHENTICATE) - before;
        assert!(self.broken || made <= 2, "{made} calls for one token");
    }

    fn ask(&mut self) {
        let status = self.client.status();
        match self.client.authenticate() {
            Ok(token) => {
                let expiry = token.expires_at().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                let jwt = token.reveal().split('.').count() == 3;
                let left = i64::try_from(expiry.as_secs()).unwrap() - self.sandbox.now();
                // The sandbox's clock runs and the machine's moves in steps, so they may differ.
                assert!(!jwt || left >= -30, "expired for {} s", -left);
                self.last = Some(token);
            }
            Err(error) => {
                assert!(!status.signed_in || self.client.status().valid_until.is_none(), "{error}");
                // Without a fault, only an earlier failure may delay a sign-in.
                assert!(self.broken || error.retry_after().is_some(), "{error}");
                self.printed.lock().unwrap().push(format!("{error} {error:?}"));
            }
        }
        self.printed.lock().unwrap().push(format!("{:?}", self.client.status()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_keeps_its_promises(
        durable in any::<bool>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let sandbox = crate::common::sandbox();
        // The sandbox's own limit and lock would hide too many sign-ins.
        sandbox.settings(|settings| {
            settings.limits = false;
            settings.lockout_after = 0;
        });
        let mut machine = Machine::new(&sandbox, durable);
        for step in steps {
            machine.take(step);
        }

        // Sign-ins are at least 5 s apart, except that a report of a 401 or a restart allows one
        // more, one may be under way in the background, and the first is not delayed.
        for (index, from) in machine.taken.iter().enumerate() {
            let (mut calls, mut most) = (0, 2);
            for step in &machine.taken[index..] {
                calls += step.calls;
                most += u64::from(step.is_exempt);
                let span = (step.ended - from.started).as_secs() / 5;
                prop_assert!(calls <= most + span, "{calls} sign-ins in {span} intervals");
            }
        }
        let secrets = [sandbox.application_token(), machine.last.map_or("-----".into(), |t| t.reveal().to_owned())];
        for text in machine.printed.lock().unwrap().iter() {
            prop_assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
        }
    }
}
