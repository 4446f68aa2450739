//! The user's functions, each with the pointer that is passed to it, and who frees that pointer.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use emnify_core::{ClientBuilder, Secret};

use super::config::{configure, emnify_config};
use crate::boundary::emnify_error;

/// A function of yours that frees the pointer `user` of an observer or of an emnify_mfa function.
///
/// It is called exactly once: when the last handle that may use the pointer is freed, by
/// emnify_config_free(), emnify_client_free() or emnify_pages_free(), or when another function
/// replaces yours in the only such handle. These handles are the configuration, the clients created
/// from it, their pages, and the clients that emnify_switch_workspace() created from them. It runs
/// on the thread that made this call, before the call returns. It must not use these handles.
pub type emnify_free_user = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A function and its pointer. The function is called on the thread that called the library.
#[derive(Clone, Copy)]
pub(crate) struct Callback<F> {
    function: F,
    user: *mut c_void,
}

// SAFETY: the header requires that the function and its pointer are valid on each thread that uses
// the client. Both are only passed back to C; nothing is dropped.
unsafe impl<F: Copy> Send for Callback<F> {}
// SAFETY: as for `Send`.
unsafe impl<F: Copy> Sync for Callback<F> {}

impl<F: Copy> Callback<F> {
    pub(crate) fn new(function: F, user: *mut c_void) -> Self {
        Callback { function, user }
    }

    /// Passes both to `call`, which adds the other arguments.
    pub(crate) fn call<T>(&self, call: impl FnOnce(F, *mut c_void) -> T) -> T {
        call(self.function, self.user)
    }
}

/// The pointers of a configuration's functions, owned by the handles through which the functions
/// can be called. The core does not own them: a thread of the library may be the last to drop its
/// part of a client.
#[derive(Clone, Default)]
pub(crate) struct Users {
    pub(super) observer: Option<Arc<User>>,
    pub(super) mfa: Option<Arc<User>>,
}

/// A pointer that the user's own function frees.
pub(crate) struct User {
    user: *mut c_void,
    free: emnify_free_user,
}

// SAFETY: any thread may free the last handle, as the header says; until then nothing reads it.
unsafe impl Send for User {}
// SAFETY: as for `Send`.
unsafe impl Sync for User {}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the contract; no handle is left through which the pointer can be used.
            unsafe { free(self.user) }
        }
    }
}

/// Sets the function in the argument `name`, which must not be NULL, with `change`, and
/// passes its pointer to `keep`, unless this fails.
///
/// # Safety
///
/// As for [`configure`].
pub(super) unsafe fn set_function<F: Copy>(
    config: *mut emnify_config,
    error: *mut *mut emnify_error,
    (name, function): (&str, Option<F>),
    (user, free): (*mut c_void, emnify_free_user),
    keep: impl FnOnce(&mut Users, Option<Arc<User>>),
    change: impl FnOnce(ClientBuilder, Callback<F>) -> ClientBuilder,
) -> i32 {
    let change = |config: &mut emnify_config| {
        let function = function.ok_or_else(|| emnify_error::null(name))?;
        config.builder = change(config.builder.clone(), Callback::new(function, user));
        keep(&mut config.users, Some(Arc::new(User { user, free })));
        Ok(())
    };
    // SAFETY: guaranteed by the caller.
    unsafe { configure(config, error, change) }
}

/// Returns the secret that a user's function wrote to `buffer`, if it is valid UTF-8, not empty, and
/// fits. `write` gets the buffer's address and capacity, and returns the length.
pub(crate) fn secret_in(
    buffer: &mut [u8],
    write: impl FnOnce(*mut c_char, usize) -> usize,
) -> Option<Secret> {
    let length = write(buffer.as_mut_ptr().cast(), buffer.len());
    let secret = buffer.get(..length).filter(|secret| !secret.is_empty())?;
    std::str::from_utf8(secret).ok().map(Secret::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_exactly_the_bytes_that_were_written() {
        const CAPACITY: usize = 64;
        let write = |text: &'static [u8], length: usize| {
            let secret = secret_in(&mut [0; CAPACITY], |buffer, capacity| {
                assert!(text.len() <= capacity);
                // SAFETY: it fits.
                unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
                length
            });
            secret.map(|secret| secret.reveal().to_owned())
        };
        assert_eq!(write(b"123456\n", 6).as_deref(), Some("123456"));
        assert_eq!(write(&[b'1'; CAPACITY], CAPACITY).unwrap().len(), CAPACITY);
        assert_eq!(write(b"123456", 0), None);
        assert_eq!(write(b"123456", CAPACITY + 1), None);
        assert_eq!(write(b"123456", usize::MAX), None);
        assert_eq!(write(b"\xff", 1), None);
    }
}
