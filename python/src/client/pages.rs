//! The rows of a collection, as Python iterates over them.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::calls::waiting::spawn;
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
/// A row that Ctrl-C interrupts is not lost: once it is there, the next one asked for is that.
///
///     >>> for sim in client.paginate("/api/v1/sim"):
///     ...     if sim["id"] == 500123:
///     ...         break
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct Pages {
    client: Py<Client>,
    rows: Arc<Rows>,
}

/// Where the iteration stands. Who asks for a row takes it, and puts it back. It is no lock, which a
/// fork could leave held.
struct Rows(ArcSwapOption<Reading>);

struct Reading {
    /// `None` after the end.
    pages: Option<emnify_core::Pages>,
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
        let reading = Reading { pages: Some(pages), unread: None };
        let rows = Arc::new(Rows(ArcSwapOption::from_pointee(reading)));
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
        client.connection.client(py)?;
        let Some(mut reading) = self.rows.take() else {
            let problem = "another row is being read, in another thread or by a call that was \
                           interrupted";
            return Err(invalid_input(py, "next", problem));
        };
        if reading.is_buffered() {
            let row = reading.next();
            self.rows.put(reading);
            let row = row.map_err(|error| errors::exception(py, &error))?;
            return row.map(|row| json::load(py, row.as_bytes())).transpose();
        }
        let rows = Arc::clone(&self.rows);
        let read = move |_: &emnify_core::Client| match reading.next() {
            Ok(row) => Ok((reading, row)),
            Err(error) => {
                rows.put(reading);
                Err(error)
            }
        };
        let rows = Arc::clone(&self.rows);
        let unread = move |_: &emnify_core::Client,
                           (reading, unread): (Reading, Option<String>)| {
            rows.put(Reading { unread, ..reading });
        };
        let (reading, row) = client.call_or_undo(py, read, unread)?;
        self.rows.put(reading);
        row.map(|row| json::load(py, row.as_bytes())).transpose()
    }

    /// The next row if it is there without a call, alone in a tuple, which is empty at the end;
    /// else None.
    #[pyo3(name = "_buffered")]
    fn buffered<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.client.get().connection.client(py)?;
        let Some(mut reading) = self.rows.take() else { return Ok(None) };
        if !reading.is_buffered() {
            self.rows.put(reading);
            return Ok(None);
        }
        let row = reading.next();
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
        self.unread.is_some() || self.pages.as_ref().is_none_or(emnify_core::Pages::is_buffered)
    }

    /// The next row. What is done with is dropped here, on a thread that may wait for its end.
    fn next(&mut self) -> emnify_core::Result<Option<String>> {
        if let Some(row) = self.unread.take() {
            return Ok(Some(row));
        }
        let row = self.pages.as_mut().and_then(emnify_core::Pages::next_text).transpose();
        if !matches!(row, Ok(Some(_))) {
            self.pages = None;
        }
        row
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(reading) = self.rows.take() {
            // Of a client that was closed this may be the last that holds connections, whose end
            // can wait for the network; here the interpreter would wait with it.
            if reading.pages.is_some() && self.client.get().connection.glance().is_none() {
                let _ = spawn("emnify-close", move || drop(reading));
            }
        }
    }
}
