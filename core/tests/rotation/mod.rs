//! Replacing an application token.

mod obstacles;
mod options;
mod recovery;
mod replacement;
mod stored_session;
