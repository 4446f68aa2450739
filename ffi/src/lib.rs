//! The C library: turns C into `emnify-core` and back. Handles, strings, errors and panics are
//! translated here, and nothing is decided.
//!
//! A folder imports only from folders above it in this table, as `tests/floors.rs` checks:
//!
//! | folder | what it is about |
//! |---|---|
//! | `codes` | the numbers of errors and of a rotation's states |
//! | `boundary` | pointers, texts, options, errors and panics on their way between C and Rust |
//! | `client` | the client and its configuration, auth tokens, events, status, cancelling |
//! | `requests`, `tokens` | calls of the API, and those about application tokens |
//!
//! The comments on exported items are the manual that `include/emnify.h` is made of, and so speak
//! to who writes C. What all of these functions demand of their caller is said once, in the
//! overview of that header (`cbindgen.toml`): a pointer is NULL or points to what its type says, a
//! handle was made by this library and not freed yet, and nobody else writes to a configuration or
//! frees a handle during the call. The `SAFETY` comments refer to this as the contract.

#![allow(non_camel_case_types, reason = "these are the names of the types in C")]
#![allow(clippy::missing_safety_doc, reason = "the contract is the same for all, see above")]

mod boundary;
mod client;
mod codes;
mod requests;
mod tokens;
mod version;

pub use boundary::*;
pub use client::*;
pub use codes::*;
pub use requests::*;
pub use tokens::*;
pub use version::*;
