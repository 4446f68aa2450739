//! Calls that carry the auth token.

mod application_tokens;
mod failures;
mod identify;
mod request_log;
mod requests;
