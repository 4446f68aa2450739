//! The states of a rotation, each durable before the step that it names is taken.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a rotation has come. What was written down is what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RotationState {
    /// The new application token is being created.
    Intent,
    /// It is created; which row of the list it is, is being found out.
    Created,
    /// Its row is known; it is being tried.
    Identified,
    /// It works, and is the one to use from now on; it is being handed over.
    Committed,
    /// Both work, until the grace period ends.
    Grace,
    /// The old one is being revoked.
    Revoking,
    /// Only the new one works.
    Done,
}

impl fmt::Display for RotationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
