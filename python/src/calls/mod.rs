//! How a call enters core and returns: signals, callbacks and the log on the way.

pub(crate) mod functions;
pub(crate) mod interrupt;
pub(crate) mod into_core;
pub(crate) mod log;
pub(crate) mod on_event;
pub(crate) mod replacement;
pub(crate) mod signals;
