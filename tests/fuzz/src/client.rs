//! Clients for the checks.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use emnify_core::{Client, ClientBuilder, ManualClock};

use crate::emnify::TOKEN;

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
    Client::builder()
        .application_token(TOKEN)
        .base_url(base_url)
        .ca_pem(CA)
        .clock(clock.clone())
        .timeout(Duration::from_secs(20))
        .pacing(false)
}
