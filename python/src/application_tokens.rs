//! The calls that look after application tokens: create, list, update, revoke.

use emnify_core::{ApplicationTokenUpdate, NewApplicationToken};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::application_token::{ApplicationToken, CreatedApplicationToken};
use crate::arguments;
use crate::client::Client;

/// The application tokens of the workspace that the client is signed in to:
/// Client.application_tokens is one of these.
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct ApplicationTokens(pub(crate) Py<Client>);

#[pymethods]
impl ApplicationTokens {
    /// Creates an application token. Its value is in what is returned and nowhere else.
    ///
    /// description is a label of at most 1,024 bytes; expiry_date a date or an instant in
    /// the future, as text ("2027-05-29", "2027-05-29T18:30:00Z"), as a datetime.date, or as
    /// a datetime.datetime with a time zone; ip the one address or range ("192.0.2.0/24")
    /// that it may be used from.
    ///
    /// emnify does not tell the id of what it created. It is looked for in the list, read
    /// before and after; where that fails, or leaves doubt, the id is None.
    ///
    /// After NetworkError, RequestTimeoutError or ServerError a token may have been created
    /// whose value nobody knows: it is in the list, and should be revoked. A call that Ctrl-C
    /// interrupts goes on in the background; what it creates is revoked there, if its id is
    /// found and the program goes on for long enough.
    #[pyo3(signature = (*, description=None, expiry_date=None, ip=None))]
    fn create(
        &self,
        py: Python<'_>,
        description: Option<Bound<'_, PyAny>>,
        expiry_date: Option<Bound<'_, PyAny>>,
        ip: Option<Bound<'_, PyAny>>,
    ) -> PyResult<CreatedApplicationToken> {
        let client = self.0.get();
        let mut new = NewApplicationToken::new();
        if let Some(description) = &description {
            new = new.description(arguments::text("description", description)?);
        }
        if let Some(expiry_date) = &expiry_date {
            new = new.expiry_date(arguments::expiry_date(expiry_date)?);
        }
        if let Some(ip) = &ip {
            new = new.ip(arguments::text("ip", ip)?);
        }
        let create = move |client: &emnify_core::Client| client.application_tokens().create(&new);
        client.call_or_undo(py, create, revoke).map(CreatedApplicationToken)
    }

    /// All application tokens of the workspace, expired and revoked ones too.
    fn list(&self, py: Python<'_>) -> PyResult<Vec<ApplicationToken>> {
        let client = self.0.get();
        let rows = client.call(py, |client| client.application_tokens().list())?;
        Ok(rows.into_iter().map(ApplicationToken).collect())
    }

    /// Changes the description of the application token with this id.
    #[pyo3(signature = (id, *, description))]
    fn update(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        description: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let client = self.0.get();
        let id = arguments::id(id)?;
        let mut update = ApplicationTokenUpdate::new();
        if let Some(description) = &description {
            update = update.description(arguments::text("description", description)?);
        }
        client.call(py, move |client| client.application_tokens().update(id, &update))
    }

    /// Revokes the application token with this id for good. Auth tokens that were obtained
    /// with it stay valid until they expire. Revoking a revoked one is no error.
    fn revoke(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<()> {
        let client = self.0.get();
        let id = arguments::id(id)?;
        client.call(py, move |client| client.application_tokens().revoke(id))
    }

    fn __repr__(&self) -> &'static str {
        "<ApplicationTokens>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(crate::client::not_copied())
    }
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

/// Nobody is there any more to whom the new token's value could be shown. Without an id it stays:
/// a guess could hit one that works.
fn revoke(client: &emnify_core::Client, created: emnify_core::CreatedApplicationToken) {
    if let Some(id) = created.id() {
        // Where that fails, the token is in the list, as its creator knows from its description.
        let _ = client.application_tokens().revoke(id);
    }
}
