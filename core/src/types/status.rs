//! A look inside a session, for people and health checks.

use std::time::{Duration, SystemTime};

use crate::types::error::Error;

/// How a client's session stands. Made by [`Client::status`](crate::Client::status); it asks
/// nobody and holds no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// Whether there is an auth token that is valid now, and not reported by `invalidate`.
    pub signed_in: bool,
    /// Until when it is valid, on this machine's clock.
    pub valid_until: Option<SystemTime>,
    /// How long until another attempt to sign in may be made, where that is held back.
    pub next_attempt: Option<Duration>,
    /// Why the last attempt failed, until one succeeds.
    pub last_error: Option<Error>,
    /// Requests that this client has sent in order to sign in.
    pub calls_made: u64,
    /// Auth tokens that it handed out without a request.
    pub calls_saved: u64,
    /// When an attempt to sign in last succeeded or failed, on this machine's clock.
    pub last_change: Option<SystemTime>,
}
