//! Rotations of application tokens.

mod obstacles;
mod options;
mod recovery;
mod replacement;
mod stored_session;
