//! Structures of options that C fills in. Each contains its size, so that it can grow without
//! breaking programs that were built earlier.

use std::ffi::c_char;
use std::mem::size_of;
use std::time::Duration;

use emnify_core::ExpiryDate;

use super::arguments::optional_text;
use super::failure::{Result, emnify_error};
use super::time::instant;

/// The largest plausible size of a structure, in bytes. A larger one was not initialised.
const LARGEST: usize = 4096;

/// A structure of options for C.
///
/// # Safety
///
/// It has the layout of C, starts with a `usize` for its size, and contains only numbers and
/// pointers. It does not end with padding: a member that is added later must not be where an
/// earlier program has undefined bytes.
pub(crate) unsafe trait Options: Copy {
    /// The macro that initialises it, for messages.
    const INIT: &'static str;
}

/// Copies the structure. Members that only the caller's version has must be zero, because they
/// would be ignored. NULL returns `None`.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its `size` member says.
pub(crate) unsafe fn copy<T: Options>(options: *const T) -> Result<Option<T>> {
    let refuse = |problem: &str| Err(emnify_error::invalid_input("options", problem));
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: every version starts with its size.
    let size = unsafe { options.cast::<usize>().read() };
    let ours = size_of::<T>();
    // The first version is the smallest.
    if !(ours..=LARGEST).contains(&size) {
        return refuse(&format!("has an invalid size; initialise it with {}", T::INIT));
    }
    let bytes = options.cast::<u8>();
    // SAFETY: there are `size` bytes.
    if (ours..size).any(|at| unsafe { bytes.add(at).read() } != 0) {
        return refuse("sets a member that this version of the library does not know");
    }
    // SAFETY: there are at least as many bytes as our version has.
    Ok(Some(unsafe { options.read() }))
}

/// Returns the expiry, which options give as a text, in seconds of Unix time, or in seconds from
/// now; NULL and 0 mean none.
///
/// # Safety
///
/// `expiry_date` is NULL or ends with a NUL.
pub(crate) unsafe fn expiry(
    expiry_date: *const c_char,
    expires_at: i64,
    expires_in_s: u64,
) -> Result<Option<ExpiryDate>> {
    // SAFETY: guaranteed by the caller.
    match (unsafe { optional_text("expiry_date", expiry_date) }?, expires_at, expires_in_s) {
        (None, 0, 0) => Ok(None),
        (Some(text), 0, 0) => Ok(Some(text.into())),
        (None, 0, seconds) => Ok(Some(Duration::from_secs(seconds).into())),
        (None, seconds, 0) => match instant(seconds) {
            Some(instant) => Ok(Some(instant.into())),
            None => {
                let problem = "is outside the range of this machine's clock";
                Err(emnify_error::invalid_input("expires_at", problem))
            }
        },
        (_, expires_at, _) => {
            let name = if expires_at == 0 { "expires_in" } else { "expires_at" };
            let problem = "set only one of expiry_date, expires_at and expires_in_s";
            Err(emnify_error::invalid_input(name, problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Known {
        size: usize,
        number: usize,
    }

    // SAFETY: it meets the requirements.
    unsafe impl Options for Known {
        const INIT: &'static str = "KNOWN_INIT";
    }

    #[test]
    fn a_later_version_of_a_structure_may_only_set_known_members() {
        #[repr(C)]
        struct Later(Known, u64);
        let mut later = Later(Known { size: size_of::<Later>(), number: 7 }, 0);
        let copied = |later: &Later| {
            // SAFETY: the size is that of the structure, or refused.
            unsafe { copy(ptr::from_ref(later).cast::<Known>()) }
        };
        assert_eq!(copied(&later).ok().unwrap().unwrap().number, 7);
        later.1 = 1;
        assert!(copied(&later).is_err());
        for size in [0, 8, usize::MAX] {
            later.0.size = size;
            let refusal = copied(&later).err().unwrap();
            assert!(refusal.message().to_str().unwrap().ends_with("KNOWN_INIT"), "{size}");
        }
        // SAFETY: NULL is allowed.
        assert!(unsafe { copy(ptr::null::<Known>()) }.ok().unwrap().is_none());
    }

    #[test]
    fn an_expiry_is_set_only_once() {
        // SAFETY: the literal ends with a NUL.
        unsafe {
            let date = c"2027-05-29".as_ptr();
            assert!(expiry(date, 0, 0).ok().unwrap().is_some());
            assert!(expiry(ptr::null(), 1_811_548_800, 0).ok().unwrap().is_some());
            assert!(expiry(ptr::null(), 0, 3_600).ok().unwrap().is_some());
            assert!(expiry(ptr::null(), 0, 0).ok().unwrap().is_none());
            for (date, expires_at, expires_in_s, name) in [
                (date, 1_811_548_800, 0, "expires_at: "),
                (date, 0, 3_600, "expires_in: "),
                (ptr::null(), 1_811_548_800, 3_600, "expires_at: "),
            ] {
                let refusal = expiry(date, expires_at, expires_in_s).err().unwrap();
                assert!(refusal.message().to_str().unwrap().starts_with(name));
            }
        }
    }
}
