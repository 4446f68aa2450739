//! Calls that carry the auth token: how fast, how often, and what they return.

pub(crate) mod application_tokens;
pub(crate) mod audit;
pub(crate) mod pages;
pub(crate) mod rate_limiter;
pub(crate) mod request;
pub(crate) mod retry;
