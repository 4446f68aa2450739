//! The calls for application tokens. Imports `codes`, `boundary` and `client`.

mod audit;
mod create;
mod list;
mod rotate;
mod token;

pub use audit::*;
pub use create::*;
pub use list::*;
pub use rotate::*;
pub use token::*;
