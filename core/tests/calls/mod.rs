//! Calls that carry the auth token.

mod application_tokens;
mod request_log;
mod requests;
