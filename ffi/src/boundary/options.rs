//! Structures of options that C fills in. Each carries its size, so that it can grow without
//! breaking programs that were built earlier.

use std::ffi::c_char;
use std::mem::size_of;

use emnify_core::ExpiryDate;

use super::arguments::optional_text;
use super::failure::{Result, emnify_error};
use super::time::instant;

/// In bytes, more than any of these structures will ever have. A greater size was left uninitialised.
const LARGEST: usize = 4096;

/// A structure of options.
///
/// # Safety
///
/// It is laid out as in C, begins with a `usize` for its size, and holds nothing but numbers and
/// pointers. No padding ends it: a member that is added later must not lie where an earlier program
/// has what may hold anything.
pub(crate) unsafe trait Options: Copy {
    /// The macro that initialises it, for a message.
    const INIT: &'static str;
}

/// Copies the members that both the caller's version of the structure and ours have. Members that
/// only the caller's version has must be zero, because they could not be honoured. NULL gives `None`.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its size tells.
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
        return refuse(&format!("has a wrong size: start from {}", T::INIT));
    }
    let bytes = options.cast::<u8>();
    // SAFETY: there are `size` bytes.
    if (ours..size).any(|at| unsafe { bytes.add(at).read() } != 0) {
        return refuse("has a member set that this version of the library does not know");
    }
    // SAFETY: there are at least as many bytes as our version has.
    Ok(Some(unsafe { options.read() }))
}

/// Returns the expiry that options give as a text or in seconds of Unix time, where NULL and 0 mean
/// none.
///
/// # Safety
///
/// `expiry_date` is NULL or ends with a NUL.
pub(crate) unsafe fn expiry(
    expiry_date: *const c_char,
    expires_at: i64,
) -> Result<Option<ExpiryDate>> {
    let refuse = |problem| Err(emnify_error::invalid_input("expires_at", problem));
    // SAFETY: as demanded of the caller.
    match (unsafe { optional_text("expiry_date", expiry_date) }?, expires_at) {
        (None, 0) => Ok(None),
        (Some(text), 0) => Ok(Some(text.into())),
        (Some(_), _) => refuse("goes with no expiry_date: set one of them"),
        (None, seconds) => match instant(seconds) {
            Some(instant) => Ok(Some(instant.into())),
            None => refuse("is more than this machine can count"),
        },
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

    // SAFETY: it is what is demanded.
    unsafe impl Options for Known {
        const INIT: &'static str = "KNOWN_INIT";
    }

    #[test]
    fn a_later_version_of_a_structure_is_read_as_far_as_it_is_known() {
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
    fn an_expiry_is_given_once() {
        // SAFETY: the literal ends with a NUL.
        unsafe {
            assert!(expiry(c"2027-05-29".as_ptr(), 0).ok().unwrap().is_some());
            assert!(expiry(ptr::null(), 1_811_548_800).ok().unwrap().is_some());
            assert!(expiry(ptr::null(), 0).ok().unwrap().is_none());
            let refusal = expiry(c"2027-05-29".as_ptr(), 1_811_548_800).err().unwrap();
            assert!(refusal.message().to_str().unwrap().starts_with("expires_at: "));
        }
    }
}
