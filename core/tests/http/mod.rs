//! One round trip, and how it can fail.

mod binding;
mod faults;
mod hostile;
mod proxy;
mod reasons;
#[cfg(unix)]
mod resources;
