//! The calls for application tokens. Imports `codes`, `boundary` and `client`.

mod create;
mod failures;
mod findings;
mod identify;
mod list;
mod rotate;
mod token;

pub use create::*;
pub use failures::*;
pub use findings::*;
pub use identify::*;
pub use list::*;
pub use rotate::*;
pub use token::*;
