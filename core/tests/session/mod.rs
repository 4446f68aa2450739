//! A client stays signed in, with as few calls as possible.

use std::time::Duration;

mod after_401;
mod authenticate;
mod backoff;
mod events;
mod properties;
mod renewal;
mod upkeep;

const MINUTE: Duration = Duration::from_secs(60);
