//! The states of a rotation, as numbers that are fixed for ever.

use emnify_core::RotationState;

/// No state: it is not about a rotation.
pub const EMNIFY_ROTATION_NONE: i32 = 0;
/// The new application token is being created.
pub const EMNIFY_ROTATION_INTENT: i32 = 1;
/// It is created; which row of the list it is, is being found out.
pub const EMNIFY_ROTATION_CREATED: i32 = 2;
/// Its row is known; it is being tried.
pub const EMNIFY_ROTATION_IDENTIFIED: i32 = 3;
/// It works, and is the one to use from now on; it is being handed over.
pub const EMNIFY_ROTATION_COMMITTED: i32 = 4;
/// Both work, until the grace period ends.
pub const EMNIFY_ROTATION_GRACE: i32 = 5;
/// The old one is being revoked.
pub const EMNIFY_ROTATION_REVOKING: i32 = 6;
/// Only the new one works.
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
        // One that the core has and this file does not know yet.
        _ => EMNIFY_ROTATION_NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_stay_what_they_are() {
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
