//! One round trip, and what can go wrong on the way.

mod faults;
mod hostile;
mod proxy;
mod resources;
