//! The constants of the C API. Their numbers never change. Imports no other folder.

mod error;
mod rotation_state;

pub use error::*;
pub use rotation_state::*;
