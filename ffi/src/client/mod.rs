//! The client and its configuration; signing in, events, status and cancelling. Imports `codes` and
//! `boundary`.

mod auth_token;
mod authenticate;
mod callback;
mod cancel;
mod check;
#[allow(clippy::module_inception, reason = "it is about the type of that name")]
mod client;
mod config;
mod config_network;
mod config_user;
mod event;
mod event_loop;
mod status;
mod workspace;

pub use auth_token::*;
pub use authenticate::*;
pub use callback::emnify_free_user;
pub(crate) use callback::{Callback, Users, secret_in};
pub use cancel::*;
pub use check::*;
pub use client::*;
pub use config::*;
pub use config_network::*;
pub use config_user::*;
pub use event::*;
pub use event_loop::*;
pub use status::*;
pub use workspace::*;
