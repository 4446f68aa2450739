//! The machine: a process with clients, threads and forked children, which does what it is ordered
//! to.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::Clock;
use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::calls::Clients;
use crate::clock::MachineClock;
use crate::orders::{Order, Report, Round, Settings};

const THREADS: u32 = 8;
const CALLS: u32 = 6;

/// After this, a child hangs.
const CHILD_TIMEOUT: Duration = Duration::from_secs(60);

static PANICS: AtomicU32 = AtomicU32::new(0);

/// Does what standard input orders, until that ends.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let show = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        show(info);
    }));
    let mut machine = None;
    let mut line = String::new();
    while io::stdin().lock().read_line(&mut line)? > 0 {
        let mut report = match (serde_json::from_str(&line)?, &mut machine) {
            (Order::Start(settings), machine) => {
                *machine = Some(Machine::new(settings)?);
                Report::default()
            }
            (Order::End, machine) => {
                *machine = None;
                Report::default()
            }
            (Order::Round(round), Some(machine)) => machine.round(round)?,
            (Order::Recover { pass, wall }, Some(machine)) => machine.recover(pass, wall),
            (order, None) => Err(format!("{order:?} without a machine"))?,
        };
        if PANICS.swap(0, Ordering::Relaxed) > 0 {
            report.broken.push("a panic, which is shown above".to_owned());
        }
        println!("{}", serde_json::to_string(&report)?);
        io::stdout().flush()?;
        line.clear();
    }
    Ok(())
}

struct Machine {
    settings: Settings,
    boots: u32,
    clock: Arc<MachineClock>,
    clients: Clients,
}

impl Machine {
    fn new(settings: Settings) -> Result<Self, Box<dyn Error>> {
        let clock = Arc::new(MachineClock::new(1, settings.wall));
        let clients = Clients::new(&settings, &clock)?;
        Ok(Machine { settings, boots: 1, clock, clients })
    }

    fn round(&mut self, round: Round) -> Result<Report, Box<dyn Error>> {
        if round.reboot {
            self.boots += 1;
            let wall = self.clock.wall().duration_since(std::time::UNIX_EPOCH)?.as_secs();
            self.clock = Arc::new(MachineClock::new(self.boots, wall as i64));
        }
        if round.restart || round.reboot {
            self.clients = Clients::new(&self.settings, &self.clock)?;
        }
        if let Some(wall) = round.wall {
            self.clock.set_wall(wall);
        }
        let before = self.clock.steady();
        self.clock.advance(Duration::from_secs(round.pass));

        let mut random = Rng::with_seed(round.seed);
        let mut report = Report::default();
        // std holds a lock while a thread starts or ends, which a fork would leave locked in the
        // child. So the children come before the threads.
        while self.clients.are_busy() {
            thread::sleep(Duration::from_millis(1));
        }
        let seeds = (0..round.children).map(|_| random.u64(..)).collect::<Vec<_>>();
        let children =
            seeds.into_iter().map(|seed| self.fork(seed)).collect::<Result<Vec<_>, _>>()?;
        let seeds = (0..THREADS).map(|_| random.u64(..)).collect::<Vec<_>>();
        let clients = &self.clients;
        thread::scope(|scope| {
            let threads = seeds
                .into_iter()
                .map(|seed| scope.spawn(move || clients.call(CALLS, &mut Rng::with_seed(seed))));
            let threads = threads.collect::<Vec<_>>();
            if round.rotate {
                report.add(clients.rotate());
            }
            for child in children {
                let is_killed = random.bool();
                if is_killed {
                    thread::sleep(Duration::from_millis(random.u64(..150)));
                    let _ = kill(child, Signal::SIGKILL);
                }
                report.children += 1;
                report.killed += u64::from(is_killed);
                report.broken.extend(wait_for(child, is_killed));
            }
            // Unlike the end of the scope, this waits for the ends of the threads.
            for thread in threads {
                report.add(thread.join().unwrap_or_default());
            }
        });
        report.moved = (self.clock.steady() - before).as_millis() as u64;
        Ok(report)
    }

    fn recover(&self, pass: u64, wall: i64) -> Report {
        let before = self.clock.steady();
        self.clock.set_wall(wall);
        self.clock.advance(Duration::from_secs(pass));
        let mut report = self.clients.recover();
        report.moved = (self.clock.steady() - before).as_millis() as u64;
        report
    }

    /// Creates a child that makes some calls.
    fn fork(&self, seed: u64) -> nix::Result<Pid> {
        // SAFETY: no other thread of this program runs. The child only uses the library, which
        // promises to work there.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(child),
            ForkResult::Child => {
                let mut random = Rng::with_seed(seed);
                let work = || match random.u32(..4) {
                    0 => self.clients.rotate(),
                    _ => self.clients.call(4, &mut random),
                };
                let report = panic::catch_unwind(AssertUnwindSafe(work));
                let is_well = report.is_ok_and(|report| report.broken.is_empty());
                process::exit(if is_well { 0 } else { 3 })
            }
        }
    }
}

/// Waits for a child, and returns what is wrong with it.
fn wait_for(child: Pid, is_killed: bool) -> Option<String> {
    let started = Instant::now();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) if started.elapsed() < CHILD_TIMEOUT => {
                thread::sleep(Duration::from_millis(1));
            }
            Ok(WaitStatus::Exited(_, 0)) => return None,
            Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _)) if is_killed => return None,
            Ok(WaitStatus::StillAlive) => {
                let _ = kill(child, Signal::SIGKILL);
                let _ = waitpid(child, None);
                return Some("a forked child hangs".to_owned());
            }
            other => return Some(format!("a forked child ended with {other:?}")),
        }
    }
}
