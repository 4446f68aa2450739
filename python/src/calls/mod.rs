//! How a call enters core and returns: signals, callbacks and the log on the way.

pub(crate) mod asking;
pub(crate) mod hand_over;
pub(crate) mod into_core;
pub(crate) mod log;
pub(crate) mod mfa;
pub(crate) mod on_event;
pub(crate) mod replacement;
pub(crate) mod signals;
pub(crate) mod waiting;
pub(crate) mod walk_away;
