//! The states of a rotation. Each is stored durably before its step is taken.

use crate::types::names::names;

/// How far a rotation has come. The stored state names the step that is done next.
///
/// ```
/// use emnify_core::RotationState;
///
/// // From `Committed` on, the client uses the new application token.
/// assert!(RotationState::Identified < RotationState::Committed);
/// assert_eq!(RotationState::Grace.to_string(), "grace");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RotationState {
    /// The new application token is being created.
    Intent,
    /// The new token exists; its row in the list of application tokens is being looked up.
    Created,
    /// The new token's row is known; the new token is being tested.
    Identified,
    /// The new token works and is used from now on; it is being written to the credential file or
    /// passed to `hand_over`.
    Committed,
    /// Both tokens work until the grace period ends.
    Grace,
    /// The old token is being revoked.
    Revoking,
    /// The rotation is complete: the old token is revoked, or kept as requested.
    Done,
}

names!(RotationState {
    Intent => "intent",
    Created => "created",
    Identified => "identified",
    Committed => "committed",
    Grace => "grace",
    Revoking => "revoking",
    Done => "done",
});
