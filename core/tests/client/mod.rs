//! What a client is built from, and what it shows of itself.

mod bad_input;
mod cancel;
mod environment;
mod secrets;
