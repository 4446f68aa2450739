//! The process of the machine, seen from outside.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::orders::{Order, Report};

/// After this, idle threads and connections have ended.
const IDLE: Duration = Duration::from_secs(30);

pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) memory_kb: u64,
    /// Without those of lock files, of which a process keeps up to 16 open.
    pub(crate) descriptors: usize,
    pub(crate) lock_files: usize,
    pub(crate) threads: usize,
}

impl Process {
    /// Starts this program again, as the machine.
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("machine")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no pipe")?;
        let reports = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Process { child, orders, reports })
    }

    /// Returns the report about an order.
    pub(crate) fn order(&mut self, order: &Order) -> Result<Report, Box<dyn Error>> {
        writeln!(self.orders, "{}", serde_json::to_string(order)?)?;
        let mut line = String::new();
        if self.reports.read_line(&mut line)? == 0 {
            return Err(format!("the machine's process ended: {:?}", self.child.wait()?).into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Returns what it uses once only its main thread is left. If that takes too long, there are more.
    pub(crate) fn usage_at_rest(&self) -> Result<Usage, Box<dyn Error>> {
        let started = Instant::now();
        loop {
            let usage = self.usage()?;
            if usage.threads == 1 || started.elapsed() > IDLE {
                return Ok(usage);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn usage(&self) -> Result<Usage, Box<dyn Error>> {
        let process = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{process}/status"))?;
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let mut open = fs::read_dir(format!("{process}/fd"))?
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .map(|target| target.to_string_lossy().contains(".lock"))
            .collect::<Vec<_>>();
        let all = open.len();
        open.retain(|is_lock| *is_lock);
        Ok(Usage {
            memory_kb: field("VmRSS:").ok_or("no VmRSS")?,
            descriptors: all - open.len(),
            lock_files: open.len(),
            threads: field("Threads:").ok_or("no Threads")? as usize,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
