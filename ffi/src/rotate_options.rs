//! How an application token shall be replaced, in a structure that C fills in.

use std::error::Error;
use std::ffi::{c_char, c_void};
use std::mem::{offset_of, size_of};
use std::time::Duration;

use emnify_core::{RotateOptions, Secret};

use crate::boundary::Outcome;
use crate::callback::{Callback, Callers};
use crate::convert::{SecretText, optional_text};
use crate::options::{self, Options};

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

/// Reads the options. What they call is good as long as the call that they belong to.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` tells, and its strings and function
/// are such.
pub(crate) unsafe fn rotate_options(
    options: *const emnify_rotate_options,
    callers: &Callers,
) -> Outcome<RotateOptions> {
    let mut rotate = RotateOptions::new();
    // SAFETY: as demanded of the caller.
    let Some(options) = (unsafe { options::read(options) })? else { return Ok(rotate) };
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
        let callers = callers.clone();
        rotate = rotate.hand_over(move |token| {
            let token = token.clone();
            let hand_over = move || {
                take(&token, |text, length| {
                    // SAFETY: the contract, and what is demanded of the function above.
                    function.call(|function, user| unsafe { function(user, text, length) })
                })
            };
            callers.run(hand_over).unwrap_or_else(|| Err("the call was cancelled".into()))
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
