//! When the application token that we sign in with expires, told before it does. A JWT tells it
//! itself; for another, who wants to be told has the list looked at once a day, in the background.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::types::auth_token::AuthToken;
use crate::types::claims::Claims;
use crate::types::date::EXPIRES_SOON;
use crate::types::event::{Event, EventKind};
use crate::types::secret::Secret;

const SECONDS_A_DAY: u64 = 86_400;

/// Remembers on which days what was done, by the server's clock, which the auth token tells.
#[derive(Debug, Default)]
pub(crate) struct ExpiryNotice {
    told: AtomicU64,
    looked: AtomicU64,
}

impl ExpiryNotice {
    /// What there is to tell after signing in, by what the tokens themselves say.
    pub(crate) fn signed_in(&self, token: &Secret, auth_token: &AuthToken) -> Option<Event> {
        let expiry = Claims::read(token.reveal()).expires_at?;
        self.tell(UNIX_EPOCH + Duration::from_secs(expiry), auth_token)
    }

    /// Whether the list is to be looked at today, which this takes note of; and for which row.
    pub(crate) fn row_to_look_at(&self, token: &Secret, auth_token: &AuthToken) -> Option<u64> {
        let claims = auth_token.claims();
        let (id, today) = (claims.application_token_id?, claims.issued_at? / SECONDS_A_DAY);
        let knows = Claims::read(token.reveal()).expires_at.is_some();
        (!knows && self.looked.swap(today, Ordering::Relaxed) != today).then_some(id)
    }

    /// What there is to tell about a token that expires then: at most once a day.
    pub(crate) fn tell(&self, expires_at: SystemTime, auth_token: &AuthToken) -> Option<Event> {
        let now = auth_token.claims().issued_at?;
        let soon = expires_at < UNIX_EPOCH + Duration::from_secs(now) + EXPIRES_SOON;
        let today = now / SECONDS_A_DAY;
        (soon && self.told.swap(today, Ordering::Relaxed) != today)
            .then(|| Event::expiring(EventKind::ApplicationTokenExpires, expires_at))
    }
}
