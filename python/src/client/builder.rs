//! Creates clients: passes Python's arguments to core's builder.

use std::sync::Arc;

use emnify_core::{ClientBuilder, Clock};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};

use crate::calls::events::OnEvent;
use crate::calls::into_core::into_core;
use crate::calls::user_functions::{self, SignInFunctions};
use crate::client::Client;
use crate::client::connection::Connection;
use crate::convert::arguments::{self, wrong_type};
use crate::values::manual_clock::ManualClock;
use crate::values::trusted_device::TrustedDevice;

/// The settings for which `None` stands for the default.
const MAY_BE_NONE: [&str; 8] = [
    "base_url",
    "ca_bundle",
    "proxy",
    "interface",
    "local_address",
    "store",
    "on_event",
    "fleet_size",
];

#[pymethods]
impl Client {
    #[new]
    #[pyo3(
        signature = (
            application_token=None, *, application_token_file=None, application_token_source=None,
            **settings,
        ),
        text_signature = "(application_token=None, *, application_token_file=None, \
            application_token_source=None, base_url=None, timeout=30.0, connect_timeout=10.0, \
            ca_bundle=None, proxy=None, interface=None, local_address=None, store=None, \
            on_event=None, auto_renew=False, fleet_size=None, pacing=True, retries=2)"
    )]
    fn new(
        py: Python<'_>,
        application_token: Option<Bound<'_, PyAny>>,
        application_token_file: Option<Bound<'_, PyAny>>,
        application_token_source: Option<Bound<'_, PyAny>>,
        settings: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut builder = emnify_core::Client::builder();
        if let Some(token) = &application_token {
            builder = builder.application_token(arguments::text("application_token", token)?);
        }
        if let Some(path) = &application_token_file {
            let path = arguments::path("application_token_file", path)?;
            builder = builder.application_token_file(path);
        }
        let mut functions = SignInFunctions::default();
        if let Some(function) = &application_token_source {
            let function = arguments::plain_function("application_token_source", function)?;
            functions.application_token_source = Some(function);
            builder = builder.application_token_source(user_functions::application_token_source());
        }
        build(py, builder, settings, functions)
    }

    /// Returns a client that signs in as a user, for calls that an application token is not
    /// allowed to make.
    ///
    /// mfa: a function that asks the user for the one-time code from emnify and returns it, or
    /// None to give up. It is called when emnify asks for a code, in the thread that makes the
    /// call. The time that it takes does not count towards the timeout. The call raises
    /// whatever the function raises. The function must not make a call that needs an auth token
    /// of this client: that call would wait for the function. Without a function, a call that
    /// needs a code raises MfaRequiredError.
    /// trusted_device: a device on which one code is enough for 90 days.
    ///
    /// The other arguments are those of Client.
    ///
    ///     >>> with Client.from_user("user@example.com", "password") as client:
    ///     ...     client.authenticate().organisation_id
    ///     1234
    #[classmethod]
    #[pyo3(
        signature = (username, password, *, mfa=None, trusted_device=None, **settings),
        text_signature = "($cls, username, password, *, mfa=None, trusted_device=None, \
            base_url=None, timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None, \
            interface=None, local_address=None, store=None, on_event=None, auto_renew=False, \
            fleet_size=None, pacing=True, retries=2)"
    )]
    fn from_user(
        cls: &Bound<'_, PyType>,
        username: &Bound<'_, PyAny>,
        password: &Bound<'_, PyAny>,
        mfa: Option<Bound<'_, PyAny>>,
        trusted_device: Option<Bound<'_, PyAny>>,
        settings: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let username = arguments::text("username", username)?;
        let password = arguments::text("password", password)?;
        let mut builder = emnify_core::Client::builder().user(username, password);
        if let Some(device) = &trusted_device {
            let device = device
                .cast::<TrustedDevice>()
                .map_err(|_| wrong_type("trusted_device", "a TrustedDevice", device))?;
            builder = builder.trusted_device(device.get().device.clone());
        }
        let mut functions = SignInFunctions::default();
        if let Some(function) = &mfa {
            functions.mfa = Some(arguments::plain_function("mfa", function)?);
            builder = builder.mfa(user_functions::mfa);
        }
        build(cls.py(), builder, settings, functions)
    }
}

/// Creates a client with the arguments that all clients share, and the credentials in the builder.
fn build(
    py: Python<'_>,
    mut builder: ClientBuilder,
    settings: Option<Bound<'_, PyDict>>,
    functions: SignInFunctions,
) -> PyResult<Client> {
    let mut on_event = OnEvent::default();
    for (name, value) in settings.into_iter().flatten() {
        let name = arguments::text("settings", &name)?;
        if value.is_none() && MAY_BE_NONE.contains(&name) {
            continue;
        }
        builder = match name {
            "base_url" => builder.base_url(arguments::text(name, &value)?),
            "timeout" => builder.timeout(arguments::duration(name, &value)?),
            "connect_timeout" => builder.connect_timeout(arguments::duration(name, &value)?),
            "ca_bundle" => match value.cast::<PyBytes>() {
                Ok(pem) => builder.ca_pem(pem.as_bytes()),
                Err(_) => builder.ca_bundle(arguments::path(name, &value)?),
            },
            "proxy" => builder.proxy(arguments::text(name, &value)?),
            "interface" => builder.interface(arguments::text(name, &value)?),
            "local_address" => builder.local_address(arguments::text(name, &value)?),
            "store" => builder.store(arguments::store(&value)?),
            "on_event" => {
                on_event = OnEvent::new(&value)?;
                builder
            }
            "auto_renew" => builder.auto_renew(arguments::boolean(name, &value)?),
            "fleet_size" => builder.fleet_size(arguments::small(name, &value)?),
            "pacing" => builder.pacing(arguments::boolean(name, &value)?),
            "retries" => builder.retries(arguments::small(name, &value)?),
            // `emnify-sandbox` passes it, so that tests need not wait. The signatures that Python
            // shows do not have it.
            "_clock" => {
                let clock = value.cast::<ManualClock>()?;
                builder.clock(Arc::clone(&clock.get().0) as Arc<dyn Clock>)
            }
            _ => {
                let problem = format!("Client() got an unexpected keyword argument '{name}'");
                return Err(PyTypeError::new_err(problem));
            }
        };
    }
    builder = builder.expiry_notice(on_event.is_set());
    // Only Python's main thread and AsyncClient make interruptible calls, and max_threads limits
    // the latter.
    builder = builder.max_exchanges(usize::MAX);
    let client = into_core(py, move || builder.build())?;
    let base_url = Arc::from(client.base_url());
    let connection = Connection::new(client);
    Ok(Client { connection, on_event, functions, base_url, entrance: Arc::default() })
}
