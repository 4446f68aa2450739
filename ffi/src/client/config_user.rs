//! The part of the configuration that is about a person: user name and password, the one-time code,
//! and the device that does without one.

use std::ffi::{c_char, c_void};

use emnify_core::{Secret, TrustedDevice};
use zeroize::Zeroizing;

use super::callback::{Callback, function};
use super::config::{emnify_config, set};
use crate::boundary::{counted_text, emnify_error, text};

/// Longer than any one-time code, and than what a person types around it.
const CODE_CAPACITY: usize = 64;

/// Sets a person's user name, and password of `length` bytes (no NUL needed), to sign in with, for
/// what an application token cannot do. Both are copied; wipe your own password when you no longer
/// need it. What is sent, and kept, is its SHA-1, as the API wants it.
///
/// Default: without any credential set, and without an application token in the environment, the
/// environment variables EMNIFY_USERNAME and EMNIFY_PASSWORD. Set this or an application token, not
/// both.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or a text is no UTF-8.
/// emnify_client_new() refuses a user name that is empty or has a control character, and an empty
/// password.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_user(
    config: *mut emnify_config,
    username: *const c_char,
    password: *const c_char,
    length: usize,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; both texts are copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let username = text("username", username)?;
            let password = counted_text("password", password, length)?;
            Ok(builder.user(username, Secret::from(password)))
        })
    }
}

/// A function of yours that asks the person for the one-time code which emnify has just sent. It
/// writes the code into the `capacity` bytes (64) at `code`, which are wiped afterwards, and returns
/// how many bytes it wrote: white space around the code does no harm, a NUL is not needed. 0 gives
/// up, as does more than there is room for; then the call fails with EMNIFY_ERR_MFA_REQUIRED.
/// `user` is what you gave to emnify_config_set_mfa().
///
/// It is called on a thread of yours, from within emnify_authenticate() or another call that needs
/// an auth token, between the password and the code: never in the background, never on a thread of
/// the library's, and at most once at a time for a client. It may wait for the person: that does not
/// count towards the timeout of the call. Meanwhile other threads that need an auth token of the
/// same client wait too, each within its own timeout, as do other processes with the same store.
///
/// It must not make a call with the same client that needs an auth token, since that would wait for
/// itself. It must return: neither throw an exception nor jump out.
pub type emnify_mfa =
    Option<unsafe extern "C" fn(user: *mut c_void, code: *mut c_char, capacity: usize) -> usize>;

/// Sets the function that asks for the one-time code: see emnify_mfa. `user` is passed to it and
/// not looked at. It may be NULL; else it must be good on each thread that uses a client made from
/// `config`, or what came of one by emnify_paginate() or emnify_switch_workspace(), until the last
/// of these is freed.
///
/// Default: nobody is asked, and where a code is due the call fails with EMNIFY_ERR_MFA_REQUIRED.
/// Fails with EMNIFY_ERR_INVALID_INPUT if `config` or `mfa` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_mfa(
    config: *mut emnify_config,
    mfa: emnify_mfa,
    user: *mut c_void,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract, and what is demanded of `user` above.
    unsafe {
        set(config, error, |builder| {
            let mfa = Callback::new(function("mfa", mfa)?, user);
            let prompt = move || {
                one_time_code(|code, capacity| mfa.call(|mfa, user| mfa(user, code, capacity)))
            };
            Ok(builder.mfa(move || Ok(prompt())))
        })
    }
}

/// Sets the device that the person signs in from. Once a one-time code was given on it, none is due
/// there for 90 days. The fingerprint, of `length` bytes, is what it is recognised by, and a secret:
/// choose one that is hard to guess, keep it, and use it again. `name` is shown to the person in
/// emnify's portal. Both are copied.
///
/// Default: no device. Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or a text is no
/// UTF-8. emnify_client_new() refuses a fingerprint that is not 8 to 256 visible ASCII characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_trusted_device(
    config: *mut emnify_config,
    fingerprint: *const c_char,
    length: usize,
    name: *const c_char,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract; both texts are copied before the call ends.
    unsafe {
        set(config, error, |builder| {
            let fingerprint = counted_text("fingerprint", fingerprint, length)?;
            let name = text("name", name)?;
            Ok(builder.trusted_device(TrustedDevice::new(Secret::from(fingerprint), name)))
        })
    }
}

/// Returns what `prompt` wrote, if it is a text that fits.
fn one_time_code(prompt: impl FnOnce(*mut c_char, usize) -> usize) -> Option<Secret> {
    let mut buffer = Zeroizing::new([0_u8; CODE_CAPACITY]);
    let length = prompt(buffer.as_mut_ptr().cast(), CODE_CAPACITY);
    let code = buffer.get(..length).filter(|code| !code.is_empty())?;
    std::str::from_utf8(code).ok().map(Secret::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_what_was_written_and_nothing_else() {
        let write = |text: &'static [u8], length: usize| {
            let code = one_time_code(|buffer, capacity| {
                assert!(text.len() <= capacity);
                // SAFETY: it fits.
                unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
                length
            });
            code.map(|code| code.reveal().to_owned())
        };
        assert_eq!(write(b"123456\n", 6).as_deref(), Some("123456"));
        assert_eq!(write(&[b'1'; CODE_CAPACITY], CODE_CAPACITY).unwrap().len(), CODE_CAPACITY);
        assert_eq!(write(b"123456", 0), None);
        assert_eq!(write(b"123456", CODE_CAPACITY + 1), None);
        assert_eq!(write(b"123456", usize::MAX), None);
        assert_eq!(write(b"\xff", 1), None);
    }
}
