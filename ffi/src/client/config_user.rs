//! The settings for signing in as a user: user name and password, one-time codes, and the trusted
//! device.

use std::ffi::{c_char, c_void};

use emnify_core::{Secret, TrustedDevice};
use zeroize::Zeroizing;

use super::callback::{Users, emnify_free_user, secret_in, set_function};
use super::config::{emnify_config, set};
use crate::boundary::{counted_text, emnify_error, text};

/// The space for a one-time code and the white space around it, in bytes. More than enough.
const CODE_CAPACITY: usize = 64;

/// Sets the user name and password of a person to sign in with, for calls that an application token
/// is not allowed to make. `username` ends with a NUL; the password is the `length` bytes at
/// `password`, which need no NUL. Wipe your own copy of the password. The library keeps and sends
/// only its SHA-1, as the API requires. Neither may be empty, and the user name may not contain
/// control characters.
///
/// Default: if no credential is set and the environment has no application token, the environment
/// variables EMNIFY_USERNAME and EMNIFY_PASSWORD.
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

/// A function of yours that asks a person for the one-time code that emnify has just sent.
///
/// Write the code to the `capacity` (64) bytes at `code` and return the number of bytes written. A
/// NUL is not needed, and white space around the code is ignored. Return 0 if there is no code: the
/// call then fails with EMNIFY_ERR_MFA_REQUIRED, as it does if the code is longer than `capacity`.
/// The bytes are wiped afterwards. `user` is the pointer given to emnify_config_set_mfa().
///
/// It runs during emnify_authenticate() or another call that needs an auth token, at most once at a
/// time per client. It may wait for the person: this time does not count towards the timeout of the
/// call. Other threads that need an auth token of the client wait meanwhile, each within its own
/// timeout; so do other processes with the same store.
///
/// It must not make a call of the same client that needs an auth token: that call would wait for
/// this function.
pub type emnify_mfa =
    Option<unsafe extern "C" fn(user: *mut c_void, code: *mut c_char, capacity: usize) -> usize>;

/// Sets the function that asks for one-time codes, and the pointer that is passed to it, which may
/// be NULL. `free_user` frees the pointer; NULL: the library does not free it. If this call fails,
/// the pointer remains yours.
///
/// Default: none. A sign-in that requires a code then fails with EMNIFY_ERR_MFA_REQUIRED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_mfa(
    config: *mut emnify_config,
    mfa: emnify_mfa,
    user: *mut c_void,
    free_user: emnify_free_user,
    error: *mut *mut emnify_error,
) -> i32 {
    let keep = |users: &mut Users, user| users.mfa = user;
    let (mfa, user) = (("mfa", mfa), (user, free_user));
    // SAFETY: the contract, and the rules for `user` in the header.
    unsafe {
        set_function(config, error, mfa, user, keep, |builder, mfa| {
            let prompt = move || {
                let mut buffer = Zeroizing::new([0; CODE_CAPACITY]);
                secret_in(&mut buffer[..], |code, capacity| {
                    mfa.call(|mfa, user| mfa(user, code, capacity))
                })
            };
            builder.mfa(move || Ok(prompt()))
        })
    }
}

/// Sets the device that the person signs in from. After a one-time code was entered on it, it needs
/// none for 90 days.
///
/// The `length` bytes at `fingerprint` identify the device: 8 to 256 visible ASCII characters. They
/// are a secret: choose a value that is hard to guess, store it, and use it again. emnify's portal
/// shows `name` to the person.
///
/// Default: no device.
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::ptr;

    use super::*;
    use crate::boundary::{emnify_error_code, emnify_error_free, emnify_error_message};
    use crate::client::config::{
        emnify_config_free, emnify_config_new, emnify_config_set_application_token,
    };
    use crate::codes::{EMNIFY_ERR_INVALID_INPUT, EMNIFY_OK};

    unsafe extern "C" fn ask(_: *mut c_void, _: *mut c_char, _: usize) -> usize {
        0
    }

    unsafe extern "C" fn count(user: *mut c_void) {
        // SAFETY: it is the cell of the test below, which outlives the configuration.
        let frees = unsafe { &*user.cast::<Cell<u32>>() };
        frees.set(frees.get() + 1);
    }

    // Miri follows each pointer, from the call to the end of the configuration.
    #[test]
    fn a_configuration_copies_what_it_is_given_and_frees_what_it_owns() {
        let frees = [(); 2].map(|()| Cell::new(0));
        let user = |index: usize| ptr::from_ref(&frees[index]).cast_mut().cast::<c_void>();
        let mut error = ptr::null_mut();
        // SAFETY: all pointers are NULL or those of variables that outlive the calls.
        unsafe {
            let config = emnify_config_new();
            let texts = ["user@example.com\0", "canary"].map(str::to_owned);
            let [name, secret] = texts.each_ref().map(|text| text.as_ptr().cast::<c_char>());
            let length = texts[1].len();
            let set = [
                emnify_config_set_user(config, name, secret, length, &mut error),
                emnify_config_set_trusted_device(config, secret, length, name, &mut error),
                emnify_config_set_application_token(config, secret, length, &mut error),
                emnify_config_set_mfa(config, Some(ask), user(0), Some(count), &mut error),
                emnify_config_set_mfa(config, Some(ask), user(1), Some(count), &mut error),
            ];
            assert_eq!((set, error), ([EMNIFY_OK; 5], ptr::null_mut()));
            drop(texts);
            assert_eq!(frees.each_ref().map(Cell::get), [1, 0]);

            let status = emnify_config_set_user(config, ptr::null(), secret, 0, &mut error);
            assert_eq!((status, emnify_error_code(error)), (EMNIFY_ERR_INVALID_INPUT, status));
            assert!(!emnify_error_message(error).is_null());
            emnify_error_free(error);
            emnify_config_free(config);
        }
        assert_eq!(frees.each_ref().map(Cell::get), [1, 1]);
    }
}
