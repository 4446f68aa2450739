//! Iterates over the rows of a collection.

use std::cell::Cell;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::client::{Client, not_copied};
use crate::convert::arguments::Timeout;
use crate::convert::errors::{self, invalid_input};
use crate::convert::{arguments, json, params};

#[pymethods]
impl Client {
    /// Returns an iterator over the rows of a collection. It reads page after page and returns
    /// each row once. A page is fetched when its first row is needed. Each fetch takes at most the
    /// timeout, and is retried like get().
    ///
    /// path, params: as for request(). An invalid path raises at the first row.
    /// per_page: the number of rows per page; a larger number means fewer calls. Default: 100.
    /// timeout: how long each fetch may take. Default: the client's timeout.
    ///
    ///     >>> iccids = [sim["iccid"] for sim in client.paginate("/api/v1/sim", per_page=500)]
    ///     >>> len(iccids)
    ///     300
    #[pyo3(signature = (path, *, params=None, per_page=None, timeout=None))]
    fn paginate(
        slf: Bound<'_, Self>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        per_page: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Pages> {
        Pages::new(slf, path, params, per_page, timeout)
    }
}

/// An iterator over the rows of a collection, returned by Client.paginate(). Each row is a dict,
/// with its keys in the server's order, as Response.json() would return it.
///
/// Only one thread at a time may read; meanwhile reading raises InvalidInputError in other
/// threads. The iteration ends after an error, or when the client is closed. If Ctrl-C interrupts
/// reading, no row is lost: the next read returns it.
///
///     >>> for sim in client.paginate("/api/v1/sim"):
///     ...     if sim["id"] == 500123:
///     ...         break
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct Pages {
    client: Py<Client>,
    rows: Rows,
    /// The timeout of each fetch.
    timeout: Option<Timeout>,
}

/// The state of the iteration. A thread that reads takes it and puts it back. It is not a lock,
/// because after a fork a lock could stay locked in the child forever.
struct Rows(ArcSwapOption<Reading>);

struct Reading {
    pages: emnify_core::Pages,
    /// A row that was read, but not returned because of an interrupt.
    unread: Option<String>,
}

impl Pages {
    pub(crate) fn new(
        client: Bound<'_, Client>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        per_page: Option<&Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Self> {
        let py = client.py();
        let path = arguments::text("path", path)?;
        let query = params.map_or(Ok(Vec::new()), params::query)?;
        if query.iter().any(|(name, _)| matches!(name.as_str(), "page" | "per_page")) {
            let problem = "must not contain page or per_page: paginate counts the pages, and \
                           per_page is an argument of its own";
            return Err(invalid_input(py, "params", problem));
        }
        let core = client.get().connection.client(py)?;
        let mut pages = core.paginate(path);
        for (name, value) in query {
            pages = pages.query(name, value);
        }
        if let Some(rows) = per_page {
            pages = pages.per_page(arguments::whole("per_page", rows)?);
        }
        let reading = Reading { pages, unread: None };
        let rows = Rows(ArcSwapOption::from_pointee(reading));
        Ok(Pages { client: client.unbind(), rows, timeout })
    }
}

#[pymethods]
impl Pages {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let client = self.client.get();
        let core = client.connection.client(py)?;
        let Some(mut reading) = self.rows.take() else {
            return Err(invalid_input(py, "next", "another thread is reading a row"));
        };
        if reading.is_buffered() {
            let row = reading.next(&core);
            self.rows.put(reading);
            let row = row.map_err(|error| errors::exception(py, &error))?;
            return row.map(|row| json::load(py, row.as_bytes())).transpose();
        }
        let read = |client: &emnify_core::Client| reading.next(client);
        // If an interrupt comes after the row, the next read returns it.
        let unread = Cell::new(None);
        let row = client.call_or_undo(py, self.timeout, read, |_, row| unread.set(row));
        reading.unread = unread.take();
        self.rows.put(reading);
        row?.map(|row| json::load(py, row.as_bytes())).transpose()
    }

    /// Returns the next row if that needs no call: a tuple with the row, or an empty tuple at
    /// the end. None if it needs a call.
    #[pyo3(name = "_buffered")]
    fn buffered<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let core = self.client.get().connection.client(py)?;
        let Some(mut reading) = self.rows.take() else { return Ok(None) };
        if !reading.is_buffered() {
            self.rows.put(reading);
            return Ok(None);
        }
        let row = reading.next(&core);
        self.rows.put(reading);
        let row = row.map_err(|error| errors::exception(py, &error))?;
        let row = row.map(|row| json::load(py, row.as_bytes())).transpose()?;
        PyTuple::new(py, row.as_slice()).map(Some)
    }

    fn __repr__(&self) -> &'static str {
        "<Pages>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_copied())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.client)
    }
}

impl Rows {
    fn take(&self) -> Option<Reading> {
        self.0.swap(None).and_then(Arc::into_inner)
    }

    fn put(&self, reading: Reading) {
        self.0.store(Some(Arc::new(reading)));
    }
}

impl Reading {
    /// Whether the next row can be returned without a call.
    fn is_buffered(&self) -> bool {
        self.unread.is_some() || self.pages.is_buffered()
    }

    /// Returns the next row, by a call if needed. `None` at the end.
    fn next(&mut self, client: &emnify_core::Client) -> emnify_core::Result<Option<String>> {
        match self.unread.take() {
            Some(row) => Ok(Some(row)),
            None => client.next_text(&mut self.pages).transpose(),
        }
    }
}
