//! Records requests for the log of a program that wants them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::{Call, Response};
use crate::sys::per_process::PerProcess;
use crate::types::error::{ErrorKind, Result};

/// The number of records that are kept; older ones are dropped. The list of a large workspace takes
/// as many requests as it has pages.
const MOST_KEPT: usize = 256;

/// A request that was made, without its query, headers and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// The path, relative to the base URL.
    pub path: String,
    /// The HTTP status, or the kind of error if there was no valid response.
    pub result: std::result::Result<u16, ErrorKind>,
    /// How long the request took.
    pub duration: Duration,
    /// Counts the requests of one call, from 1.
    pub attempt: u32,
}

/// The requests that were made since the program last took them.
pub(super) struct RequestLog {
    is_wanted: AtomicBool,
    queue: PerProcess<Mutex<VecDeque<RequestRecord>>>,
}

impl RequestLog {
    pub(super) fn new() -> Self {
        RequestLog { is_wanted: AtomicBool::new(false), queue: PerProcess::new() }
    }

    /// Sets whether requests are recorded from now on.
    pub(super) fn want(&self, wanted: bool) {
        if self.is_wanted.load(Ordering::Relaxed) != wanted {
            self.is_wanted.store(wanted, Ordering::Relaxed);
            self.queue().clear();
        }
    }

    /// Takes the oldest record.
    pub(super) fn take(&self) -> Option<RequestRecord> {
        if self.is_wanted.load(Ordering::Relaxed) { self.queue().pop_front() } else { None }
    }

    /// Makes the call's next request, and records it if that is wanted.
    pub(super) fn recording(
        &self,
        call: &Call<'_>,
        request: impl FnOnce() -> Result<Response>,
    ) -> Result<Response> {
        call.attempts.set(call.attempts.get() + 1);
        if !self.is_wanted.load(Ordering::Relaxed) {
            return request();
        }
        let started = Instant::now();
        let result = request();
        let record = RequestRecord {
            method: call.method.to_string(),
            path: call.path.to_owned(),
            result: match &result {
                Ok(response) => Ok(response.status),
                // The status of an error of a proxy is the proxy's.
                Err(error) if error.kind() == ErrorKind::Proxy => Err(ErrorKind::Proxy),
                Err(error) => error.http_status().ok_or(error.kind()),
            },
            duration: started.elapsed(),
            attempt: call.attempts.get(),
        };
        let mut queue = self.queue();
        if queue.len() >= MOST_KEPT {
            queue.pop_front();
        }
        queue.push_back(record);
        result
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<RequestRecord>> {
        let queue = self.queue.get_or_init(Mutex::default);
        queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
