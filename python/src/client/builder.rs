//! Creates clients: passes Python's arguments to core's builder.

use std::sync::Arc;

use emnify_core::{ClientBuilder, Clock};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use crate::calls::events::OnEvent;
use crate::calls::into_core::into_core;
use crate::calls::user_functions;
use crate::client::Client;
use crate::client::connection::Connection;
use crate::convert::arguments::{self, OrDefault, wrong_type};
use crate::values::manual_clock::ManualClock;
use crate::values::trusted_device::TrustedDevice;

#[pymethods]
impl Client {
    #[new]
    #[pyo3(
        signature = (
            application_token=None, *, application_token_file=None, base_url=None,
            timeout=OrDefault::Default, connect_timeout=OrDefault::Default, ca_bundle=None,
            proxy=None, interface=None, local_address=None, store=None, on_event=None,
            auto_renew=OrDefault::Default, fleet_size=None, pacing=OrDefault::Default, _clock=None,
        ),
        text_signature = "(application_token=None, *, application_token_file=None, base_url=None, \
            timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None, interface=None, \
            local_address=None, store=None, on_event=None, auto_renew=False, fleet_size=None, \
            pacing=True)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        application_token: Option<Bound<'_, PyAny>>,
        application_token_file: Option<Bound<'_, PyAny>>,
        base_url: Option<Bound<'_, PyAny>>,
        timeout: OrDefault<'_>,
        connect_timeout: OrDefault<'_>,
        ca_bundle: Option<Bound<'_, PyAny>>,
        proxy: Option<Bound<'_, PyAny>>,
        interface: Option<Bound<'_, PyAny>>,
        local_address: Option<Bound<'_, PyAny>>,
        store: Option<Bound<'_, PyAny>>,
        on_event: Option<Bound<'_, PyAny>>,
        auto_renew: OrDefault<'_>,
        fleet_size: Option<Bound<'_, PyAny>>,
        pacing: OrDefault<'_>,
        _clock: Option<&Bound<'_, ManualClock>>,
    ) -> PyResult<Self> {
        let mut builder = builder(_clock);
        if let Some(token) = &application_token {
            builder = builder.application_token(arguments::text("application_token", token)?);
        }
        if let Some(path) = &application_token_file {
            let path = arguments::path("application_token_file", path)?;
            builder = builder.application_token_file(path);
        }
        Settings {
            base_url,
            timeout,
            connect_timeout,
            ca_bundle,
            proxy,
            interface,
            local_address,
            store,
            on_event,
            auto_renew,
            fleet_size,
            pacing,
        }
        .build(py, builder, None)
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
        signature = (
            username, password, *, mfa=None, trusted_device=None, base_url=None,
            timeout=OrDefault::Default, connect_timeout=OrDefault::Default, ca_bundle=None,
            proxy=None, interface=None, local_address=None, store=None, on_event=None,
            auto_renew=OrDefault::Default, fleet_size=None,
            pacing=OrDefault::Default, _clock=None,
        ),
        text_signature = "($cls, username, password, *, mfa=None, trusted_device=None, \
            base_url=None, timeout=30.0, connect_timeout=10.0, ca_bundle=None, proxy=None, \
            interface=None, local_address=None, store=None, on_event=None, auto_renew=False, \
            fleet_size=None, pacing=True)"
    )]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn from_user(
        cls: &Bound<'_, PyType>,
        username: &Bound<'_, PyAny>,
        password: &Bound<'_, PyAny>,
        mfa: Option<Bound<'_, PyAny>>,
        trusted_device: Option<Bound<'_, PyAny>>,
        base_url: Option<Bound<'_, PyAny>>,
        timeout: OrDefault<'_>,
        connect_timeout: OrDefault<'_>,
        ca_bundle: Option<Bound<'_, PyAny>>,
        proxy: Option<Bound<'_, PyAny>>,
        interface: Option<Bound<'_, PyAny>>,
        local_address: Option<Bound<'_, PyAny>>,
        store: Option<Bound<'_, PyAny>>,
        on_event: Option<Bound<'_, PyAny>>,
        auto_renew: OrDefault<'_>,
        fleet_size: Option<Bound<'_, PyAny>>,
        pacing: OrDefault<'_>,
        _clock: Option<&Bound<'_, ManualClock>>,
    ) -> PyResult<Self> {
        let username = arguments::text("username", username)?;
        let password = arguments::text("password", password)?;
        let mut builder = builder(_clock).user(username, password);
        if let Some(device) = &trusted_device {
            let device = device
                .cast::<TrustedDevice>()
                .map_err(|_| wrong_type("trusted_device", "a TrustedDevice", device))?;
            builder = builder.trusted_device(device.get().device.clone());
        }
        let mfa = match &mfa {
            Some(function) => Some(arguments::function("mfa", function)?),
            None => None,
        };
        Settings {
            base_url,
            timeout,
            connect_timeout,
            ca_bundle,
            proxy,
            interface,
            local_address,
            store,
            on_event,
            auto_renew,
            fleet_size,
            pacing,
        }
        .build(cls.py(), builder, mfa)
    }
}

/// Returns a builder. `emnify-sandbox` passes a clock, so that tests need not wait; it is not in the
/// signatures that Python shows.
fn builder(clock: Option<&Bound<'_, ManualClock>>) -> ClientBuilder {
    let builder = emnify_core::Client::builder();
    match clock {
        Some(clock) => builder.clock(Arc::clone(&clock.get().0) as Arc<dyn Clock>),
        None => builder,
    }
}

/// The arguments that all clients share.
struct Settings<'py> {
    base_url: Option<Bound<'py, PyAny>>,
    timeout: OrDefault<'py>,
    connect_timeout: OrDefault<'py>,
    ca_bundle: Option<Bound<'py, PyAny>>,
    proxy: Option<Bound<'py, PyAny>>,
    interface: Option<Bound<'py, PyAny>>,
    local_address: Option<Bound<'py, PyAny>>,
    store: Option<Bound<'py, PyAny>>,
    on_event: Option<Bound<'py, PyAny>>,
    auto_renew: OrDefault<'py>,
    fleet_size: Option<Bound<'py, PyAny>>,
    pacing: OrDefault<'py>,
}

impl Settings<'_> {
    /// Creates a client with these settings and the credentials in the builder.
    fn build(
        &self,
        py: Python<'_>,
        mut builder: ClientBuilder,
        mfa: Option<Py<PyAny>>,
    ) -> PyResult<Client> {
        if let Some(url) = &self.base_url {
            builder = builder.base_url(arguments::text("base_url", url)?);
        }
        if let OrDefault::Given(seconds) = &self.timeout {
            builder = builder.timeout(arguments::duration("timeout", seconds)?);
        }
        if let OrDefault::Given(seconds) = &self.connect_timeout {
            builder = builder.connect_timeout(arguments::duration("connect_timeout", seconds)?);
        }
        if let Some(bundle) = &self.ca_bundle {
            builder = match bundle.cast::<PyBytes>() {
                Ok(pem) => builder.ca_pem(pem.as_bytes()),
                Err(_) => builder.ca_bundle(arguments::path("ca_bundle", bundle)?),
            };
        }
        if let Some(url) = &self.proxy {
            builder = builder.proxy(arguments::text("proxy", url)?);
        }
        if let Some(name) = &self.interface {
            builder = builder.interface(arguments::text("interface", name)?);
        }
        if let Some(address) = &self.local_address {
            builder = builder.local_address(arguments::text("local_address", address)?);
        }
        if let Some(store) = &self.store {
            builder = builder.store(arguments::store(store)?);
        }
        if let OrDefault::Given(auto_renew) = &self.auto_renew {
            builder = builder.auto_renew(arguments::boolean("auto_renew", auto_renew)?);
        }
        if let Some(size) = &self.fleet_size {
            // Core refuses a number that is too large.
            let size = u32::try_from(arguments::whole("fleet_size", size)?).unwrap_or(u32::MAX);
            builder = builder.fleet_size(size);
        }
        if let OrDefault::Given(pacing) = &self.pacing {
            builder = builder.pacing(arguments::boolean("pacing", pacing)?);
        }
        let on_event = OnEvent::new(self.on_event.as_ref())?;
        builder = builder.expiry_notice(on_event.is_set());
        // Only Python's main thread and AsyncClient make interruptible calls, and max_threads limits
        // the latter.
        builder = builder.max_exchanges(usize::MAX);
        if mfa.is_some() {
            builder = builder.mfa(user_functions::mfa);
        }
        let client = into_core(py, move || builder.build())?;
        let base_url = Arc::from(client.base_url());
        Ok(Client { connection: Connection::new(client), on_event, mfa, base_url })
    }
}
