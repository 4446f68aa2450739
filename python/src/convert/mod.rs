//! Converts arguments, errors, JSON and times between Python and core.

pub(crate) mod arguments;
pub(crate) mod errors;
pub(crate) mod json;
pub(crate) mod params;
pub(crate) mod time;
