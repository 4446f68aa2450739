//! A request without credentials, which shows whether the server is reached.

use std::time::SystemTime;

use reqwest::Method;

use crate::api::bodies::APPLICATION_TOKEN;
use crate::http::proxy::Proxy;
use crate::http::retry_after;
use crate::http::round_trip::Judge;
use crate::http::{Call, Http};
use crate::sys::wait::Wait;
use crate::types::error::Result;

/// The response to a request without credentials.
pub(crate) struct Reached {
    pub(crate) status: u16,
    /// The time on the server's clock.
    pub(crate) sent_at: Option<SystemTime>,
}

impl Http {
    /// Makes a request without credentials, which counts towards no limit of sign-ins. `action`
    /// follows "cannot" in the message of an error.
    pub(crate) fn reach(&self, action: &str, wait: &Wait, wall: SystemTime) -> Result<Reached> {
        let call = Call::new(action, Method::GET, APPLICATION_TOKEN);
        let judge = Judge::new(&call, None, wall);
        let response =
            self.requests.recording(&call, || self.exchange(&call, None, &judge, wait))?;
        Ok(Reached { status: response.status, sent_at: retry_after::sent_at(&response.headers) })
    }

    /// Returns host and port of the server, and of the proxy.
    pub(crate) fn peers(&self) -> (String, Option<String>) {
        (self.host(), self.settings().proxy.as_ref().map(Proxy::peer))
    }
}
