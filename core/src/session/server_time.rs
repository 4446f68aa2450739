//! The time on emnify's clock, which decides when tokens expire.

use std::time::{Duration, SystemTime};

use crate::session::Session;
use crate::sys::clock::is_before_release;
use crate::types::auth_token::AuthToken;

impl Session {
    /// Returns the time on emnify's clock, computed from the cached auth token. Without one, returns
    /// the time of this machine, unless its clock was never set.
    pub(crate) fn server_time(&self) -> Option<SystemTime> {
        match &self.state.load().cached {
            Some(cached) => self.server_time_by(&cached.auth_token, cached.requested_at),
            None => self.wall_time(),
        }
    }

    /// Returns the time on emnify's clock, computed from an auth token that was requested at that
    /// time. If it has no time, returns the time of this machine, unless its clock was never set.
    pub(crate) fn server_time_by(
        &self,
        auth_token: &AuthToken,
        requested_at: Duration,
    ) -> Option<SystemTime> {
        match auth_token.claims().issued_at.map(Duration::from_secs) {
            Some(issued_at) => {
                let age = self.now().saturating_sub(requested_at);
                SystemTime::UNIX_EPOCH.checked_add(issued_at.checked_add(age)?)
            }
            None => self.wall_time(),
        }
    }

    fn wall_time(&self) -> Option<SystemTime> {
        Some(self.parts.clock.wall()).filter(|wall| !is_before_release(*wall))
    }
}
