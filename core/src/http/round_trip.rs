//! One request and its response, on the caller's thread or on a worker.

use std::error::Error as StdError;
use std::io::Read;
use std::sync::Arc;
use std::time::SystemTime;

use reqwest::blocking::{Client, Request};
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, RETRY_AFTER};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use crate::http::connections::{Connections, Phase};
use crate::http::connector::Connector;
use crate::http::gzip;
use crate::http::retry_after;
use crate::http::status_error::StatusError;
use crate::http::transport_error::TransportError;
use crate::http::worker::{Workers, start_apart};
use crate::http::{Call, Response};
use crate::sys::wait::Wait;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// A request that is ready to be sent from any thread.
pub(super) struct RoundTrip {
    pub(super) connector: Arc<Connector>,
    pub(super) request: Request,
    /// The longest body, in bytes.
    pub(super) limit: usize,
}

/// What is needed to judge a response.
#[derive(Clone)]
pub(super) struct Judge {
    action: String,
    authenticating: bool,
    refused: &'static str,
    secrets: Vec<Zeroizing<String>>,
    pub(super) wall: SystemTime,
}

impl Judge {
    pub(super) fn new(call: &Call<'_>, auth_token: Option<&Secret>, wall: SystemTime) -> Self {
        let secrets = call.secrets.iter().copied().chain(auth_token.map(Secret::reveal));
        Judge {
            action: call.action.to_owned(),
            authenticating: auth_token.is_none(),
            refused: call.refused,
            secrets: secrets.map(|secret| Zeroizing::new(secret.to_owned())).collect(),
            wall,
        }
    }

    /// Returns the response if its status is 2xx, and otherwise the error that it means.
    pub(super) fn judge(&self, response: Response) -> Result<Response> {
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let Response { status, headers, body } = response;
        let sent_at = retry_after::sent_at(&headers).unwrap_or(self.wall);
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let secrets: Vec<&str> = self.secrets.iter().map(|secret| secret.as_str()).collect();
        let status_error = StatusError {
            action: &self.action,
            authenticating: self.authenticating,
            refused: self.refused,
            status,
            body: &body,
            retry_after: retry_after.and_then(|value| retry_after::retry_after(value, sent_at)),
            secrets: &secrets,
        };
        Err(status_error.into_error())
    }
}

/// The reason why a round trip brought no response.
pub(super) enum Failure {
    Transport(TransportError),
    /// The response is not what emnify sends, with the reason.
    Nonsense(String),
}

impl RoundTrip {
    /// Sends the request and returns the response. A worker sends it if the wait can be interrupted,
    /// and if this thread belongs to an asynchronous runtime, in which the blocking HTTP client
    /// panics. A response after the caller has returned goes to the call's handler.
    pub(super) fn make(
        mut self,
        call: &Call<'_>,
        judge: &Judge,
        wait: &Wait,
        workers: &Workers,
    ) -> Result<Result<Response, Failure>> {
        if !wait.is_interruptible() && Handle::try_current().is_err() {
            return self.run();
        }
        let work = {
            let (wait, action) = (wait.clone(), call.action.to_owned());
            move || {
                // The request may have waited for this thread.
                let left = wait.remaining(&action).map_err(Error::unsent)?;
                *self.request.timeout_mut() = Some(left);
                self.run()
            }
        };
        let on_late = call.on_late.clone().map(|on_late| (on_late, judge.clone()));
        let late = move |result: Result<Result<Response, Failure>>| {
            if let (Some((on_late, judge)), Ok(Ok(response))) = (on_late, result) {
                let handle = move || on_late(judge.judge(response));
                if let Err(here) = start_apart(Box::new(handle)) {
                    here();
                }
            }
        };
        workers.run(wait, call.action, work, late)?
    }

    /// Sends the request and reads the whole response.
    fn run(self) -> Result<Result<Response, Failure>> {
        let client = self.connector.client()?;
        Ok(receive(client, self.request, self.limit))
    }
}

fn receive(
    (client, connections): &(Client, Connections),
    request: Request,
    limit: usize,
) -> Result<Response, Failure> {
    let mark = connections.mark();
    let failed = |error: &(dyn StdError + 'static), has_response| {
        let mut error = TransportError::of(error);
        error.phase = match error.phase {
            _ if has_response => Phase::Body,
            Phase::Connect if error.timeout => connections.connecting(),
            Phase::Response if error.timeout => connections.phase_since(&mark),
            phase => phase,
        };
        Failure::Transport(error)
    };
    let too_long =
        || Failure::Nonsense(format!("the response is longer than {} KiB", limit / 1024));
    let response = client.execute(request).map_err(|e| failed(&e, false))?;
    let (status, mut headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Zeroizing::new(Vec::with_capacity(8 * 1024));
    let mut reader = response.take(limit as u64 + 1);
    reader.read_to_end(&mut body).map_err(|e| failed(&e, true))?;
    if body.len() > limit {
        return Err(too_long());
    }
    if is_gzip(&headers) && !body.is_empty() {
        body = gzip::decompress(&body, limit).map_err(|problem| match problem {
            gzip::Problem::TooLong => too_long(),
            gzip::Problem::Damaged => {
                let problem = "the response is marked as gzip but cannot be decompressed";
                Failure::Nonsense(problem.into())
            }
        })?;
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    Ok(Response { status, headers, body })
}

/// Whether the body is compressed with gzip. Names of content codings are case-insensitive (RFC
/// 9110, section 8.4.1).
fn is_gzip(headers: &HeaderMap) -> bool {
    let coding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    coding.is_some_and(|coding| {
        ["gzip", "x-gzip"].iter().any(|name| coding.trim().eq_ignore_ascii_case(name))
    })
}
