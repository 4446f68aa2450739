//! Strings and secrets that are lent to C.

use std::ffi::{CString, c_char};
use std::ptr;

use zeroize::Zeroizing;

/// Returns a text to lend to C. A NUL within it, where C would stop reading, becomes a space.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// Returns the pointer to a text; NULL if there is none.
pub(crate) fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// A text that may hold a secret, to lend to C. It ends with a NUL and is wiped when dropped.
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

    /// Returns the length without the NUL.
    pub(crate) fn len(&self) -> usize {
        self.0.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_that_c_would_stop_at_becomes_a_space() {
        assert_eq!(c_text("a\0b").as_c_str(), c"a b");
    }
}
