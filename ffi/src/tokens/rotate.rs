//! Replacing the application token that a client signs in with, and the handle that tells how far
//! that came.

use std::error::Error;
use std::ffi::{CString, c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

use emnify_core::{RotateOptions, Rotation, Secret};

use crate::boundary::options::{self, Options};
use crate::boundary::{
    Result, SecretText, c_text, emnify_error, free, milliseconds, optional_text, read,
};
use crate::client::{Callback, emnify_client, produce};
use crate::codes::{EMNIFY_ROTATION_NONE, state_number};

/// A function of yours that takes the new application token and keeps it where the next start finds
/// it. The `length` bytes at `application_token`, and the NUL behind them, are wiped when the
/// function returns. It returns 0 if it kept it, durably; anything else means that it could not:
/// the rotation stops, and goes on with the same one when emnify_token_rotate() is called again.
/// `user` is what the options said.
///
/// It is called on the thread that called emnify_token_rotate(), before that returns, and may be
/// called again with the same token after a crash. It may call the client, but not
/// emnify_token_rotate(). It must return: neither throw an exception nor jump out.
pub type emnify_hand_over = Option<
    unsafe extern "C" fn(user: *mut c_void, application_token: *const c_char, length: usize) -> i32,
>;

/// How an application token shall be replaced. What is not set is as with the old one: its
/// description, the address that it is bound to, how long it lives.
///
/// Start from EMNIFY_ROTATE_OPTIONS_INIT, which sets `size`: later versions add members at the end,
/// and a program that was built with this one goes on working. The strings are copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_rotate_options {
    /// sizeof(emnify_rotate_options).
    pub size: usize,
    /// The id of the application token that the client signs in with, where its auth token does not
    /// tell; else 0. It is not for another one: what contradicts the auth token is refused.
    pub id: u64,
    /// Another label: at most 1,024 bytes, no control character; or NULL.
    pub description: *const c_char,
    /// Another expiry: a date such as "2027-05-29" (00:00 UTC on that day), or an instant in RFC
    /// 3339 such as "2027-05-29T18:30:00Z"; in the future; or NULL: the new one lives as long as the
    /// old one was made for, from now on.
    pub expiry_date: *const c_char,
    /// Another address, or range in CIDR notation, that the new one may be used from; or NULL.
    pub ip: *const c_char,
    /// The other expiry in seconds of Unix time; 0 where `expiry_date` says it, or nothing does. Not
    /// both. Messages call it expiry_date too.
    pub expires_at: i64,
    /// How many seconds the old one goes on working beside the new one, for others that use it. 0:
    /// it is revoked as soon as the new one is proved to work.
    pub grace_s: u64,
    /// Who takes the new application token, instead of the credential file; or NULL. Needed where
    /// the client has no such file.
    pub hand_over: emnify_hand_over,
    /// What `hand_over` is called with; it is not looked at.
    pub user: *mut c_void,
    /// 1: the old one is left alive, for an application token that may not revoke any. The rotation
    /// ends in EMNIFY_ROTATION_DONE, with the event EMNIFY_EVENT_OLD_TOKEN_KEPT. 0: it is revoked,
    /// and where that is not permitted the rotation is refused before anything is created.
    pub keep_old: u64,
}

const _: () = assert!(
    offset_of!(emnify_rotate_options, keep_old) + size_of::<u64>()
        == size_of::<emnify_rotate_options>()
);

// SAFETY: it is laid out as in C, of numbers and pointers, and its last member ends it.
unsafe impl Options for emnify_rotate_options {
    const INIT: &'static str = "EMNIFY_ROTATE_OPTIONS_INIT";
}

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
/// before anything was begun; and from then on with EMNIFY_ERR_ROTATION, or EMNIFY_ERR_CANCELLED
/// after emnify_client_cancel(). emnify_error_rotation_state() says in which state it stopped, and
/// the client goes on with an application token that works.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_rotate(
    client: *const emnify_client,
    options: *const emnify_rotate_options,
    rotation: *mut *mut emnify_rotation,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract, by which `size` tells how much is there.
        let options = unsafe { rotate_options(options) }?;
        Ok(emnify_rotation::new(&client.core.application_tokens().rotate(&options)?))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("rotation", rotation), error, body) }
}

/// EMNIFY_ROTATION_DONE: the old application token is revoked, or was kept. EMNIFY_ROTATION_GRACE:
/// both work until the grace period ends. EMNIFY_ROTATION_NONE if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_state(rotation: *const emnify_rotation) -> i32 {
    // SAFETY: the contract.
    unsafe { read(rotation, EMNIFY_ROTATION_NONE, |rotation| rotation.state) }
}

/// The id of the application token that was replaced; 0 if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_old_id(rotation: *const emnify_rotation) -> u64 {
    // SAFETY: the contract.
    unsafe { read(rotation, 0, |rotation| rotation.old_id) }
}

/// The id of the one that replaces it; 0 if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_new_id(rotation: *const emnify_rotation) -> u64 {
    // SAFETY: the contract.
    unsafe { read(rotation, 0, |rotation| rotation.new_id) }
}

/// In EMNIFY_ROTATION_GRACE, how many milliseconds the grace period lasts after the call; else -1.
/// No time passes for it while the clock is not to be trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_grace_left_ms(rotation: *const emnify_rotation) -> i64 {
    // SAFETY: the contract.
    unsafe { read(rotation, -1, |rotation| rotation.grace_left_ms) }
}

/// Whether another client had rotated the application token already: nothing was changed, and its
/// successor is used. False if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_is_adopted(rotation: *const emnify_rotation) -> bool {
    // SAFETY: the contract.
    unsafe { read(rotation, false, |rotation| rotation.adopted) }
}

/// Whether the old application token is left alive, as `keep_old` said in this call or in the one
/// that the rotation began with. False if `rotation` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_is_old_kept(rotation: *const emnify_rotation) -> bool {
    // SAFETY: the contract.
    unsafe { read(rotation, false, |rotation| rotation.old_kept) }
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
        read(rotation, ptr::null(), |rotation| {
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
            state: state_number(rotation.state()),
            old_id: rotation.old_id(),
            new_id: rotation.new_id(),
            grace_left_ms: milliseconds(rotation.grace_left()),
            adopted: rotation.is_adopted(),
            old_kept: rotation.is_old_kept(),
            ignored_options: (!ignored.is_empty()).then(|| c_text(&ignored.join(", "))),
        }
    }
}

/// Reads the options. What they call is good as long as the call that they belong to.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells, and its strings and function
/// are such.
pub(crate) unsafe fn rotate_options(
    options: *const emnify_rotate_options,
) -> Result<RotateOptions> {
    let mut rotate = RotateOptions::new();
    // SAFETY: as demanded of the caller.
    let Some(options) = (unsafe { options::copy(options) })? else { return Ok(rotate) };
    if options.id > 0 {
        rotate = rotate.id(options.id);
    }
    // SAFETY: as demanded of the caller.
    if let Some(text) = unsafe { optional_text("description", options.description) }? {
        rotate = rotate.description(text);
    }
    // SAFETY: as demanded of the caller.
    if let Some(expiry) = unsafe { options::expiry(options.expiry_date, options.expires_at) }? {
        rotate = rotate.expiry_date(expiry);
    }
    // SAFETY: as demanded of the caller.
    if let Some(text) = unsafe { optional_text("ip", options.ip) }? {
        rotate = rotate.ip(text);
    }
    if let Some(function) = options.hand_over {
        let function = Callback::new(function, options.user);
        rotate = rotate.hand_over(move |token| {
            take(token, |text, length| {
                // SAFETY: the contract, and what is demanded of the function above.
                function.call(|function, user| unsafe { function(user, text, length) })
            })
        });
    }
    Ok(rotate.grace(Duration::from_secs(options.grace_s)).keep_old(options.keep_old != 0))
}

/// Lends the token to `function`, and makes of its answer what the core wants.
fn take(
    token: &Secret,
    function: impl FnOnce(*const c_char, usize) -> i32,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = SecretText::new(token.reveal());
    match function(text.as_ptr(), text.len()) {
        0 => Ok(()),
        status => Err(format!("the function returned {status}").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn a_token_is_handed_over_whole_and_anything_but_zero_means_that_it_was_not_taken() {
        let token = Secret::from("canary");
        let hand_over = |answer: i32| {
            take(&token, |text, length| {
                // SAFETY: the text ends with a NUL.
                assert_eq!(unsafe { CStr::from_ptr(text) }, c"canary");
                assert_eq!(length, 6);
                answer
            })
        };
        assert!(hand_over(0).is_ok());
        for answer in [1, -1] {
            let message = hand_over(answer).unwrap_err().to_string();
            assert!(message.contains(&answer.to_string()) && !message.contains("canary"));
        }
    }
}
