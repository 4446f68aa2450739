//! Signing in with a token from a function of the program, and as a user.

mod source;
mod user;
