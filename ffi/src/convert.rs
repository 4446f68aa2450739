//! Strings, secrets and instants on their way between C and Rust.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::slice;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::boundary::Outcome;
use crate::error::emnify_error;

/// The text of an argument that must be there. `name` is that of the argument.
///
/// # Safety
///
/// `text` is NULL or ends with a NUL, and nobody changes it for as long as `'a`.
pub(crate) unsafe fn text<'a>(name: &str, text: *const c_char) -> Outcome<&'a str> {
    // SAFETY: as demanded of the caller.
    unsafe { optional_text(name, text) }?.ok_or_else(|| emnify_error::null(name))
}

/// The text of an argument that may be NULL.
///
/// # Safety
///
/// As for [`text`].
pub(crate) unsafe fn optional_text<'a>(
    name: &str,
    text: *const c_char,
) -> Outcome<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, and so ends with a NUL.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| emnify_error::not_utf8(name))
}

/// The text of an argument that comes with its length.
///
/// # Safety
///
/// `text` is NULL or points to `length` bytes that nobody changes for as long as `'a`.
pub(crate) unsafe fn counted_text<'a>(
    name: &str,
    text: *const c_char,
    length: usize,
) -> Outcome<&'a str> {
    if text.is_null() {
        return Err(emnify_error::null(name));
    }
    // SAFETY: as demanded of the caller.
    let bytes = unsafe { counted::<u8>(name, text.cast(), length) }?;
    std::str::from_utf8(bytes).map_err(|_| emnify_error::not_utf8(name))
}

/// The values of an argument that comes with their number. NULL is allowed where that is 0.
///
/// # Safety
///
/// `values` is NULL or points to `count` values that nobody changes for as long as `'a`.
pub(crate) unsafe fn counted<'a, T>(
    name: &str,
    values: *const T,
    count: usize,
) -> Outcome<&'a [T]> {
    if values.is_null() && count == 0 {
        return Ok(&[]);
    }
    if values.is_null() {
        return Err(emnify_error::null(name));
    }
    if count.checked_mul(size_of::<T>()).is_none_or(|size| isize::try_from(size).is_err()) {
        return Err(emnify_error::invalid_input(name, "is longer than memory can be"));
    }
    // SAFETY: it is not NULL, points to so many values, and is no longer than a slice may be.
    Ok(unsafe { slice::from_raw_parts(values, count) })
}

/// A text to lend to C. A NUL within, which C could not see past, becomes a space.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// The pointer to a text that may be absent.
pub(crate) fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// What may hold a secret, to lend to C: it ends with a NUL and is wiped when dropped.
pub(crate) struct SecretText(Zeroizing<Vec<u8>>);

impl SecretText {
    pub(crate) fn new(secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        // Sized beforehand: a vector that grows leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        bytes.extend_from_slice(secret);
        bytes.push(0);
        SecretText(bytes)
    }

    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    /// Without the NUL.
    pub(crate) fn len(&self) -> usize {
        self.0.len() - 1
    }
}

/// A duration in milliseconds, as far as that has numbers; -1 where there is none.
pub(crate) fn milliseconds(duration: Option<Duration>) -> i64 {
    duration.map_or(-1, |duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// An instant in seconds of Unix time, as far as that has numbers.
pub(crate) fn unix_seconds(instant: SystemTime) -> i64 {
    match instant.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}

/// The instant that so many seconds of Unix time mean; `None` if this machine cannot express it.
pub(crate) fn instant(unix_seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(unix_seconds.unsigned_abs());
    if unix_seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_way_there_and_back() {
        for seconds in [0, 1, -1, 1_811_548_800, -86_400] {
            assert_eq!(unix_seconds(instant(seconds).unwrap()), seconds);
        }
    }

    #[test]
    fn no_duration_is_none_and_the_longest_still_is_one() {
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1_500))), 1);
        assert_eq!(milliseconds(Some(Duration::MAX)), i64::MAX);
    }

    #[test]
    fn text_that_c_would_cut_short_or_that_is_no_utf8_does_not_pass() {
        assert_eq!(c_text("a\0b").as_c_str(), c"a b");
        // SAFETY: both literals end with a NUL.
        unsafe {
            assert_eq!(*text("ip", c"a".as_ptr()).ok().unwrap(), *"a");
            let message = text("ip", c"\xff".as_ptr()).err().unwrap();
            assert!(message.message().to_str().unwrap().starts_with("ip: "));
        }
    }
}
