//! Keeps a machine signed in to [emnify](https://www.emnify.com) and looks after its application
//! tokens.
//!
//! A machine exchanges a long-lived **application token** for an **auth token**, a JWT that goes
//! into the header `Authorization: Bearer …` of every call. [`Client::authenticate`] hands out one
//! that is valid: from its cache where it can, from emnify where it must, and once for all threads
//! that ask at the same time.
//!
//! ```no_run
//! use emnify_core::{Client, ErrorKind, NewApplicationToken};
//!
//! // Reads EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE.
//! let client = Client::from_env()?;
//!
//! // For calls of your own.
//! let auth_token = client.authenticate()?;
//! let header = format!("Bearer {}", auth_token.reveal());
//!
//! // The application tokens of the workspace.
//! let tokens = client.application_tokens();
//! let new = NewApplicationToken::new().description("gateway 7").expiry_date("2027-05-29");
//! let created = tokens.create(&new)?;
//! for token in tokens.list()? {
//!     println!("{} {}", token.id(), token.description().unwrap_or("-"));
//! }
//! if let Some(id) = created.id() {
//!     tokens.revoke(id)?;
//! }
//! # Ok::<(), emnify_core::Error>(())
//! ```
//!
//! # Errors
//!
//! Every fallible function returns [`Error`], which is asked for its [`ErrorKind`]:
//!
//! ```no_run
//! # let client = emnify_core::Client::from_env()?;
//! use emnify_core::ErrorKind;
//!
//! match client.authenticate() {
//!     Ok(auth_token) => println!("valid until {:?}", auth_token.expires_at()),
//!     Err(e) if e.kind() == ErrorKind::Rejected => eprintln!("{e}"),
//!     Err(e) if e.is_retryable() => eprintln!("try again in {:?}: {e}", e.retry_after()),
//!     Err(e) => return Err(e),
//! }
//! # Ok::<(), emnify_core::Error>(())
//! ```
//!
//! # Trust
//!
//! Only `https`, save to this machine; redirects are not followed; answers are bounded in size and
//! time. Secrets are wiped when dropped and appear in no message and no `Debug`.

#![deny(unsafe_code)]

mod api;
mod application_token;
mod audit;
mod auth_token;
mod builder;
mod caller;
mod claims;
mod client;
mod clock;
mod credential;
mod date;
mod deadline;
mod decision;
mod directory;
mod durable;
#[doc(hidden)] // For the other faces of this library.
pub mod errand;
mod error;
mod event;
mod expiry;
mod fault;
mod file_lock;
mod gzip;
mod http;
mod input;
mod journal;
mod lines;
mod listing;
mod login;
mod mark;
mod moment;
mod paginate;
mod paging;
#[allow(unsafe_code, reason = "a page that the kernel wipes in a forked child")]
mod per_process;
mod probe;
mod proxy;
mod random;
mod rate_limiter;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod redis_connection;
#[cfg(feature = "redis")]
mod redis_server;
mod refusal;
mod request;
mod resolver;
mod rotate;
mod rotation;
mod rotation_state;
mod saved;
mod seal;
mod secret;
mod session;
mod signals;
mod single_flight;
mod state;
mod status;
mod store;
mod tls;
mod token_file;
mod tokens;
mod user;

pub use application_token::{
    ApplicationToken, ApplicationTokenStatus, ApplicationTokenUpdate, CreatedApplicationToken,
    NewApplicationToken,
};
pub use audit::{AuditOptions, AuditedToken, Finding};
pub use auth_token::AuthToken;
#[doc(hidden)]
pub use auth_token::SCHEME;
pub use builder::ClientBuilder;
pub use client::Client;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{ApiError, Error, ErrorKind, Result};
pub use event::{Event, EventKind, Level};
pub use input::ExpiryDate;
pub use paginate::Pages;
#[doc(hidden)] // For the other faces of this library.
pub use per_process::Process;
pub use request::{Method, Request, Response};
pub use rotation::{RotateOptions, Rotation};
pub use rotation_state::RotationState;
pub use secret::Secret;
#[doc(hidden)] // For the other faces of this library.
pub use session::Replacement;
#[doc(hidden)] // For the other faces of this library.
pub use signals::while_blocked;
pub use status::Status;
pub use store::Store;
pub use tokens::ApplicationTokens;
pub use user::TrustedDevice;

/// The examples of the README run as tests, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ProjectReadme;

/// Likewise those of this package's own.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct PackageReadme;
