//! Calls that carry the auth token.

mod application_tokens;
mod requests;
