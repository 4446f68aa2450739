//! Rotations of application tokens.

mod hand_over;
mod obstacles;
mod options;
mod recovery;
mod replacement;
mod stored_session;
