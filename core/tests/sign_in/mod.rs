//! Signing in as a user.

mod user;
