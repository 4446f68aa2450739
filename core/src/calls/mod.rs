//! Calls that carry the auth token: how fast they are sent, when they are repeated, and what they
//! return.

pub(crate) mod application_tokens;
pub(crate) mod audit;
pub(crate) mod failures;
pub(crate) mod identify;
pub(crate) mod method;
pub(crate) mod pages;
pub(crate) mod rate_limiter;
pub(crate) mod request;
pub(crate) mod retry;
