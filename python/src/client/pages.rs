//! The rows of a collection, as Python iterates over them.

use std::cell::Cell;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::client::{Client, not_copied};
use crate::convert::errors::{self, invalid_input};
use crate::convert::{arguments, json, params};

#[pymethods]
impl Client {
    /// The rows of a collection, page after page, each row once. A page is fetched when its
    /// first row is asked for, each within the timeout and tried again as with get().
    ///
    /// path, params: as for request(); what is wrong with the path is told at the first row.
    /// per_page: rows with each call; more of them are fewer calls. Default: 100.
    ///
    ///     >>> iccids = [sim["iccid"] for sim in client.paginate("/api/v1/sim", per_page=500)]
    ///     >>> len(iccids)
    ///     300
    #[pyo3(signature = (path, *, params=None, per_page=None))]
    fn paginate(
        slf: Bound<'_, Self>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        per_page: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Pages> {
        Pages::new(slf, path, params, per_page)
    }
}

/// The rows of a list: what Client.paginate() returns. Each is what Response.json() would make
/// of it: a dict, its keys in the server's order.
///
/// One thread at a time can ask for a row; another that does so meanwhile gets an
/// InvalidInputError. After an error the iteration ends; so it does when the client is closed.
/// A row that Ctrl-C interrupts is not lost: the next one asked for is that.
///
///     >>> for sim in client.paginate("/api/v1/sim"):
///     ...     if sim["id"] == 500123:
///     ...         break
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct Pages {
    client: Py<Client>,
    rows: Rows,
}

/// Where the iteration stands. Who asks for a row takes it, and puts it back. It is no lock, which a
/// fork could leave held.
struct Rows(ArcSwapOption<Reading>);

struct Reading {
    pages: emnify_core::Pages,
    /// A row that was read and that nobody got.
    unread: Option<String>,
}

impl Pages {
    pub(crate) fn new(
        client: Bound<'_, Client>,
        path: &Bound<'_, PyAny>,
        params: Option<&Bound<'_, PyAny>>,
        per_page: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = client.py();
        let path = arguments::text("path", path)?;
        let query = params.map_or(Ok(Vec::new()), params::query)?;
        if query.iter().any(|(name, _)| matches!(name.as_str(), "page" | "per_page")) {
            let problem = "must not have page or per_page: the pages are counted here, and \
                           per_page is an argument";
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
        Ok(Pages { client: client.unbind(), rows })
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
            return Err(invalid_input(py, "next", "another row is being read, in another thread"));
        };
        if reading.is_buffered() {
            let row = reading.next(&core);
            self.rows.put(reading);
            let row = row.map_err(|error| errors::exception(py, &error))?;
            return row.map(|row| json::load(py, row.as_bytes())).transpose();
        }
        let read = |client: &emnify_core::Client| reading.next(client);
        // A row that nobody gets is the next one.
        let unread = Cell::new(None);
        let row = client.call_or_undo(py, read, |_, row| unread.set(row));
        reading.unread = unread.take();
        self.rows.put(reading);
        row?.map(|row| json::load(py, row.as_bytes())).transpose()
    }

    /// The next row if it is there without a call, alone in a tuple, which is empty at the end;
    /// else None.
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
    /// Whether no call is needed for the next row.
    fn is_buffered(&self) -> bool {
        self.unread.is_some() || self.pages.is_buffered()
    }

    /// The next row.
    fn next(&mut self, client: &emnify_core::Client) -> emnify_core::Result<Option<String>> {
        match self.unread.take() {
            Some(row) => Ok(Some(row)),
            None => client.next_text(&mut self.pages).transpose(),
        }
    }
}
