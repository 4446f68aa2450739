//! What is exchanged for an auth token, and the exchange.

pub(crate) mod credential;
pub(crate) mod exchange;
pub(crate) mod token_file;
pub(crate) mod user;
