//! Replaces the application token that a client signs in with. A handle holds the result.

use std::error::Error;
use std::ffi::{CString, c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

use emnify_core::{RotateOptions, Rotation, Secret};
use zeroize::Zeroizing;

use crate::boundary::options::{self, Options};
use crate::boundary::{
    Result, SecretText, c_text, emnify_error, free, milliseconds, optional_text, pointer, read,
};
use crate::client::{Callback, emnify_client, produce, secret_in};
use crate::codes::{EMNIFY_ROTATION_NONE, state_number};

/// The space for an application token that is read back, in bytes. They have about 500.
const TOKEN_CAPACITY: usize = 4096;

/// A function of yours that stores the new application token where the next start of the program
/// finds it.
///
/// Return 0 after the token is stored durably. Any other number means that it could not be stored:
/// the rotation stops, and the next emnify_token_rotate() calls this function again with the same
/// token. The `length` bytes at `application_token` are followed by a NUL and are wiped when the
/// function returns. `user` is the pointer in the options.
///
/// It runs during emnify_token_rotate(). It must be idempotent: after an error, a crash or the grace
/// period it may be called again with the same token. It may call the client, but not
/// emnify_token_rotate().
pub type emnify_hand_over = Option<
    unsafe extern "C" fn(user: *mut c_void, application_token: *const c_char, length: usize) -> i32,
>;

/// A function of yours that reads the application token that your emnify_hand_over function stored,
/// as the next start of the program will.
///
/// Write it to the `capacity` (4,096) bytes at `application_token` and return the number of bytes
/// written. A NUL is not needed, and white space around the token is ignored. Return 0 if it cannot
/// be read. The bytes are wiped afterwards. `user` is the pointer in the options.
///
/// It runs during emnify_token_rotate(), before the old token is revoked. If it does not return the
/// new token, the rotation stops and nothing is revoked; the next emnify_token_rotate() calls your
/// emnify_hand_over function again.
pub type emnify_read_back = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        application_token: *mut c_char,
        capacity: usize,
    ) -> usize,
>;

/// Options of a rotation. All are optional and copied. What is not set is taken from the old token:
/// its description, its address restriction and its lifetime.
///
/// Initialise it with EMNIFY_ROTATE_OPTIONS_INIT, which sets `size`: see "Options" above.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct emnify_rotate_options {
    /// sizeof(emnify_rotate_options) in the header that the program was built with.
    pub size: usize,
    /// The id of the application token that the client signs in with, needed if the auth token does
    /// not contain it; otherwise 0. An id that contradicts the auth token is an error. If the auth
    /// token contains none, the id cannot be checked: the token with this id is revoked.
    pub id: u64,
    /// Another label: at most 1,024 bytes, without control characters. NULL: that of the old token.
    pub description: *const c_char,
    /// When the new token expires, in the future: a date such as "2027-05-29" (00:00 UTC on that
    /// day), or a time in RFC 3339 such as "2027-05-29T18:30:00Z". NULL: the new token gets the old
    /// one's lifetime, counted from now.
    pub expiry_date: *const c_char,
    /// Another address, or range (CIDR), that may use the new token. NULL: that of the old token.
    pub ip: *const c_char,
    /// How many seconds the old token keeps working alongside the new one, for other programs that
    /// use it. 0: it is revoked as soon as the new one is known to work.
    pub grace_s: u64,
    /// The function that stores the new application token. NULL: the credential file is replaced.
    /// Required if the client has no credential file.
    pub hand_over: emnify_hand_over,
    /// The function that reads that token back, before the old one is revoked. NULL: none is read
    /// back. Needs `hand_over`; a credential file is read back anyway.
    pub read_back: emnify_read_back,
    /// The pointer that is passed to `hand_over` and `read_back`. May be NULL.
    pub user: *mut c_void,
    /// 1: the old token is not revoked, for a token that is not allowed to revoke tokens. The
    /// rotation ends in EMNIFY_ROTATION_DONE with the event EMNIFY_EVENT_OLD_TOKEN_KEPT. 0: it is
    /// revoked; if that is not permitted, the call fails before a token is created.
    pub keep_old: u64,
    /// How many seconds the new token lives, instead of `expiry_date`, counted on emnify's clock;
    /// 0: not set. Error messages call it expires_in.
    pub expires_in_s: u64,
}

const _: () = assert!(
    offset_of!(emnify_rotate_options, expires_in_s) + size_of::<u64>()
        == size_of::<emnify_rotate_options>()
);

// SAFETY: it is laid out as in C, of numbers and pointers, and its last member ends it.
unsafe impl Options for emnify_rotate_options {
    const INIT: &'static str = "EMNIFY_ROTATE_OPTIONS_INIT";
}

/// The result of a rotation. It contains no secret.
///
/// Created by emnify_token_rotate(); free it with emnify_rotation_free().
pub struct emnify_rotation {
    state: i32,
    old_id: u64,
    new_id: u64,
    grace_left_ms: i64,
    adopted: bool,
    old_kept: bool,
    ignored_options: Option<CString>,
}

/// Replaces the application token that `client` signs in with by a new one, and writes the result
/// to `*rotation`. At any time at least one of the two works, even after a crash or a power
/// failure. `options` may be NULL. Blocks: each of its requests may take the configured timeout.
///
/// The client needs:
///
/// - an application token, as text or in a file; not a user name and password
/// - a store that is a directory (emnify_config_set_store()), where the progress is kept
/// - `hand_over` in the options, if the application token was set as text
///
/// A credential file is replaced by a file with the same mode and, on Linux, the same access
/// control list, user extended attributes and SELinux label. If another program has changed the
/// file meanwhile, the rotation stops and does not touch the file. Only a change in the last moment
/// before the replacement would be lost.
///
/// After an error or a crash, call it again with the same options: the rotation continues where it
/// stopped. With a grace period, the call succeeds without waiting and the state is
/// EMNIFY_ROTATION_GRACE; call it again after the grace period. A rotation keeps the options that
/// it began with: see emnify_rotation_ignored_options().
///
/// The client then uses the new application token. So does a later client with the old token and
/// the same store, which reports EMNIFY_EVENT_SUCCESSOR_FOUND. Only one rotation runs in a store at
/// a time: a call that waited for the rotation of another client returns its result.
///
/// Errors, besides those of emnify_token_list() before the rotation begins:
///
/// - EMNIFY_ERR_INVALID_INPUT: the store or `hand_over` is missing; an option is invalid; the
///   client signs in as a user; the id of its application token is not known and `id` is 0; or the
///   old token's lifetime is not known and no expiry is set.
/// - EMNIFY_ERR_FORBIDDEN: the application token is not allowed to revoke tokens, and `keep_old` is
///   0. Nothing was created.
/// - EMNIFY_ERR_STORE: the store cannot be used. Nothing was created.
/// - EMNIFY_ERR_ROTATION, or EMNIFY_ERR_CANCELLED after emnify_client_cancel(): the rotation
///   stopped in the state emnify_error_rotation_state(). The client continues with an application
///   token that works.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_rotate(
    client: *const emnify_client,
    options: *const emnify_rotate_options,
    rotation: *mut *mut emnify_rotation,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract; `size` says how many bytes there are.
        let options = unsafe { rotate_options(options) }?;
        Ok(emnify_rotation::new(&client.core.application_tokens().rotate(&options)?))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("rotation", rotation), error, body) }
}

/// Returns the state: EMNIFY_ROTATION_DONE (the old application token is revoked, or kept as
/// requested) or EMNIFY_ROTATION_GRACE (both work until the grace period ends).
/// EMNIFY_ROTATION_NONE for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_state(rotation: *const emnify_rotation) -> i32 {
    // SAFETY: the contract.
    unsafe { read(rotation, EMNIFY_ROTATION_NONE, |rotation| rotation.state) }
}

/// Returns the id of the application token that was replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_old_id(rotation: *const emnify_rotation) -> u64 {
    // SAFETY: the contract.
    unsafe { read(rotation, 0, |rotation| rotation.old_id) }
}

/// Returns the id of the new application token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_new_id(rotation: *const emnify_rotation) -> u64 {
    // SAFETY: the contract.
    unsafe { read(rotation, 0, |rotation| rotation.new_id) }
}

/// Returns how many milliseconds of the grace period were left when the call returned; -1 if the
/// state is not EMNIFY_ROTATION_GRACE. This time does not decrease while this machine's clock
/// cannot be trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_grace_left_ms(rotation: *const emnify_rotation) -> i64 {
    // SAFETY: the contract.
    unsafe { read(rotation, -1, |rotation| rotation.grace_left_ms) }
}

/// Returns whether another client had already rotated the application token. Then nothing was
/// changed, and the new token is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_is_adopted(rotation: *const emnify_rotation) -> bool {
    // SAFETY: the contract.
    unsafe { read(rotation, false, |rotation| rotation.adopted) }
}

/// Returns whether the old application token was not revoked, as requested with `keep_old` in this
/// call or in the call that began the rotation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_is_old_kept(rotation: *const emnify_rotation) -> bool {
    // SAFETY: the contract.
    unsafe { read(rotation, false, |rotation| rotation.old_kept) }
}

/// Returns the names of this call's options that were ignored because the rotation had begun with
/// others, such as "expiry_date, ip". NULL if none was ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_rotation_ignored_options(
    rotation: *const emnify_rotation,
) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(rotation, ptr::null(), |rotation| pointer(rotation.ignored_options.as_ref())) }
}

/// Frees the result of a rotation.
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

/// Returns the options for the core. They are valid as long as the call that they belong to.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` member says, its strings end with a
/// NUL, and its function is valid.
pub(crate) unsafe fn rotate_options(
    options: *const emnify_rotate_options,
) -> Result<RotateOptions> {
    let mut rotate = RotateOptions::new();
    // SAFETY: guaranteed by the caller.
    let Some(options) = (unsafe { options::copy(options) })? else { return Ok(rotate) };
    if options.id > 0 {
        rotate = rotate.id(options.id);
    }
    // SAFETY: guaranteed by the caller.
    if let Some(text) = unsafe { optional_text("description", options.description) }? {
        rotate = rotate.description(text);
    }
    // SAFETY: guaranteed by the caller.
    if let Some(expiry) = unsafe { options::expiry(options.expiry_date, options.expires_in_s) }? {
        rotate = rotate.expiry_date(expiry);
    }
    // SAFETY: guaranteed by the caller.
    if let Some(text) = unsafe { optional_text("ip", options.ip) }? {
        rotate = rotate.ip(text);
    }
    if let Some(function) = options.hand_over {
        let function = Callback::new(function, options.user);
        rotate = rotate.hand_over(move |token| {
            take(token, |text, length| {
                // SAFETY: the contract, and the rules for the function in the header.
                function.call(|function, user| unsafe { function(user, text, length) })
            })
        });
    }
    if let Some(function) = options.read_back {
        let function = Callback::new(function, options.user);
        rotate = rotate.read_back(move || {
            let mut buffer = Zeroizing::new([0; TOKEN_CAPACITY]);
            let kept = secret_in(&mut buffer[..], |text, capacity| {
                // SAFETY: the contract, and the rules for the function in the header.
                function.call(|function, user| unsafe { function(user, text, capacity) })
            });
            kept.ok_or_else(|| "the function returned no application token".into())
        });
    }
    Ok(rotate.grace(Duration::from_secs(options.grace_s)).keep_old(options.keep_old != 0))
}

/// Passes the token to `function`, and turns its status into a result for the core.
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
    fn only_zero_means_that_a_token_was_stored() {
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
