//! The states of a rotation, as numbers that never change.

use emnify_core::RotationState;

/// No state: not about a rotation.
pub const EMNIFY_ROTATION_NONE: i32 = 0;
/// The new application token is being created.
pub const EMNIFY_ROTATION_INTENT: i32 = 1;
/// The new token exists; its id is being looked up in the list of tokens.
pub const EMNIFY_ROTATION_CREATED: i32 = 2;
/// The new token's id is known; the new token is being tested.
pub const EMNIFY_ROTATION_IDENTIFIED: i32 = 3;
/// The new token works and is used from now on; it is being written to the credential file or
/// passed to your emnify_hand_over function.
pub const EMNIFY_ROTATION_COMMITTED: i32 = 4;
/// Both tokens work until the grace period ends.
pub const EMNIFY_ROTATION_GRACE: i32 = 5;
/// The old token is being revoked.
pub const EMNIFY_ROTATION_REVOKING: i32 = 6;
/// The rotation is complete: the old token is revoked, or kept as requested.
pub const EMNIFY_ROTATION_DONE: i32 = 7;

/// Returns the number of a state.
pub(crate) fn state_number(state: RotationState) -> i32 {
    match state {
        RotationState::Intent => EMNIFY_ROTATION_INTENT,
        RotationState::Created => EMNIFY_ROTATION_CREATED,
        RotationState::Identified => EMNIFY_ROTATION_IDENTIFIED,
        RotationState::Committed => EMNIFY_ROTATION_COMMITTED,
        RotationState::Grace => EMNIFY_ROTATION_GRACE,
        RotationState::Revoking => EMNIFY_ROTATION_REVOKING,
        RotationState::Done => EMNIFY_ROTATION_DONE,
        // Added to the core, but not yet to this file.
        _ => EMNIFY_ROTATION_NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        use RotationState::*;
        for (expected, state) in [
            (1, Intent),
            (2, Created),
            (3, Identified),
            (4, Committed),
            (5, Grace),
            (6, Revoking),
            (7, Done),
        ] {
            assert_eq!(state_number(state), expected, "{state:?}");
        }
    }
}
