//! The calls for application tokens. Imports `codes`, `boundary` and `client`.

mod create;
mod findings;
mod list;
mod rotate;
mod token;

pub use create::*;
pub use findings::*;
pub use list::*;
pub use rotate::*;
pub use token::*;
