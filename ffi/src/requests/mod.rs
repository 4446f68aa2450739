//! Requests to the API, and collections. Imports `codes`, `boundary` and `client`.

mod pages;
mod request;

pub use pages::*;
pub use request::*;
