//! Structures of options that C fills in. Each contains its size, so that it can grow without
//! breaking programs that were built earlier.

use std::ffi::c_char;
use std::mem::{MaybeUninit, align_of, size_of};
use std::ptr;
use std::time::Duration;

use emnify_core::ExpiryDate;

use super::arguments::optional_text;
use super::failure::{Result, emnify_error};

/// The largest plausible size of a structure, in bytes. A larger one was not initialised.
const LARGEST: usize = 4096;

/// A structure of options for C.
///
/// # Safety
///
/// It has the layout of C, starts with a `usize` for its size, and contains only numbers and
/// pointers, whose default is zero. It does not end with padding: a member that is added later must
/// not be where an earlier program has undefined bytes.
pub(crate) unsafe trait Options: Copy {
    /// The macro that initialises it, for messages.
    const INIT: &'static str;
}

/// Copies the structure, which may be of another version. Members that only this version has get
/// their defaults. Members that only the caller's version has must be zero, because they would be
/// ignored. NULL returns `None`.
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
    // Every version has at least one member besides its size. Where pointers have 32 bits, an earlier
    // one may be aligned less than this one: a 64-bit number may have been added.
    if !(size_of::<usize>() + 1..=LARGEST).contains(&size) || size % align_of::<usize>() != 0 {
        return refuse(&format!("has an invalid size; initialise it with {}", T::INIT));
    }
    let bytes = options.cast::<u8>();
    // SAFETY: there are `size` bytes.
    if (ours..size).any(|at| unsafe { bytes.add(at).read() } != 0) {
        return refuse("sets a member that this version of the library does not know");
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: there are that many bytes in both, and numbers and pointers may be zero.
    Ok(Some(unsafe {
        ptr::copy_nonoverlapping(bytes, copy.as_mut_ptr().cast(), size.min(ours));
        copy.assume_init()
    }))
}

/// Returns the expiry, which options give as a text or in seconds from now; NULL and 0 mean none.
///
/// # Safety
///
/// `expiry_date` is NULL or ends with a NUL.
pub(crate) unsafe fn expiry(
    expiry_date: *const c_char,
    expires_in_s: u64,
) -> Result<Option<ExpiryDate>> {
    // SAFETY: guaranteed by the caller.
    match (unsafe { optional_text("expiry_date", expiry_date) }?, expires_in_s) {
        (None, 0) => Ok(None),
        (Some(text), 0) => Ok(Some(text.into())),
        (None, seconds) => Ok(Some(Duration::from_secs(seconds).into())),
        (Some(_), _) => {
            let problem = "cannot be combined with expiry_date; pass one of the two";
            Err(emnify_error::invalid_input("expires_in", problem))
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn an_earlier_version_of_a_structure_gets_the_defaults_of_the_members_it_lacks() {
        #[repr(C)]
        #[derive(Clone, Copy)]
        struct Grown(Known, *const c_char, u64);
        // SAFETY: it meets the requirements.
        unsafe impl Options for Grown {
            const INIT: &'static str = "GROWN_INIT";
        }
        // On the heap, where a checker sees a read beyond its end.
        let earlier = Box::new(Known { size: size_of::<Known>(), number: 7 });
        // SAFETY: the size is that of the structure.
        let copied = unsafe { copy(ptr::from_ref(&*earlier).cast::<Grown>()) }.ok().unwrap();
        let Grown(known, text, number) = copied.unwrap();
        assert_eq!((known.number, text.is_null(), number), (7, true, 0));
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
        for size in [0, size_of::<usize>(), 13, usize::MAX] {
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
            assert!(expiry(date, 0).ok().unwrap().is_some());
            assert!(expiry(ptr::null(), 3_600).ok().unwrap().is_some());
            assert!(expiry(ptr::null(), 0).ok().unwrap().is_none());
            let refusal = expiry(date, 3_600).err().unwrap();
            assert!(refusal.message().to_str().unwrap().starts_with("expires_in: "));
        }
    }
}
