//! Keeps a machine signed in to [emnify](https://www.emnify.com) and manages its application
//! tokens.
//!
//! A machine exchanges a long-lived **application token** for an **auth token**, a JWT that is sent
//! in the header `Authorization: Bearer …` of every call. [`Client::authenticate`] returns a valid
//! one: from its cache if possible, otherwise from emnify, with one request for all threads that
//! need it at the same time.
//!
//! ```no_run
//! use emnify_core::{Client, NewApplicationToken};
//!
//! // Reads EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE.
//! let client = Client::from_env()?;
//!
//! // The auth token, for your own HTTP client.
//! let auth_token = client.authenticate()?;
//! let header = auth_token.authorization(); // "Bearer …"
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
//! Every fallible function returns an [`Error`]. Programs should decide by its [`ErrorKind`]:
//!
//! ```
//! # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
//! # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
//! #     .application_token(sandbox.application_token()).build()?;
//! use emnify_core::ErrorKind;
//!
//! match client.authenticate() {
//!     Ok(auth_token) => println!("valid until {:?}", auth_token.expires_at()),
//!     Err(e) if e.kind() == ErrorKind::Rejected => eprintln!("{e}"),
//!     Err(e) if e.is_retryable() => eprintln!("retry after {:?}: {e}", e.retry_after()),
//!     Err(e) => return Err(e),
//! }
//! # Ok::<(), emnify_core::Error>(())
//! ```
//!
//! # Tests of your own code
//!
//! The crate `emnify-sandbox` plays emnify's API on this machine and
//! fails on request. [`ManualClock`] lets a test see a token expire without waiting. The feature
//! `test-util` creates auth tokens and errors for functions that take them.
//!
//! # Features
//!
//! | feature | what it does |
//! |---|---|
//! | `ring` (default) | Uses `ring` for TLS and for the encryption of a [`Store`]. |
//! | `aws-lc-rs` | Uses `aws-lc-rs` instead, also if `ring` is enabled. |
//! | `test-util` | Adds `AuthToken::for_tests` and `Error::for_tests`, for tests of your own code. |
//! | `tracing` | Reports requests (level `DEBUG`) and events to the subscriber of `tracing`, without secrets. |
//! | `redis` | Adds `Store::redis`, for processes on several machines. |
//!
//! This crate passes its provider to rustls and installs none. But if it and another crate enable
//! different providers of rustls, `rustls::ClientConfig::builder()` cannot choose one and panics in
//! that other crate. rustls itself enables aws-lc-rs by default. So in a program whose other crates
//! use rustls with aws-lc-rs, choose the same here:
//!
//! ```toml
//! emnify-core = { version = "0.1", default-features = false, features = ["aws-lc-rs"] }
//! ```
//!
//! Or choose at the start of the program, which settles it for all crates:
//! `rustls::crypto::aws_lc_rs::default_provider().install_default()`.
//!
//! # Processes and threads
//!
//! All types can be sent to and shared by any thread. The library's own threads block all signals,
//! and none of them keeps the process from ending. After a `fork`, parent and child can both go on
//! using a client; each has its own connections.
//!
//! # Security
//!
//! Connections use `https`, except to this machine. Redirects are not followed. Responses are
//! limited in size and time. Secrets are wiped when dropped, and no message and no `Debug` output
//! contains them.

#![deny(unsafe_code)]
#![warn(clippy::must_use_candidate, clippy::return_self_not_must_use)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "__faces"),
    allow(dead_code, unreachable_pub, reason = "the feature `__faces` exports more")
)]

mod api;
mod calls;
mod client;
mod http;
mod rotation;
mod session;
mod sign_in;
mod store;
mod sys;
mod types;

pub use api::application_token::{ApplicationToken, ApplicationTokenStatus};
pub use api::new_application_token::{
    ApplicationTokenUpdate, CreatedApplicationToken, NewApplicationToken,
};
pub use calls::audit::{AuditOptions, AuditedToken, Finding};
pub use calls::failures::SignInFailure;
pub use calls::method::Method;
pub use calls::pages::{Pages, TypedPages};
pub use calls::request::{Request, Response};
pub use client::Client;
pub use client::application_tokens::ApplicationTokens;
pub use client::builder::ClientBuilder;
pub use client::check::CheckOptions;
pub use rotation::options::{RotateOptions, Rotation};
pub use sign_in::user::TrustedDevice;
pub use store::Store;
pub use sys::clock::{Clock, ManualClock, SystemClock};
pub use types::auth_token::AuthToken;
pub use types::check::{Check, CheckSubject, Verdict};
pub use types::claims::TokenClaims;
pub use types::error::{ApiError, Error, ErrorKind, ErrorReason, Result};
pub use types::event::{Event, EventKind, Level};
pub use types::expiry_date::ExpiryDate;
pub use types::rotation_state::RotationState;
pub use types::secret::Secret;
pub use types::status::Status;

// For the C library, the Python package and the tests. It may change in any version.
#[cfg(feature = "__faces")]
#[doc(hidden)]
pub use self::{
    http::request_log::RequestRecord,
    session::replacement::Replacement,
    sign_in::token_source::NeedsCaller,
    store::backend::{Backend, Lock},
    sys::interrupt::Interrupt,
    sys::per_process::Process,
    sys::signal_mask::while_blocked,
    types::auth_token::{SCHEME, without_scheme},
};

// For the fuzz tests.
#[cfg(feature = "__parsers")]
#[doc(hidden)]
pub use client::parsers;

/// All public types can be sent to and shared by any thread.
const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<(ApiError, ApplicationToken, ApplicationTokenStatus, ApplicationTokenUpdate)>();
    any_thread::<(ApplicationTokens, AuditOptions, AuditedToken, AuthToken)>();
    any_thread::<(Check, CheckOptions, CheckSubject, Verdict)>();
    any_thread::<(Client, ClientBuilder, CreatedApplicationToken, Error, ErrorKind)>();
    any_thread::<(ErrorReason, Event, EventKind, ExpiryDate, Finding, Level, ManualClock)>();
    any_thread::<(Method, NewApplicationToken, Pages, Request, Response, RotateOptions)>();
    any_thread::<(SignInFailure, TokenClaims, TypedPages<*const ()>)>();
    any_thread::<(Rotation, RotationState, Secret, Status, Store, SystemClock, TrustedDevice)>();
    any_thread::<Box<dyn Clock>>();
};

/// Runs the examples of the project's README as tests.
#[cfg(doctest)]
#[doc = include_str!("../tests/project-readme.md")]
struct ProjectReadme;

/// Runs the examples of this package's README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct PackageReadme;
