//! How a call enters core and returns: signals, the user's functions, and what is logged
//! on the way.

pub(crate) mod events;
pub(crate) mod interrupt;
pub(crate) mod into_core;
pub(crate) mod request_log;
pub(crate) mod user_functions;
pub(crate) mod waking;
