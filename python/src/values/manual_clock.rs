//! The clock of clients in tests. The package emnify-sandbox moves it together with the server's.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pyo3::prelude::*;

/// A clock for tests. It stands still until it is moved; a client that waits moves it.
#[pyclass(frozen, module = "emnify_auth._native", name = "_ManualClock")]
pub(crate) struct ManualClock(pub(crate) Arc<emnify_core::ManualClock>);

#[pymethods]
impl ManualClock {
    #[new]
    fn new() -> Self {
        ManualClock(Arc::new(emnify_core::ManualClock::new(SystemTime::now())))
    }

    /// Lets seconds pass.
    fn advance(&self, seconds: u32) {
        self.0.advance(Duration::from_secs(seconds.into()));
    }

    /// Sets the time of day, in seconds of Unix time. No time passes.
    fn set_wall(&self, unix_seconds: u32) {
        self.0.set_wall(SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds.into()));
    }
}
