//! Core's client, as long as the `Client` is open.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use pyo3::prelude::*;

use crate::convert::errors;

/// Core's client, until it is closed. It is read without a lock, because after a fork a lock could
/// stay locked in the child forever.
pub(crate) struct Connection(ArcSwapOption<emnify_core::Client>);

impl Connection {
    pub(crate) fn new(client: emnify_core::Client) -> Self {
        Connection(ArcSwapOption::from_pointee(client))
    }

    /// Returns the client. It stays usable for this call even if another thread closes it.
    pub(crate) fn client(&self, py: Python<'_>) -> PyResult<Arc<emnify_core::Client>> {
        self.0.load_full().ok_or_else(|| errors::closed(py))
    }

    /// Returns the client for a short use. This is faster than `client`.
    pub(crate) fn borrow(&self) -> Guard<Option<Arc<emnify_core::Client>>> {
        self.0.load()
    }

    /// Removes the client and returns it.
    pub(crate) fn take(&self) -> Option<Arc<emnify_core::Client>> {
        self.0.swap(None)
    }
}
