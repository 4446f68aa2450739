//! Clients for the checks.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use emnify_core::{Client, ClientBuilder, ManualClock};

use crate::emnify::{PASSWORD, TOKEN, USERNAME};

/// A certificate, so that no client reads those of the system.
pub(crate) const CA: &[u8] = include_bytes!("ca.pem");

/// The time at which the clocks of the checks start: after the release, and always the same.
pub(crate) const START: Duration = Duration::from_secs(1_800_000_000);

/// Returns a clock that moves only when it is advanced or a client waits.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + START))
}

/// Returns the settings of a client that signs in at this base URL.
pub(crate) fn builder(base_url: &str, clock: &Arc<ManualClock>) -> ClientBuilder {
    anonymous(base_url, clock).application_token(TOKEN)
}

/// Returns the settings of a client in which a user signs in, with a one-time code if necessary.
pub(crate) fn user_builder(base_url: &str, clock: &Arc<ManualClock>) -> ClientBuilder {
    anonymous(base_url, clock).user(USERNAME, PASSWORD).mfa(|| Ok(Some("123456".into())))
}

fn anonymous(base_url: &str, clock: &Arc<ManualClock>) -> ClientBuilder {
    Client::builder()
        .base_url(base_url)
        .ca_pem(CA)
        .clock(clock.clone())
        .timeout(Duration::from_secs(20))
        .pacing(false)
}
