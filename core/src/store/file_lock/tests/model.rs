//! Visits all states of two real processes with three threads that share a lock, while processes are
//! killed and close the lock files that are free.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use super::process::Used;
use crate::sys::explore::explore;

/// The process of each thread.
const PROCESS_OF: [usize; 3] = [0, 0, 1];

#[derive(Debug, Clone, Copy)]
enum Step {
    Lock(usize),
    Unlock(usize),
    /// The process is killed and starts again.
    Kill(usize),
    /// The process locks so many other files that it closes those that are free.
    LockOthers(usize),
}

/// What must be the case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Expected {
    holder: Option<usize>,
    /// Whether the process has opened the file and keeps it open.
    is_open: [bool; 2],
    /// Whether it has locked the others.
    has_many: [bool; 2],
}

impl Expected {
    fn possible(self) -> Vec<Step> {
        let unlock = self.holder.map(Step::Unlock);
        let lock =
            (0..PROCESS_OF.len()).filter(|thread| self.holder != Some(*thread)).map(Step::Lock);
        let of_process =
            (0..2).flat_map(|process| [Step::Kill(process), Step::LockOthers(process)]);
        unlock.into_iter().chain(lock).chain(of_process).collect()
    }

    /// Returns what is the case after that step, and whether it succeeds.
    fn after(mut self, step: Step) -> (Self, bool) {
        let holds = |process| self.holder.is_some_and(|thread| PROCESS_OF[thread] == process);
        let mut succeeds = true;
        match step {
            Step::Lock(thread) => {
                succeeds = self.holder.is_none();
                self.holder = self.holder.or(Some(thread));
                self.is_open[PROCESS_OF[thread]] = true;
            }
            Step::Unlock(_) => self.holder = None,
            Step::Kill(process) => {
                (self.is_open[process], self.has_many[process]) = (false, false);
                self.holder = self.holder.filter(|_| !holds(process));
            }
            Step::LockOthers(process) => {
                self.is_open[process] &= holds(process);
                self.has_many[process] = true;
            }
        }
        (self, succeeds)
    }
}

/// A process that takes and frees locks on command.
struct Server(Child, BufReader<ChildStdout>);

impl Server {
    fn start(used: &Used) -> Self {
        let mut child = used.start("serve").stdin(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Server(child, output)
    }

    /// Returns whether it succeeded.
    fn tell(&mut self, word: &str, thread: usize) -> bool {
        writeln!(self.0.stdin.as_ref().unwrap(), "{word} {thread}").unwrap();
        let mut line = String::new();
        while !line.contains("job: ") {
            line.clear();
            assert_ne!(self.1.read_line(&mut line).unwrap(), 0, "the process ended");
        }
        line.contains("true")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes these steps in new processes, and returns whether each succeeded as it must.
fn replay(used: &Used, steps: &[Step]) -> Result<Expected, String> {
    let mut servers = [Server::start(used), Server::start(used)];
    let mut expected = Expected::default();
    for step in steps {
        let succeeded = match *step {
            Step::Lock(thread) => servers[PROCESS_OF[thread]].tell("lock", thread),
            Step::Unlock(thread) => servers[PROCESS_OF[thread]].tell("unlock", thread),
            Step::LockOthers(process) => servers[process].tell("others", 0),
            Step::Kill(process) => {
                servers[process] = Server::start(used);
                true
            }
        };
        let must;
        (expected, must) = expected.after(*step);
        if succeeded != must {
            return Err(format!(
                "a step must {} and does not",
                if must { "succeed" } else { "fail" }
            ));
        }
    }
    Ok(expected)
}

#[test]
fn in_any_order_one_of_three_threads_of_two_processes_holds_the_lock() {
    let used = Used::new("model");
    let expected =
        |steps: &Vec<Step>| steps.iter().fold(Expected::default(), |e, step| e.after(*step).0);
    let next = |steps: &Vec<Step>| {
        let after = |step| {
            let reached: Vec<_> = steps.iter().copied().chain([step]).collect();
            (step, replay(&used, &reached).map(|_| reached))
        };
        expected(steps).possible().into_iter().map(after).collect()
    };
    let visited = explore(Vec::new(), expected, next);
    println!("lock: {visited:?}");
    assert!(visited.states >= 30, "{visited:?}");
}
