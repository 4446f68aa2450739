//! The C library: turns C into `emnify-core` and back. Handles, strings, errors and panics are
//! translated here, and nothing is decided.
//!
//! The comments on exported items are the manual that `include/emnify.h` is made of, and so speak
//! to who writes C. What all of these functions demand of their caller is said once, in the
//! overview of that header (`cbindgen.toml`): a pointer is NULL or points to what its type says, a
//! handle was made by this library and not freed yet, and nobody else writes to a configuration or
//! frees a handle during the call. The `SAFETY` comments refer to this as the contract.

#![allow(non_camel_case_types, reason = "these are the names of the types in C")]
#![allow(clippy::missing_safety_doc, reason = "the contract is the same for all, see above")]

mod audit;
mod audit_options;
mod auth_token;
mod boundary;
mod callback;
mod calls;
mod cancel;
mod client;
mod code;
mod config;
mod config_user;
mod convert;
mod created_token;
mod error;
mod event;
mod options;
mod pages;
mod request;
mod request_options;
mod rotate_options;
mod rotation;
mod rotation_state;
mod status;
mod token;
mod token_list;
mod token_options;
mod version;

pub use audit::*;
pub use audit_options::*;
pub use auth_token::*;
pub use cancel::*;
pub use client::*;
pub use code::*;
pub use config::*;
pub use config_user::*;
pub use created_token::*;
pub use error::*;
pub use event::*;
pub use pages::*;
pub use request::*;
pub use request_options::*;
pub use rotate_options::*;
pub use rotation::*;
pub use rotation_state::*;
pub use status::*;
pub use token::*;
pub use token_list::*;
pub use token_options::*;
pub use version::*;
