//! The numbers that C knows things by. Each is fixed for ever. Imports no other folder.

mod error;
mod rotation_state;

pub use error::*;
pub use rotation_state::*;
