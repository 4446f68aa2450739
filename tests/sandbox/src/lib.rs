//! Plays the emnify REST API on this machine, for demos and tests: all forms of authentication,
//! application tokens, a few collections, and faults on request. It binds only to loopback, has a
//! clock of its own, and counts the requests.
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
//! At the start there are: Workspaces 1234 and 5678; users `user@example.com` and, with a one-time
//! code, `mfa@example.com`, both with the password `password`; one application token.
//!
//! If it is unknown how the live service behaves, [`Settings`] has a switch. One choice has none:
//! After three failures in a row, whose responses are an empty 401, *every* attempt of the account
//! gets the response for a locked account until five minutes are over.
//!
//! # Other languages
//!
//! Start the binary of the same name, and use `/_sandbox/…` over HTTP instead of the methods of
//! [`Sandbox`], on the control listener or on the API's. Requests and responses are JSON. The
//! response to a mistake is a 400 with `{"error": "…"}`.
//!
//! | call | body, and response |
//! |---|---|
//! | `GET /_sandbox/state` | URLs, clock, tokens, users, one-time code, settings, faults, counters |
//! | `GET /_sandbox/requests` | an array of [`LoggedRequest`] |
//! | `GET /_sandbox/calls?method=POST&path=/api/v1/authenticate` | a plain number; filter with `&status=401`, or widen with `path=/api/*` |
//! | `POST /_sandbox/reset` | restores the state at the start, with the settings of the start |
//! | `POST /_sandbox/reset_counters` | forgets requests, calls and connections |
//! | `POST /_sandbox/clock` | `{"move": 3600}` or `{"set": 1800000000}`; returns `{"now": …}` |
//! | `POST /_sandbox/fault` | a [`Fault`], `{"method": "POST", "path": "/api/v1/authenticate", "times": 1, "kind": "status", "status": 503}` |
//! | `DELETE /_sandbox/faults` | removes all faults |
//! | `POST /_sandbox/settings` | some [`Settings`], `{"auth_token_lifetime": 60}`; returns all |
//! | `POST /_sandbox/application_token` | a [`NewToken`], `{"description": "old", "expiry_date": "2020-01-01"}`; returns `{"id": …, "application_token": "…"}` |
//! | `POST /_sandbox/revoke_application_token` | `{"id": 4711}` |
//! | `POST /_sandbox/revoke_auth_tokens` | revokes all auth tokens issued so far |

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
