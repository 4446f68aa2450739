//! The C library: a C API for `emnify-core`. It converts handles, strings, errors and panics, and
//! decides nothing.
//!
//! A folder imports only from folders above it in this table (checked by `tests/floors.rs`):
//!
//! | folder | what it is about |
//! |---|---|
//! | `codes` | the numbers of errors and of a rotation's states |
//! | `boundary` | converts pointers, texts, options, errors and panics between C and Rust |
//! | `client` | the client and its configuration, auth tokens, events, status, cancelling |
//! | `requests`, `tokens` | requests to the API, and the calls for application tokens |
//!
//! `include/emnify.h` is generated from the comments on exported items, so they are written for C
//! programmers. The `SAFETY` comments refer to the contract of all exported functions: a pointer is
//! NULL or points to a value of its type, a handle was created by this library and is not freed
//! yet, and during the call no other thread changes a configuration or frees a handle. The overview
//! of the header (`cbindgen.toml`) says so.

#![allow(non_camel_case_types, reason = "these are the names in C")]
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
