//! The calls that look after application tokens: create, list, update, revoke, audit, rotate.

use emnify_core::{ApplicationTokenUpdate, AuditOptions, NewApplicationToken, RotateOptions};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use crate::calls::functions;
use crate::calls::into_core::into_core;
use crate::client::Client;
use crate::convert::arguments::{self, OrDefault};
use crate::values::application_token::{ApplicationToken, CreatedApplicationToken};
use crate::values::audited_token::AuditedToken;
use crate::values::rotation::Rotation;

/// The application tokens of the workspace that the client is signed in to:
/// Client.application_tokens is one of these.
///
///     >>> [(token.id, token.description) for token in client.application_tokens.list()]
///     [(4711, 'Sandbox')]
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
    /// whose value nobody knows: it is in the list, and should be revoked. What a call
    /// that Ctrl-C interrupts still creates is revoked in the background, if its id is found and
    /// the program goes on for long enough.
    ///
    ///     >>> created = client.application_tokens.create(description="gateway 7", ip="192.0.2.7")
    ///     >>> secret = created.reveal()
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
        let create = |client: &emnify_core::Client| client.application_tokens().create(&new);
        // Nobody is there to whom its value could be shown.
        let discard = |client: &emnify_core::Client, created| {
            client.application_tokens().discard(&created);
        };
        client.call_or_undo(py, create, discard).map(CreatedApplicationToken)
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

    /// The application token that this client signs in with: its description, when it expires.
    /// None where the auth token does not tell which it is, as where a person is signed in.
    fn own(&self, py: Python<'_>) -> PyResult<Option<ApplicationToken>> {
        let client = self.0.get();
        let own = client.call(py, |client| client.application_tokens().own())?;
        Ok(own.map(ApplicationToken))
    }

    /// All application tokens of the workspace, each with what there is to say against it.
    /// Nothing is changed.
    ///
    /// expires_within: what expires within that time is found; default: 30 days.
    /// older_than: what was created longer ago is found; default: 365 days.
    ///
    ///     >>> for audited in client.application_tokens.audit():
    ///     ...     print(audited.token.id, sorted(audited.findings))
    ///     4711 ['no_address_restriction', 'no_expiry', 'own']
    #[pyo3(
        signature = (*, expires_within=OrDefault::Default, older_than=OrDefault::Default),
        text_signature = "($self, *, expires_within=..., older_than=...)"
    )]
    fn audit(
        &self,
        py: Python<'_>,
        expires_within: OrDefault<'_>,
        older_than: OrDefault<'_>,
    ) -> PyResult<Vec<AuditedToken>> {
        let client = self.0.get();
        let mut options = AuditOptions::new();
        if let OrDefault::Given(time) = &expires_within {
            options = options.expires_within(arguments::timedelta("expires_within", time)?);
        }
        if let OrDefault::Given(age) = &older_than {
            options = options.older_than(arguments::timedelta("older_than", age)?);
        }
        let rows = client.call(py, move |client| client.application_tokens().audit(&options))?;
        Ok(rows.into_iter().map(AuditedToken).collect())
    }

    /// Replaces the application token that this client signs in with by a new one, with no
    /// moment at which neither works: creates the new one, tries it, puts it where the next
    /// start finds it, and revokes the old one. The client goes on with the new one.
    ///
    /// Each step is noted in the client's store, which must be a directory, before it is taken.
    /// After an error or a crash call it again: it goes on where it stopped, with what it began
    /// with. A client that starts with the old token finds the new one there too. One rotation
    /// at a time runs in a store; who waits for another one's adopts what that came to.
    ///
    /// id: of the application token that this client signs in with, where its auth token does
    /// not tell. It is not for another one: what contradicts the auth token is refused.
    /// description, expiry_date, ip: as for create(); default: those of the old one, and its
    /// lifetime instead of its expiry date.
    /// grace: how long the old one goes on working beside the new one, as a timedelta or in
    /// seconds. This does not wait for it: call it again when it is over.
    /// keep_old: leaves the old one alive, for an application token that may not revoke any. The
    /// rotation ends in "Done" with the event "old_token_kept".
    /// hand_over: a function that takes the new application token, a str, and keeps it where
    /// the next start finds it, instead of the credential file. It runs in the thread that
    /// makes this call, and perhaps again with the same token after a crash. It must not call
    /// this client, which waits for it. Whatever it raises, KeyboardInterrupt too, stops the
    /// rotation and is the __cause__ of the RotationError; the next call goes on with the same
    /// token.
    ///
    /// Each of its requests may take as long as the timeout. After Ctrl-C the next call goes on
    /// where this one stopped.
    ///
    /// Raises InvalidInputError where there is neither a credential file nor hand_over, no
    /// directory as a store, or a person signed in, or where the list does not tell how long the
    /// old one lives and expiry_date is not given; ForbiddenError where the application token may
    /// not revoke any, without keep_old; what any call raises, before anything was begun; and from
    /// then on RotationError, with the state that it stopped in.
    ///
    ///     >>> with Client(application_token_file="token", store="state") as client:
    ///     ...     client.application_tokens.rotate()
    ///     <Rotation state='Done' old_id=4711 new_id=4712 is_adopted=False>
    #[pyo3(
        signature = (
            *, id=None, description=None, expiry_date=None, ip=None, grace=OrDefault::Default,
            keep_old=false, hand_over=None,
        ),
        text_signature = "($self, *, id=None, description=None, expiry_date=None, ip=None, \
            grace=0, keep_old=False, hand_over=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn rotate(
        &self,
        py: Python<'_>,
        id: Option<Bound<'_, PyAny>>,
        description: Option<Bound<'_, PyAny>>,
        expiry_date: Option<Bound<'_, PyAny>>,
        ip: Option<Bound<'_, PyAny>>,
        grace: OrDefault<'_>,
        keep_old: bool,
        hand_over: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Rotation> {
        let client = self.0.get();
        let mut options = RotateOptions::new().keep_old(keep_old);
        if let Some(id) = &id {
            options = options.id(arguments::id(id)?);
        }
        if let Some(description) = &description {
            options = options.description(arguments::text("description", description)?);
        }
        if let Some(expiry_date) = &expiry_date {
            options = options.expiry_date(arguments::expiry_date(expiry_date)?);
        }
        if let Some(ip) = &ip {
            options = options.ip(arguments::text("ip", ip)?);
        }
        if let OrDefault::Given(grace) = &grace {
            options = options.grace(arguments::duration("grace", grace)?);
        }
        let hand_over = match &hand_over {
            Some(function) => Some(arguments::function("hand_over", function)?),
            None => None,
        };
        if hand_over.is_some() {
            options = options.hand_over(functions::hand_over);
        }
        let rotate = |client: &emnify_core::Client| client.application_tokens().rotate(&options);
        client.call_with(py, hand_over.as_ref(), rotate, |_, _| {}).map(Rotation)
    }

    /// Returns a function that revokes, in the background, what was created for a caller that
    /// has left. It also does so after the client is closed.
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
