//! Replacing the application token that a client signs in with, and the handle that tells how far
//! that came.

use std::ffi::{CString, c_char};
use std::ptr;

use emnify_core::Rotation;

use crate::boundary::{Place, ask, call, free};
use crate::client::{emnify_client, usable};
use crate::convert::{c_text, milliseconds};
use crate::error::emnify_error;
use crate::rotate_options::{emnify_rotate_options, rotate_options};
use crate::rotation_state::{EMNIFY_ROTATION_NONE, number};

/// What a rotation came to. It holds no secret.
///
/// Made by emnify_token_rotate(), owned by the caller, freed with emnify_rotation_free(). It may
/// outlive its client. Any thread may read it.
pub struct emnify_rotation {
    state: i32,
    old_id: u64,
    new_id: u64,
    grace_left_ms: i64,
    adopted: bool,
    old_kept: bool,
    ignored_options: Option<CString>,
}

/// Replaces the application token that `client` signs in with by a new one, with no moment at which
/// neither works, and gives what that came to to the caller in `*rotation`. `options` may be NULL:
/// all as with the old one, which is revoked at once when the new one is proved to work.
///
/// The client needs an application token of its own, as text or from a file; a store that is a
/// directory, which keeps how far the rotation has come; and where the credential is text, a
/// `hand_over` in the options. A credential file is replaced by one with the same mode and, on Linux,
/// the same access list, extended attributes of users and SELinux label; what another program wrote
/// into it meanwhile stays.
///
/// After a failure or a crash, call it again with the same options: it goes on where it stopped,
/// with what it began with. With a grace period the rotation stops in EMNIFY_ROTATION_GRACE, with
/// success, and does not wait: call it again when that is over. Options that are not those which it
/// began with do not apply: see emnify_rotation_ignored_options(). The client goes on with the new
/// application token, and so does one that starts with the old one and the same store;
/// EMNIFY_EVENT_SUCCESSOR_FOUND tells it. At most one rotation runs in a store; who waits for
/// another one's adopts what that came to.
///
/// Each of its calls takes at most the configured timeout. Any thread.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT where `store` or `hand_over` is missing, an option is wrong,
/// the client signs in as a person, or it cannot be told which application token is its own, and
/// `id` does not say, or how long the new one lives, and no expiry does; with EMNIFY_ERR_FORBIDDEN
/// where the application token may not revoke any, and `keep_old` is 0; as emnify_token_list() does
/// before anything was begun; and from then on with
/// EMNIFY_ERR_ROTATION, where emnify_error_rotation_state() says in which state it stopped, and the
/// client goes on with an application token that works.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_rotate(
    client: *const emnify_client,
    options: *const emnify_rotate_options,
    rotation: *mut *mut emnify_rotation,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let client = unsafe { usable(client) }?;
        // SAFETY: the contract.
        let place = unsafe { Place::new("rotation", rotation) }?;
        // SAFETY: the contract, by which `size` tells how much is there.
        let options = unsafe { rotate_options(options, client.calls.callers()) }?;
        // Cancelled, it goes on, or stops where it goes on from.
        let rotation = client.call(move |client| client.application_tokens().rotate(&options))?;
        place.give(emnify_rotation::new(&rotation));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// EMNIFY_ROTATION_DONE: the old application token is revoked, or was kept. EMNIFY_ROTATION_GRACE:
/// both work until the grace period ends. EMNIFY_ROTATION_NONE if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_state(rotation: *const emnify_rotation) -> i32 {
    // SAFETY: the contract.
    unsafe { ask(rotation, EMNIFY_ROTATION_NONE, |rotation| rotation.state) }
}

/// The id of the application token that was replaced; 0 if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_old_id(rotation: *const emnify_rotation) -> u64 {
    // SAFETY: the contract.
    unsafe { ask(rotation, 0, |rotation| rotation.old_id) }
}

/// The id of the one that replaces it; 0 if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_new_id(rotation: *const emnify_rotation) -> u64 {
    // SAFETY: the contract.
    unsafe { ask(rotation, 0, |rotation| rotation.new_id) }
}

/// In EMNIFY_ROTATION_GRACE, how many milliseconds the grace period lasts after the call; else -1.
/// No time passes for it while the clock is not to be trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_grace_left_ms(rotation: *const emnify_rotation) -> i64 {
    // SAFETY: the contract.
    unsafe { ask(rotation, -1, |rotation| rotation.grace_left_ms) }
}

/// Whether another client had rotated the application token already: nothing was changed, and its
/// successor is used. False if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_is_adopted(rotation: *const emnify_rotation) -> bool {
    // SAFETY: the contract.
    unsafe { ask(rotation, false, |rotation| rotation.adopted) }
}

/// Whether the old application token is left alive, as `keep_old` said in this call or in the one
/// that the rotation began with. False if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_is_old_kept(rotation: *const emnify_rotation) -> bool {
    // SAFETY: the contract.
    unsafe { ask(rotation, false, |rotation| rotation.old_kept) }
}

/// The options of the call that did not apply, because the rotation had begun with others, which
/// did: their names, such as "expiry_date, ip".
///
/// Borrowed from `rotation`. NULL where all applied, and if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_ignored_options(
    rotation: *const emnify_rotation,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe {
        ask(rotation, ptr::null(), |rotation| {
            rotation.ignored_options.as_deref().map_or(ptr::null(), |names| names.as_ptr())
        })
    }
}

/// Frees what a rotation came to. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_free(rotation: *mut emnify_rotation) {
    // SAFETY: the contract.
    unsafe { free(rotation) }
}

impl emnify_rotation {
    fn new(rotation: &Rotation) -> Self {
        let ignored = rotation.ignored_options();
        emnify_rotation {
            state: number(rotation.state()),
            old_id: rotation.old_id(),
            new_id: rotation.new_id(),
            grace_left_ms: milliseconds(rotation.grace_left()),
            adopted: rotation.is_adopted(),
            old_kept: rotation.is_old_kept(),
            ignored_options: (!ignored.is_empty()).then(|| c_text(&ignored.join(", "))),
        }
    }
}
