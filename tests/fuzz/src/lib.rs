//! The checks of the fuzz tests. Each takes any bytes, passes them to the library as what a server,
//! a file, a user or a program controls, and panics if the library breaks a promise. `fuzz` calls
//! them with libFuzzer; `tests` calls them with the inputs in `corpus`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a check that fails panics")]

pub mod address_ranges;
pub mod c_arguments;
pub mod claims;
mod client;
pub mod dates;
mod emnify;
pub mod environment;
pub mod error_bodies;
pub mod gzip;
pub mod lists;
mod memory;
pub mod requests;
pub mod responses;
pub mod retry_after;
mod server;
pub mod session;
pub mod stores;
mod text;
pub mod urls;

/// A check, and its name: that of its fuzz target and of its folder in `corpus`.
pub type Check = (&'static str, fn(&[u8]));

/// All checks.
pub const CHECKS: [Check; 15] = [
    ("address_ranges", address_ranges::check),
    ("c_arguments", c_arguments::check),
    ("claims", claims::check),
    ("dates", dates::check),
    ("environment", environment::check),
    ("error_bodies", error_bodies::check),
    ("gzip", gzip::check),
    ("lists", lists::check),
    ("requests", requests::check),
    ("responses", responses::check),
    ("retry_after", retry_after::check),
    ("session", session::check),
    ("stores", stores::check),
    ("urls", urls::check),
    ("user_session", session::check_user),
];
