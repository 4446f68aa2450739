//! How a client is built, how its calls are cancelled, and what it prints.

mod asynchronous;
mod bad_input;
mod cancel;
mod check;
mod environment;
mod examples;
mod late;
mod metrics;
mod secrets;
