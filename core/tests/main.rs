//! The tests of the core, in one program. Tests that fork have their own programs, since no other
//! test may start a thread meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]
#![cfg_attr(not(unix), allow(dead_code, unused_imports, reason = "tests of Unix use them"))]

mod calls;
mod client;
mod common;
mod http;
mod rotation;
mod session;
mod sign_in;
mod store;
