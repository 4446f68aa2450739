//! Core's client, from the making of a `Client` to its end.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use pyo3::prelude::*;

use crate::convert::errors;

/// Core's client, until it is closed. Read without a lock, which a fork could leave held
/// for ever in the child.
pub(crate) struct Connection(ArcSwapOption<emnify_core::Client>);

impl Connection {
    pub(crate) fn new(client: emnify_core::Client) -> Self {
        Connection(ArcSwapOption::from_pointee(client))
    }

    /// The client, kept alive by the call that asks for it even if another thread closes it.
    pub(crate) fn client(&self, py: Python<'_>) -> PyResult<Arc<emnify_core::Client>> {
        self.0.load_full().ok_or_else(|| errors::closed(py))
    }

    /// The same for a moment, and faster.
    pub(crate) fn glance(&self) -> Guard<Option<Arc<emnify_core::Client>>> {
        self.0.load()
    }

    /// The client, which is here no longer.
    pub(crate) fn take(&self) -> Option<Arc<emnify_core::Client>> {
        self.0.swap(None)
    }
}
