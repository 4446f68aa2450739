//! The boundary to C: checks pointers, catches panics, and converts arguments, results and errors.
//! It does not know clients. Imports only `codes`.

mod arguments;
mod call;
mod cancellation;
mod error;
mod error_details;
mod failure;
pub(crate) mod options;
mod out;
mod strings;
mod time;

pub(crate) use arguments::{counted, counted_text, needed, needed_mut, optional_text, text};
pub(crate) use call::{call, infallible, read};
pub use error::*;
pub use error_details::*;
pub(crate) use failure::Result;
pub use failure::emnify_error;
pub(crate) use out::{Buffer, Out, free, new, release};
pub(crate) use strings::{SecretText, c_text, pointer};
pub(crate) use time::{milliseconds, unix_seconds};
