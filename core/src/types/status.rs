//! The status of a session, for people and health checks.

use std::time::{Duration, SystemTime};

use crate::types::error::Error;

/// The status of a client's session, returned by [`Client::status`](crate::Client::status). It is
/// read without a request and contains no secret.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use std::time::SystemTime;
///
/// client.authenticate()?;
/// let status = client.status();
/// if !status.signed_in {
///     eprintln!("{:?}; next attempt in {:?}", status.last_error, status.next_attempt);
/// }
/// assert!(status.valid_until > status.last_change && status.last_change <= Some(SystemTime::now()));
/// println!("{} requests were sent", status.calls_made);
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// Whether the client has an auth token that is valid now and was not reported by `invalidate`.
    pub signed_in: bool,
    /// When that auth token expires, on this machine's clock.
    pub valid_until: Option<SystemTime>,
    /// How long until the next attempt to sign in, while the client is backing off.
    pub next_attempt: Option<Duration>,
    /// The error of the last attempt to sign in, until an attempt succeeds.
    pub last_error: Option<Error>,
    /// How many requests this client has sent to sign in.
    pub calls_made: u64,
    /// When an attempt to sign in last succeeded or failed, on this machine's clock.
    pub last_change: Option<SystemTime>,
}
