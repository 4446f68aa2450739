//! Converts arguments and results between Python and core, and core's errors to exceptions.

pub(crate) mod arguments;
pub(crate) mod errors;
pub(crate) mod json;
pub(crate) mod params;
pub(crate) mod time;
