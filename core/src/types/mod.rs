//! Plain values that all floors share. They make no decisions and perform no I/O.

pub(crate) mod auth_token;
pub(crate) mod check;
pub(crate) mod claims;
pub(crate) mod date;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod expiry_date;
pub(crate) mod names;
pub(crate) mod rotation_state;
pub(crate) mod secret;
pub(crate) mod status;
pub(crate) mod text;
