//! One round trip, and how it can fail.

mod binding;
mod faults;
mod hostile;
mod proxy;
mod reasons;
// Limits as Linux has them.
#[cfg(target_os = "linux")]
mod resources;
