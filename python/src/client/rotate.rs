//! The call that replaces an application token.

use emnify_core::RotateOptions;
use pyo3::prelude::*;

use crate::calls::user_functions;
use crate::client::application_tokens::ApplicationTokens;
use crate::convert::arguments::{self, OrDefault, Timeout};
use crate::values::plain;

#[pymethods]
impl ApplicationTokens {
    /// Replaces the application token that this client signs in with: creates a new one, tries
    /// it, writes it to the credential file, and revokes the old one. At any time, one of the two
    /// works. From then on the client uses the new one.
    ///
    /// The progress is kept in the client's store, which must be a directory: each step is
    /// recorded before it is taken. After an error or a crash call this again: it continues where
    /// it stopped, with the options that it started with. A client that starts with the old token
    /// finds the new one in the store. Only one rotation runs in a store at a time; a call that
    /// waits for another rotation returns the result of that one.
    ///
    /// id: the id of the application token that this client signs in with. It is needed only if
    /// the auth token does not contain it. An id that contradicts the auth token is refused.
    /// description, expiry_date, expires_in, ip: as for create(). Default: the description, the
    /// lifetime and the address restriction of the old token.
    /// grace: how long the old token still works alongside the new one, as a timedelta or in
    /// seconds. rotate() does not wait for the end of this time: call it again afterwards.
    /// keep_old: does not revoke the old token, for an application token that is not allowed to
    /// revoke. The rotation ends in "done" with the event "old_token_kept".
    /// hand_over: a function that stores the new application token, a str, where the program
    /// finds it at its next start. It replaces the credential file. It runs in the thread that
    /// makes this call. It must be idempotent: after an error, a crash or the grace period it may
    /// be called again with the same token. It may use this client, but must not call rotate().
    /// Any exception that it raises, even KeyboardInterrupt, stops the rotation and becomes the
    /// __cause__ of the RotationError, and the old token is not revoked.
    ///
    /// read_back: a function that returns the application token that hand_over stored, a str, as
    /// the next start of the program will read it. White space around it is ignored. It runs before
    /// the old token is revoked. If it raises an exception or returns another token, the rotation
    /// stops and nothing is revoked; the next rotate() calls hand_over again.
    ///
    /// timeout: how long each request of the rotation may take. Default: the client's timeout.
    ///
    /// After Ctrl-C the next rotate() continues where this one stopped.
    ///
    /// Raises InvalidInputError if there is neither a credential file nor hand_over, if the
    /// store is not a directory, if the client signs in as a user, or if the lifetime of the
    /// old token is not known and expiry_date is not given; ForbiddenError if the application
    /// token is not allowed to revoke and keep_old is not set; StoreError if the store cannot
    /// be used; and what any call raises. Once the rotation has started, raises RotationError,
    /// with the state in which it stopped.
    ///
    ///     >>> with Client(application_token_file="token", store="state") as client:
    ///     ...     client.application_tokens.rotate().state
    ///     'done'
    #[pyo3(
        signature = (
            *, id=None, description=None, expiry_date=None, expires_in=None, ip=None,
            grace=OrDefault::Default, keep_old=false, hand_over=None, read_back=None, timeout=None,
        ),
        text_signature = "($self, *, id=None, description=None, expiry_date=None, \
            expires_in=None, ip=None, grace=0, keep_old=False, hand_over=None, read_back=None, \
            timeout=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn rotate<'py>(
        &self,
        py: Python<'py>,
        id: Option<Bound<'_, PyAny>>,
        description: Option<Bound<'_, PyAny>>,
        expiry_date: Option<Bound<'_, PyAny>>,
        expires_in: Option<Bound<'_, PyAny>>,
        ip: Option<Bound<'_, PyAny>>,
        grace: OrDefault<'_>,
        keep_old: bool,
        hand_over: Option<Bound<'_, PyAny>>,
        read_back: Option<Bound<'_, PyAny>>,
        timeout: Option<Timeout>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.0.get();
        let mut options = RotateOptions::new().keep_old(keep_old);
        if let Some(id) = &id {
            options = options.id(arguments::id(id)?);
        }
        if let Some(description) = &description {
            options = options.description(arguments::text("description", description)?);
        }
        if let Some(expiry) = arguments::expiry(expiry_date.as_ref(), expires_in.as_ref())? {
            options = options.expiry_date(expiry);
        }
        if let Some(ip) = &ip {
            options = options.ip(arguments::text("ip", ip)?);
        }
        if let OrDefault::Given(grace) = &grace {
            options = options.grace(arguments::duration("grace", grace)?);
        }
        let function = |name, given: &Option<Bound<'_, PyAny>>| {
            given.as_ref().map(|given| arguments::plain_function(name, given)).transpose()
        };
        let hand_over = function("hand_over", &hand_over)?;
        if hand_over.is_some() {
            options = options.hand_over(user_functions::hand_over);
        }
        let read_back = function("read_back", &read_back)?;
        if read_back.is_some() {
            options = options.read_back(user_functions::read_back);
        }
        let rotate = |client: &emnify_core::Client| client.application_tokens().rotate(&options);
        let functions = [hand_over.as_ref(), read_back.as_ref()];
        let rotation = client.call_with(py, timeout, functions, rotate, |_, _| {})?;
        plain::rotation(py, &rotation)
    }
}
