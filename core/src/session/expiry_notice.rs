//! Announces that the application token expires soon. A JWT contains its expiry. The expiry of any
//! other token is looked up in the list once a day, in the background, if the program wants to
//! know.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use reqwest::Method;

use crate::api::application_token::{self, LIST};
use crate::api::bodies::APPLICATION_TOKEN;
use crate::http::Call;
use crate::session::Session;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::claims::Claims;
use crate::types::date::EXPIRES_SOON;
use crate::types::event::{Event, EventKind};
use crate::types::secret::Secret;

const SECONDS_A_DAY: u64 = 86_400;

/// Remembers the last day of each action, counted by the server's clock, which the auth token
/// shows, and when the application token expires.
#[derive(Debug, Default)]
pub(crate) struct ExpiryNotice {
    announced_on: AtomicU32,
    looked_up_on: AtomicU32,
    /// Whether the program wants to know, although it receives no events.
    pub(super) is_wanted: AtomicBool,
    known: ArcSwapOption<KnownExpiry>,
}

#[derive(Debug)]
struct KnownExpiry {
    /// The name of the credential that expires.
    credential: String,
    at: SystemTime,
}

impl ExpiryNotice {
    /// Returns the event that is due after a sign-in, judged by the tokens themselves.
    pub(crate) fn signed_in(&self, token: &Secret, auth_token: &AuthToken) -> Option<Event> {
        self.announce(of(token)?, auth_token)
    }

    /// Returns when the credential of that name expires, if that is known.
    pub(super) fn known(&self, credential: &str) -> Option<SystemTime> {
        let known = self.known.load();
        known.as_ref().filter(|known| known.credential == credential).map(|known| known.at)
    }

    /// Returns the id of the row to look up, if that has not been done today. The lookup then
    /// counts as done.
    fn lookup_due(&self, token: &Secret, auth_token: &AuthToken) -> Option<u64> {
        let claims = auth_token.claims();
        let (id, today) = (claims.application_token_id?, day(claims.issued_at?));
        (of(token).is_none() && self.looked_up_on.swap(today, Ordering::Relaxed) != today)
            .then_some(id)
    }

    /// Returns an event if the token expires soon and that has not been announced today.
    fn announce(&self, expires_at: SystemTime, auth_token: &AuthToken) -> Option<Event> {
        let now = auth_token.claims().issued_at?;
        let soon = expires_at < UNIX_EPOCH + Duration::from_secs(now) + EXPIRES_SOON;
        let today = day(now);
        (soon && self.announced_on.swap(today, Ordering::Relaxed) != today)
            .then(|| Event::expiring(EventKind::ApplicationTokenExpires, expires_at))
    }
}

/// Returns when an application token expires, if it is a JWT that contains that.
pub(super) fn of(token: &Secret) -> Option<SystemTime> {
    let expiry = Claims::read(token.reveal()).expires_at?;
    UNIX_EPOCH.checked_add(Duration::from_secs(expiry))
}

/// Returns the number of days since 1970.
fn day(unix_seconds: u64) -> u32 {
    u32::try_from(unix_seconds / SECONDS_A_DAY).unwrap_or(u32::MAX)
}

impl Session {
    /// Remembers when the credential of that name expires.
    pub(crate) fn learn_expiry(&self, credential: &str, expires_at: Option<SystemTime>) {
        if let Some(at) = expires_at {
            let credential = credential.to_owned();
            self.expiry.known.store(Some(Arc::new(KnownExpiry { credential, at })));
        }
    }

    /// Looks up the application token's expiry in the list, at most once a day, if the program
    /// wants to know and the token itself does not contain it.
    pub(super) fn look_up_expiry(&self, auth_token: &AuthToken, wait: &Wait) {
        if !self.parts.events.wants_expiry() && !self.expiry.is_wanted.load(Ordering::Relaxed) {
            return;
        }
        let Ok(Some(token)) = self.given_application_token() else { return };
        let Ok(token) = self.newest(&token) else { return };
        let Some(id) = self.expiry.lookup_due(&token, auth_token) else { return };
        let wall = self.parts.clock.wall();
        // An error is ignored: this is only for information.
        let rows = application_token::list(|query| {
            let call = Call { query, ..Call::new(LIST, Method::GET, APPLICATION_TOKEN) };
            let sent = self.parts.http.send(&call, Some(auth_token.secret()), wait, wall);
            Ok(sent?.into_page())
        });
        let row = rows.ok().and_then(|rows| rows.into_iter().find(|row| row.id() == id));
        if let Some(expires_at) = row.and_then(|row| row.expires_at()) {
            self.learn_expiry(&self.credential_in_use(), Some(expires_at));
            let expiring = self.expiry.announce(expires_at, auth_token);
            expiring.into_iter().for_each(|event| self.parts.events.push(event));
        }
    }
}
