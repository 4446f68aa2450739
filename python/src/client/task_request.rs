//! Requests of tasks. They run on threads of core, so that a task needs no thread of Python.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use emnify_core::{Interrupt, Result};
use pyo3::prelude::*;

use crate::calls::request_log;
use crate::calls::waking::WakeTask;
use crate::client::Client;
use crate::client::request::{Extras, Prepared, parse_method};
use crate::convert::arguments::Timeout;
use crate::convert::errors;
use crate::values::response::Response;

#[pymethods]
impl Client {
    /// Starts request() for a task. None if that must be called in a worker thread: if it may
    /// call functions of the program, or the interpreter ends. Events are not reported.
    ///
    /// wake: [a function that any thread may call, its argument]. It is called once, when the
    /// response or the error is there.
    /// waited: how many seconds of the timeout have already passed.
    #[pyo3(name = "_start", signature = (wake, waited, method, path, *, json=None, content=None, params=None, headers=None, timeout=None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn start(
        &self,
        py: Python<'_>,
        wake: [Py<PyAny>; 2],
        waited: f64,
        method: &Bound<'_, PyAny>,
        path: &Bound<'_, PyAny>,
        json: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Option<TaskRequest>> {
        if !self.functions.is_empty() || self.entrance.is_closed() {
            return Ok(None);
        }
        let extras = Extras { json, content, params, headers, timeout };
        let prepared = Prepared::new(py, parse_method(method)?, path, &extras)?;
        let client = self.connection.client(py)?;
        client.record_requests(request_log::is_wanted(py)?);
        let limited = extras.timeout.map(|Timeout(timeout)| client.with_timeout(timeout));
        let core = limited.as_ref().unwrap_or(&client);
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        // The thread of the call makes the exchange, too: nothing waits for it.
        let core = core.interruptible(Interrupt::between_exchanges(), waited);
        let mut future: SendFuture = Box::pin(prepared.request(&core).send_async());
        let wake = Arc::new(WakeTask::new(&self.entrance, wake));
        let waker = Waker::from(Arc::clone(&wake));
        // The first poll starts the request.
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            future = Box::pin(ready(result));
            waker.wake();
        }
        Ok(Some(TaskRequest { future: Mutex::new(Some(future)), wake }))
    }

    /// Wakes no more tasks from now on. The interpreter must not end before.
    #[pyo3(name = "_stop_waking")]
    fn stop_waking(&self, py: Python<'_>) {
        self.entrance.close(py);
    }
}

type SendFuture = Pin<Box<dyn Future<Output = Result<emnify_core::Response>> + Send>>;

/// A request of a task.
#[pyclass(frozen, name = "_TaskRequest", module = "emnify_auth._native")]
pub(crate) struct TaskRequest {
    /// Locked only by threads that are in the interpreter, and never while they wait.
    future: Mutex<Option<SendFuture>>,
    wake: Arc<WakeTask>,
}

#[pymethods]
impl TaskRequest {
    /// Returns the response or raises the error, once, after the task was woken.
    fn result(&self, py: Python<'_>) -> PyResult<Response> {
        let future = self.take();
        let mut context = Context::from_waker(Waker::noop());
        match future.map(|mut future| future.as_mut().poll(&mut context)) {
            Some(Poll::Ready(Ok(response))) => Ok(Response(response)),
            Some(Poll::Ready(Err(error))) => Err(errors::exception(py, &error)),
            _ => Err(errors::internal(py, "the request has no result")),
        }
    }

    /// Cancels the request, because its task does not wait any more. If it was already sent, it
    /// continues in the background.
    fn cancel(&self) {
        self.wake.forget();
        drop(self.take());
    }
}

impl TaskRequest {
    fn take(&self) -> Option<SendFuture> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
