//! A fleet: machines that share an address, and so emnify's limit of 100 sign-ins in 300 s. They
//! call a sandbox. Time passes as fast as they can sign in: the simulation lets one machine after
//! the other make its next call, and sets its clock and the sandbox's to the time of that call.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use emnify_sandbox::{Fault, FaultKind, NewToken, RetryAfter, Sandbox, Settings};

use crate::machine::{Machine, write_token};

const AUTHENTICATE: &str = "/api/v1/authenticate";

/// What a fleet consists of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) machines: usize,
    /// The size that the clients are told.
    pub(crate) hint: Option<u32>,
    /// Whether sign-ins that the limit refuses count against it.
    pub(crate) count_limited: bool,
    /// Whether each machine has a directory for its session and its application token.
    pub(crate) directories: bool,
    pub(crate) seed: u64,
}

/// One attempt to sign in, as the sandbox saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignIn {
    pub(crate) at: Duration,
    pub(crate) status: u16,
}

/// What happened to a fleet.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// How many machines have a valid auth token, at each change.
    pub(crate) signed_in: Vec<(Duration, usize)>,
    /// When a call failed on a machine that has had an auth token before.
    pub(crate) lost_calls: Vec<Duration>,
}

pub(crate) struct Fleet {
    pub(crate) sandbox: Sandbox,
    pub(crate) hint: Option<u32>,
    pub(crate) seed: u64,
    /// With a directory for each machine.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) record: Record,
    machines: Vec<Machine>,
    start: SystemTime,
    start_seconds: i64,
    now: Duration,
    /// The next calls: when, and of which machine.
    calls: BinaryHeap<Reverse<(Duration, usize)>>,
    /// Application tokens that are put on machines: when, on which, and the token.
    deliveries: Vec<(Duration, usize, String)>,
}

impl Fleet {
    /// Creates a fleet that is switched off.
    pub(crate) fn new(plan: Plan) -> Result<Self, Box<dyn Error>> {
        let change = |settings: &mut Settings| {
            settings.retry_after = RetryAfter::None;
            settings.count_limited = plan.count_limited;
        };
        // Without TLS, since a thousand clients each have their own connection.
        let sandbox = Sandbox::builder().plain_http(true).settings(change).start()?;
        sandbox.stop_clock();
        let start_seconds = sandbox.now();
        sandbox.set_clock(start_seconds);
        let directory = plan.directories.then(|| {
            let name = format!("emnify-fleet-{}-{}", std::process::id(), plan.seed);
            std::env::temp_dir().join(name)
        });
        Ok(Fleet {
            hint: plan.hint,
            seed: plan.seed,
            directory,
            record: Record::default(),
            machines: (0..plan.machines).map(Machine::new).collect(),
            start: SystemTime::UNIX_EPOCH + Duration::from_secs(start_seconds.unsigned_abs()),
            start_seconds,
            now: Duration::ZERO,
            calls: BinaryHeap::new(),
            deliveries: Vec::new(),
            sandbox,
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    pub(crate) fn machines(&self) -> usize {
        self.machines.len()
    }

    /// Returns the true date and time.
    pub(crate) fn wall(&self) -> SystemTime {
        self.start + self.now
    }

    /// Switches all machines on. Each calls at once.
    pub(crate) fn switch_on(&mut self) -> Result<(), Box<dyn Error>> {
        (0..self.machines()).try_for_each(|index| self.switch_on_one(index, self.wall()))
    }

    /// Switches a machine on whose wall clock shows `wall`.
    pub(crate) fn switch_on_one(
        &mut self,
        index: usize,
        wall: SystemTime,
    ) -> Result<(), Box<dyn Error>> {
        let mut machines = std::mem::take(&mut self.machines);
        let result = machines.get_mut(index).map(|one| one.switch_on(self, self.now, wall));
        self.machines = machines;
        self.calls.push(Reverse((self.now, index)));
        result.unwrap_or(Ok(()))
    }

    /// Switches off the machines for which `is_off` returns true.
    pub(crate) fn switch_off(&mut self, is_off: impl Fn(usize) -> bool) {
        for (index, machine) in self.machines.iter_mut().enumerate() {
            if is_off(index) {
                machine.switch_off();
            }
        }
        self.calls.retain(|Reverse((_, index))| !is_off(*index));
        self.count();
    }

    /// Returns how many sign-ins a machine has sent since it was switched on.
    pub(crate) fn sign_ins_of(&self, index: usize) -> u64 {
        self.machines.get(index).map_or(0, Machine::sign_ins)
    }

    /// Sets the wall clock of one machine to the true time.
    pub(crate) fn correct_clock(&self, index: usize) {
        if let Some(machine) = self.machines.get(index) {
            machine.set_wall(self.wall());
        }
    }

    /// Lets sign-ins fail from now on, or no longer.
    pub(crate) fn set_outage(&self, is_on: bool) {
        self.sandbox.clear_faults();
        if is_on {
            let kind = FaultKind::Status {
                status: 503,
                body: String::new(),
                content_type: "text/plain".to_owned(),
                headers: std::collections::BTreeMap::new(),
            };
            self.sandbox.fault(Fault::new(AUTHENTICATE, kind));
        }
    }

    /// Replaces the application token of all machines: it is revoked now, and the new one arrives at
    /// each machine at a time of its own within `roll_out`.
    pub(crate) fn rotate(&mut self, roll_out: Duration) {
        let old = self.sandbox.application_token();
        let old = self.sandbox.application_tokens().into_iter().find(|row| row.value == old);
        let (_, new) = self.sandbox.add_application_token(NewToken::default());
        if let Some(row) = old {
            self.sandbox.revoke_application_token(row.id);
        }
        let count = self.machines() as u32;
        // Not in the order of the machines' first sign-ins.
        let nth = |index: usize| (index as u32 * 377) % count;
        self.deliveries = (0..self.machines())
            .map(|index| (self.now + roll_out * nth(index) / count, index, new.clone()))
            .collect();
        self.deliveries.sort_by_key(|delivery| Reverse(delivery.0));
    }

    /// Lets time pass until `end`.
    pub(crate) fn run_until(&mut self, end: Duration) -> Result<(), Box<dyn Error>> {
        while let Some(Reverse((at, index))) = self.calls.pop() {
            if at >= end {
                self.calls.push(Reverse((at, index)));
                break;
            }
            self.deliver(at)?;
            self.move_to(at);
            let Some(machine) = self.machines.get_mut(index) else { continue };
            let was_signed_in = machine.is_signed_in;
            let Some(call) = machine.call(at)? else { continue };
            if call.lost {
                self.record.lost_calls.push(at);
            }
            if was_signed_in == call.failed {
                self.count();
            }
            self.calls.push(Reverse((call.again_at, index)));
        }
        self.move_to(end);
        Ok(())
    }

    /// Lets time pass until all machines are signed in, but not longer than until `end`.
    pub(crate) fn run_until_signed_in(&mut self, end: Duration) -> Result<(), Box<dyn Error>> {
        while self.now < end {
            let on = self.machines.iter().filter(|machine| machine.is_on());
            if on.clone().all(|machine| machine.is_signed_in) {
                break;
            }
            self.run_until(self.now + Duration::from_secs(60))?;
        }
        Ok(())
    }

    /// Returns the sign-ins since `from`.
    pub(crate) fn sign_ins(&self, from: Duration) -> Vec<SignIn> {
        let requests = self.sandbox.requests().into_iter();
        let sign_ins = requests.filter(|request| request.path == AUTHENTICATE);
        let at = |seconds: i64| Duration::from_secs((seconds - self.start_seconds).unsigned_abs());
        let sign_ins = sign_ins.map(|request| SignIn {
            at: at(request.at),
            status: request.status.unwrap_or_default(),
        });
        sign_ins.filter(|sign_in| sign_in.at >= from).collect()
    }

    fn deliver(&mut self, until: Duration) -> Result<(), Box<dyn Error>> {
        let Some(directory) = &self.directory else { return Ok(()) };
        while self.deliveries.last().is_some_and(|next| next.0 <= until) {
            let Some((_, index, token)) = self.deliveries.pop() else { break };
            write_token(directory, index, &token)?;
        }
        Ok(())
    }

    fn move_to(&mut self, now: Duration) {
        let by = now.as_millis().saturating_sub(self.now.as_millis());
        self.sandbox.move_clock(Duration::from_millis(by as u64));
        self.now = self.now.max(now);
    }

    fn count(&mut self) {
        let count = self.machines.iter().filter(|machine| machine.is_signed_in).count();
        self.record.signed_in.push((self.now, count));
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir_all(directory);
        }
    }
}
