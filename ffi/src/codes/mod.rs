//! The constants of the C API. Their numbers never change. Imports no other folder.

mod error;
mod error_reason;
mod rotation_state;

pub use error::*;
pub use error_reason::*;
pub use rotation_state::*;
