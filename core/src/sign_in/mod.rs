//! Reads the credentials, and exchanges them for an auth token.

pub(crate) mod credential;
pub(crate) mod exchange;
pub(crate) mod token_file;
pub(crate) mod token_source;
pub(crate) mod user;
