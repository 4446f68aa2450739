//! Threads that make exchanges for callers that can be interrupted, and whole calls for
//! asynchronous ones. A blocking exchange itself cannot be interrupted, but its caller can return
//! early. Idle threads are kept for a while, since starting one takes as long as sending a request.

mod future;
mod slot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::http::worker::future::WorkFuture;
use crate::http::worker::slot::{Queued, Slot, Step, Task};
use crate::sys::per_process::{PerProcess, Process};
use crate::sys::signal_mask;
use crate::sys::wait::Wait;
use crate::types::error::{Error, ErrorKind, Result};

/// How long an idle thread is kept.
const IDLE: Duration = Duration::from_secs(10);

/// The stack of a thread, in bytes. Enough for JSON and for calls in the background; TLS runs on the
/// thread of the HTTP client.
const STACK: usize = 256 * 1024;

/// How much longer a caller waits than the exchange, but at most a tenth of its time. The exchange
/// ends with its own timeout, whose error names the phase.
const GRACE: Duration = Duration::from_millis(100);

/// The threads of one client, at most `most` in each process.
pub(crate) struct Workers {
    most: usize,
    pool: PerProcess<Arc<Pool>>,
}

impl Workers {
    pub(crate) fn new(most: usize) -> Self {
        Workers { most, pool: PerProcess::new() }
    }

    /// Runs `work` on one of the threads and returns its result. If this caller returns early,
    /// `late` gets the result on that thread. Work that has not begun by then is dropped at once.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the wait was interrupted, `Timeout` if its time is up.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        wait: &Wait,
        action: &str,
        work: impl FnOnce() -> T + Send + 'static,
        late: impl FnOnce(T) + Send + 'static,
    ) -> Result<T> {
        let left = wait.remaining(action).map_err(Error::unsent)?;
        let process = Process::current();
        let slot = Arc::new(Slot::new(Task { work: Box::new(work), late: Box::new(late) }));
        let queued = Queued(Arc::clone(&slot));
        // Without any thread, this one runs the jobs, which cannot be interrupted then: its own, and
        // those that other callers queued for the thread that could not be created. In an
        // asynchronous runtime, where it must not, dropping them ends these calls with an error.
        for job in self.pool().submit(Box::new(move || queued.run()), self.most) {
            if Handle::try_current().is_err() {
                job();
            }
        }
        let time = left.saturating_add(GRACE.min(left / 10));
        let cancelled = match wait.until(time, action, || slot.take()) {
            Ok(Some(result)) => return result,
            Ok(None) => None,
            // This forked child does not have the thread, which may have locked the slot.
            Err(error) if process != Process::current() => return Err(error),
            Err(error) => Some(error),
        };
        match slot.abandon() {
            // The result came in the meantime, and must not be lost.
            Step::Done(result) => result,
            Step::Queued(_) => {
                let timed_out = || wait.timed_out_while(action, "waiting for a free thread");
                Err(cancelled.unwrap_or_else(timed_out).unsent())
            }
            Step::Running | Step::Over => {
                Err(cancelled.unwrap_or_else(|| wait.timed_out_while(action, "the exchange")))
            }
        }
    }

    /// Runs `work`, which may make calls, in the background.
    pub(crate) fn start(&self, work: impl FnOnce() + Send + 'static) {
        if let Err(work) = start_apart(Box::new(work)) {
            self.pool().submit(work, self.most).into_iter().for_each(|job| job());
        }
    }

    /// Runs `work`, which may make calls, on one of the threads. Never blocks.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> WorkFuture<T> {
        let (task, job) = WorkFuture::new(work);
        // Without any thread, dropping the jobs ends their tasks with an error.
        drop(self.pool().submit(job, self.most));
        task
    }

    fn pool(&self) -> &Arc<Pool> {
        self.pool.get_or_init(Arc::default)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // A forked child creates an empty pool here, and does not use the inherited one.
        let pool = self.pool();
        pool.lock().is_closed = true;
        pool.changed.notify_all();
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("most", &self.most).finish_non_exhaustive()
    }
}

fn no_thread() -> Error {
    const MESSAGE: &str = "cannot start the call: no thread can be created; raise this process's \
                           limits (ulimit -u, pids.max), or find what uses its threads up";
    Error::new(ErrorKind::Resource, MESSAGE).local()
}

fn panicked() -> Error {
    const MESSAGE: &str = "the call panicked in a thread of this library; standard error shows \
                           where: in a function that your program supplied, or else it is a bug in \
                           this library, so please report it";
    Error::new(ErrorKind::Internal, MESSAGE)
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs `work` on a thread of its own, for work that callers on the threads above may wait for.
/// Never blocks.
pub(crate) fn spawn_apart<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> WorkFuture<T> {
    let (task, job) = WorkFuture::new(work);
    // Without a thread, the job is dropped, which ends the task with an error.
    drop(signal_mask::start(name, STACK, job));
    task
}

/// Starts a thread for `work` that is none of those above. The work may wait for a call that waits
/// for one of them.
///
/// # Errors
///
/// The work if no thread can be created.
pub(super) fn start_apart(work: Job) -> std::result::Result<(), Job> {
    let kept = Arc::new(Mutex::new(Some(work)));
    let take =
        |kept: &Mutex<Option<Job>>| kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    let shared = Arc::clone(&kept);
    let run = move || {
        if let Some(work) = take(&shared) {
            work();
        }
    };
    match signal_mask::start("emnify-late", STACK, Box::new(run)) {
        Ok(()) => Ok(()),
        Err(_) => take(&kept).map_or(Ok(()), Err),
    }
}

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    /// The client was dropped: threads end when there are no more jobs.
    is_closed: bool,
}

impl Pool {
    /// Queues the job. Returns all queued jobs if there is no thread for them.
    fn submit(self: &Arc<Self>, job: Job, most: usize) -> VecDeque<Job> {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            self.changed.notify_one();
            return VecDeque::new();
        }
        if state.threads >= most {
            return VecDeque::new(); // The next thread that finishes its job takes this one.
        }
        state.threads += 1;
        drop(state);
        let pool = Arc::clone(self);
        if signal_mask::start("emnify-http", STACK, Box::new(move || pool.work())).is_ok() {
            return VecDeque::new();
        }
        let mut state = self.lock();
        state.threads -= 1;
        if state.threads == 0 { mem::take(&mut state.jobs) } else { VecDeque::new() }
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // A panic in the handler of a late result is ignored.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
                continue;
            }
            if state.is_closed {
                break;
            }
            state.idle += 1;
            let waited = self
                .changed
                .wait_timeout_while(state, IDLE, |state| state.jobs.is_empty() && !state.is_closed);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.idle -= 1;
            if state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
