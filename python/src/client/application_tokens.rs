//! The calls for application tokens: create, list, update, revoke, own, audit, failures, identify.
//! `rotate` is in a file of its own.

use emnify_core::{ApplicationTokenUpdate, AuditOptions, NewApplicationToken, Secret};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use crate::calls::into_core::into_core;
use crate::client::Client;
use crate::convert::arguments::{self, OrDefault, Timeout};
use crate::values::created_token::CreatedApplicationToken;
use crate::values::plain;

/// The calls for the application tokens of the client's workspace. Client.application_tokens
/// returns this. Each takes at most timeout, in seconds or as a timedelta; by default the
/// client's timeout.
///
///     >>> [(token.id, token.description) for token in client.application_tokens.list()]
///     [(4711, 'Sandbox')]
#[pyclass(frozen, module = "emnify_auth")]
pub(crate) struct ApplicationTokens(pub(crate) Py<Client>);

#[pymethods]
impl ApplicationTokens {
    /// Creates an application token. Its value is only in the returned object and cannot be read
    /// again later.
    ///
    /// description: a label of at most 1,024 bytes.
    /// expiry_date: a date or an instant in the future: a text ("2027-05-29" or
    /// "2027-05-29T18:30:00Z"), a datetime.date, or a datetime.datetime with a time zone.
    /// Default: the token never expires.
    /// expires_in: how long the token lives, instead of expiry_date, as a timedelta or in seconds.
    /// The time is counted on emnify's clock.
    /// ip: the address or range ("192.0.2.0/24") from which the token may be used. Default: any.
    ///
    /// emnify does not return the new id. The client finds it by comparing the list before and
    /// after. The id is None if that fails or leaves doubt.
    ///
    /// After NetworkError, RequestTimeoutError or ServerError a token may exist whose value is
    /// lost: find it in the list and revoke it. If Ctrl-C interrupts this call and the token is
    /// still created, it is revoked in the background, if its id is found and the program runs
    /// long enough.
    ///
    ///     >>> created = client.application_tokens.create(description="gateway 7", ip="192.0.2.7")
    ///     >>> secret = created.reveal()
    #[pyo3(signature = (*, description=None, expiry_date=None, expires_in=None, ip=None, timeout=None))]
    fn create(
        &self,
        py: Python<'_>,
        description: Option<Bound<'_, PyAny>>,
        expiry_date: Option<Bound<'_, PyAny>>,
        expires_in: Option<Bound<'_, PyAny>>,
        ip: Option<Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<CreatedApplicationToken> {
        let client = self.0.get();
        let mut new = NewApplicationToken::new();
        if let Some(description) = &description {
            new = new.description(arguments::text("description", description)?);
        }
        if let Some(expiry) = arguments::expiry(expiry_date.as_ref(), expires_in.as_ref())? {
            new = new.expiry_date(expiry);
        }
        if let Some(ip) = &ip {
            new = new.ip(arguments::text("ip", ip)?);
        }
        let create = |client: &emnify_core::Client| client.application_tokens().create(&new);
        // After an interrupt its value is lost, so the token is of no use.
        let discard = |client: &emnify_core::Client, created| {
            client.application_tokens().discard(&created);
        };
        client.call_or_undo(py, timeout, create, discard).map(CreatedApplicationToken)
    }

    /// Returns all application tokens of the workspace, including expired and revoked ones.
    #[pyo3(signature = (*, timeout=None))]
    fn list<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<Timeout>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let client = self.0.get();
        let rows = client.call(py, timeout, |client| client.application_tokens().list())?;
        rows.iter().map(|row| plain::application_token(py, row)).collect()
    }

    /// Changes the description of the application token with this id.
    #[pyo3(signature = (id, *, description, timeout=None))]
    fn update(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        description: Option<Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<()> {
        let client = self.0.get();
        let id = arguments::id(id)?;
        let mut update = ApplicationTokenUpdate::new();
        if let Some(description) = &description {
            update = update.description(arguments::text("description", description)?);
        }
        client.call(py, timeout, move |client| client.application_tokens().update(id, &update))
    }

    /// Revokes the application token with this id. This cannot be undone. Auth tokens that were
    /// obtained with it stay valid until they expire. Revoking it again is not an error.
    #[pyo3(signature = (id, *, timeout=None))]
    fn revoke(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        timeout: Option<Timeout>,
    ) -> PyResult<()> {
        let client = self.0.get();
        let id = arguments::id(id)?;
        client.call(py, timeout, move |client| client.application_tokens().revoke(id))
    }

    /// Returns the row of the application token that this client signs in with. None if the auth
    /// token does not contain its id, for example if the client signs in as a user.
    #[pyo3(signature = (*, timeout=None))]
    fn own<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<Timeout>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let client = self.0.get();
        let own = client.call(py, timeout, |client| client.application_tokens().own())?;
        own.map(|own| plain::application_token(py, &own)).transpose()
    }

    /// Returns all application tokens of the workspace, each with the risks found for it. It
    /// changes nothing.
    ///
    /// expires_within: a token that expires within this time is reported as "expires_soon".
    /// Default: 30 days.
    /// older_than: a token that is older than this is reported as "old". Default: 365 days.
    /// refused_within: a token with which a sign-in was refused within this time is reported as
    /// "refused_lately". Default: 1 day. 0: refused sign-ins are not read. All are timedeltas, or
    /// in seconds.
    ///
    /// If the refused sign-ins cannot be read, or there are too many, there is the event
    /// "audit_incomplete", and "refused_lately" may be missing.
    ///
    ///     >>> for audited in client.application_tokens.audit():
    ///     ...     print(audited.token.id, sorted(audited.findings))
    ///     4711 ['no_address_restriction', 'no_expiry', 'own']
    #[pyo3(
        signature = (
            *, expires_within=OrDefault::Default, older_than=OrDefault::Default,
            refused_within=OrDefault::Default, timeout=None,
        ),
        text_signature = "($self, *, expires_within=..., older_than=..., refused_within=..., \
            timeout=None)"
    )]
    fn audit<'py>(
        &self,
        py: Python<'py>,
        expires_within: OrDefault<'_>,
        older_than: OrDefault<'_>,
        refused_within: OrDefault<'_>,
        timeout: Option<Timeout>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let client = self.0.get();
        let mut options = AuditOptions::new();
        if let OrDefault::Given(time) = &expires_within {
            options = options.expires_within(arguments::duration("expires_within", time)?);
        }
        if let OrDefault::Given(age) = &older_than {
            options = options.older_than(arguments::duration("older_than", age)?);
        }
        if let OrDefault::Given(time) = &refused_within {
            options = options.refused_within(arguments::duration("refused_within", time)?);
        }
        let rows =
            client.call(py, timeout, move |client| client.application_tokens().audit(&options))?;
        rows.iter().map(|row| plain::audited_token(py, row)).collect()
    }

    /// Returns the sign-ins with application tokens that emnify refused, of all machines in the
    /// workspace, the latest first. After a rotation they tell which machines still use the old
    /// token.
    ///
    /// since: how far to go back, as a timedelta or in seconds, counted on emnify's clock. emnify
    /// keeps them for 30 days. At most 20 pages of 100 are read: if there are more, there is the
    /// event "audit_incomplete", and those that are missing need not be the oldest.
    ///
    ///     >>> client.application_tokens.failures(since=86_400)
    ///     []
    #[pyo3(signature = (since, *, timeout=None))]
    fn failures<'py>(
        &self,
        py: Python<'py>,
        since: &Bound<'_, PyAny>,
        timeout: Option<Timeout>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let client = self.0.get();
        let since = arguments::duration("since", since)?;
        let failures =
            client.call(py, timeout, move |client| client.application_tokens().failures(since))?;
        failures.iter().map(|failure| plain::sign_in_failure(py, failure)).collect()
    }

    /// Returns what the value of an application token says about itself, without a connection.
    /// It needs no client: ApplicationTokens.inspect(value). Returns None if the value is opaque.
    ///
    /// Nothing of it is verified; identify() asks emnify.
    ///
    ///     >>> from pathlib import Path
    ///     >>> claims = ApplicationTokens.inspect(Path("token").read_text())
    ///     >>> claims.id, claims.organisation_id
    ///     (4711, 1234)
    #[staticmethod]
    fn inspect<'py>(
        py: Python<'py>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value = Secret::from(arguments::text("value", value)?);
        let claims = emnify_core::ApplicationTokens::inspect(&value);
        claims.map(|claims| plain::token_claims(py, &claims)).transpose()
    }

    /// Returns the row of the application token with this value, and its findings, to revoke one
    /// that was found in public. It signs in with the value once, because only emnify knows whether
    /// the id that the value claims is right. A token that the list shows as revoked is returned
    /// without that.
    ///
    /// Check the findings before you revoke it: "own" is the token that this client signs in with.
    ///
    /// Raises InvalidInputError if the value cannot be an application token or is an auth token;
    /// AuthenticationError if emnify refuses it, because it is expired, restricted to other
    /// addresses or none of emnify's; NotFoundError if it belongs to another workspace or emnify
    /// does not tell its id; and what list() raises.
    ///
    ///     >>> from pathlib import Path
    ///     >>> leaked = client.application_tokens.identify(Path("token").read_text())
    ///     >>> leaked.token.id, sorted(leaked.findings)
    ///     (4711, ['no_address_restriction', 'no_expiry', 'own'])
    #[pyo3(signature = (value, *, timeout=None))]
    fn identify<'py>(
        &self,
        py: Python<'py>,
        value: &Bound<'_, PyAny>,
        timeout: Option<Timeout>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.0.get();
        let value = Secret::from(arguments::text("value", value)?);
        let found =
            client.call(py, timeout, move |client| client.application_tokens().identify(&value))?;
        plain::audited_token(py, &found)
    }

    /// Returns a function that revokes, in the background, a token that a cancelled task
    /// created. It also works after the client is closed.
    #[pyo3(name = "_discarder")]
    fn discarder<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCFunction>> {
        let client = self.0.get().connection.client(py)?;
        PyCFunction::new_closure(py, None, None, move |arguments, _| -> PyResult<()> {
            let created = arguments.get_item(0)?;
            let created = created.cast::<CreatedApplicationToken>()?.get();
            into_core(arguments.py(), || {
                client.application_tokens().discard(&created.0);
                Ok(())
            })
        })
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
