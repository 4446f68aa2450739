//! What a client is set up with, whoever signs in: from Python's arguments to core's builder.

use std::sync::Arc;

use emnify_core::ClientBuilder;
use pyo3::prelude::*;

use crate::calls::asking::{self, Lines};
use crate::calls::into_core::into_core;
use crate::calls::mfa::Mfa;
use crate::calls::on_event::OnEvent;
use crate::client::Client;
use crate::client::connection::Connection;
use crate::convert::arguments::{self, OrDefault};

/// The arguments that all clients have.
pub(crate) struct Settings<'py> {
    pub(crate) base_url: Option<Bound<'py, PyAny>>,
    pub(crate) timeout: OrDefault<'py>,
    pub(crate) connect_timeout: OrDefault<'py>,
    pub(crate) ca_bundle: Option<Bound<'py, PyAny>>,
    pub(crate) proxy: Option<Bound<'py, PyAny>>,
    pub(crate) store: Option<Bound<'py, PyAny>>,
    pub(crate) on_event: Option<Bound<'py, PyAny>>,
    pub(crate) pacing: OrDefault<'py>,
}

impl Settings<'_> {
    /// The client with these settings and the credentials that are in the builder.
    pub(crate) fn build(
        &self,
        py: Python<'_>,
        mut builder: ClientBuilder,
        mfa: Option<Mfa>,
    ) -> PyResult<Client> {
        if let Some(url) = &self.base_url {
            builder = builder.base_url(arguments::text("base_url", url)?);
        }
        if let OrDefault::Given(seconds) = &self.timeout {
            builder = builder.timeout(arguments::seconds("timeout", seconds)?);
        }
        if let OrDefault::Given(seconds) = &self.connect_timeout {
            builder = builder.connect_timeout(arguments::seconds("connect_timeout", seconds)?);
        }
        if let Some(path) = &self.ca_bundle {
            builder = builder.ca_bundle(arguments::path("ca_bundle", path)?);
        }
        if let Some(url) = &self.proxy {
            builder = builder.proxy(arguments::text("proxy", url)?);
        }
        if let Some(place) = &self.store {
            builder = builder.store(arguments::store(place)?);
        }
        if let OrDefault::Given(pacing) = &self.pacing {
            builder = builder.pacing(arguments::boolean("pacing", pacing)?);
        }
        let on_event = match &self.on_event {
            Some(function) => Some(arguments::function("on_event", function)?),
            None => None,
        };
        let is_asked_for = on_event.is_some();
        let on_event = OnEvent::new(on_event);
        // Core gets no Python object: it could be freed where the interpreter is not at hand.
        let waiting = Arc::clone(&on_event.waiting);
        let push = move |event: &_| waiting.push(event);
        builder = if is_asked_for { builder.observer(push) } else { builder.log(push) };
        let lines = Arc::<Lines>::default();
        if mfa.is_some() {
            let lines = Arc::clone(&lines);
            builder = builder.mfa(move || asking::code(&lines));
        }
        let client = into_core(py, move || builder.build())?;
        let base_url = Arc::from(client.base_url());
        Ok(Client { connection: Connection::new(client), on_event, mfa, lines, base_url })
    }
}
