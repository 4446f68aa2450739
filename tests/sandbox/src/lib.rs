//! The emnify REST API on this machine, for demos and tests: authentication in all its forms,
//! application tokens, a few collections, and every way in which a server can go wrong. It binds
//! loopback only, has a clock of its own, and counts what is asked of it.
//!
//! ```
//! use emnify_sandbox::{Fault, FaultKind, Sandbox};
//!
//! let sandbox = Sandbox::start()?;
//! // Point a client at sandbox.url(), with sandbox.ca_file() and sandbox.application_token().
//! sandbox.fault(Fault::once("/api/v1/authenticate", FaultKind::status(503, "")).method("POST"));
//! assert_eq!(sandbox.calls("POST", "/api/v1/authenticate"), 0);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The seed: Workspaces 1234 and 5678; users `user@example.com` and, with a one-time code,
//! `mfa@example.com`, both with the password `password`; one application token.
//!
//! Where it is unknown how the live service behaves, [`Settings`] has a switch. Two choices have
//! none: after three failures in a row, which are answered with an empty 401, *every* attempt of
//! the account is answered as locked until five minutes are over; and a 429 is itself not counted.
//!
//! # Other languages
//!
//! They start the binary of the same name and use `/_sandbox/…` over HTTP instead of the methods
//! of [`Sandbox`]: on the control listener, or on the API's. Bodies and answers are JSON. Mistakes
//! are answered with 400 and `{"error": "…"}`.
//!
//! | call | body, and what it answers |
//! |---|---|
//! | `GET /_sandbox/state` | URLs, clock, tokens, users, one-time code, settings, faults, counters |
//! | `GET /_sandbox/requests` | an array of [`LoggedRequest`] |
//! | `GET /_sandbox/calls?method=POST&path=/api/v1/authenticate` | a plain number; `&status=401` narrows it, `path=/api/*` widens it |
//! | `POST /_sandbox/reset` | everything back to the seed, settings to those of the start |
//! | `POST /_sandbox/reset_counters` | requests, calls and connections forgotten |
//! | `POST /_sandbox/clock` | `{"move": 3600}` or `{"set": 1800000000}`; answers `{"now": …}` |
//! | `POST /_sandbox/fault` | a [`Fault`], `{"method": "POST", "path": "/api/v1/authenticate", "times": 1, "kind": "status", "status": 503}` |
//! | `DELETE /_sandbox/faults` | faults removed |
//! | `POST /_sandbox/settings` | some [`Settings`], `{"auth_token_lifetime": 60}`; answers all |
//! | `POST /_sandbox/application_token` | a [`NewToken`], `{"description": "old", "expiry_date": "2020-01-01"}`; answers `{"id": …, "application_token": "…"}` |
//! | `POST /_sandbox/revoke_auth_tokens` | auth tokens so far are void |

mod application_tokens;
mod authenticate;
mod catalogue;
mod certificate;
mod clock;
mod connection;
mod control;
mod date;
mod device;
mod fault;
mod fields;
mod jwt;
mod limits;
mod log;
mod paging;
mod perform;
mod query;
mod random;
mod request;
mod resources;
mod response;
mod routes;
mod sandbox;
mod seed;
mod server;
mod settings;
mod state;

pub use application_tokens::{NewToken, TokenRow};
pub use fault::{Fault, FaultKind};
pub use log::LoggedRequest;
pub use sandbox::{Sandbox, SandboxBuilder};
pub use settings::{RetryAfter, Settings, TokenShape};
