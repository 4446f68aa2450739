//! Strings and secrets that C borrows.

use std::ffi::{CString, c_char};
use std::ptr;

use zeroize::Zeroizing;

/// Returns a text for C. A NUL within it, where C would stop reading, becomes a space.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// Returns the pointer to a text; NULL if there is none.
pub(crate) fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// A text for C that may contain a secret. It ends with a NUL and is wiped when dropped.
pub(crate) struct SecretText(Zeroizing<Vec<u8>>);

impl SecretText {
    pub(crate) fn new(secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        // With the final capacity: a vector that grows leaves a copy of the secret behind.
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
    fn a_nul_within_a_text_becomes_a_space() {
        assert_eq!(c_text("a\0b").as_c_str(), c"a b");
    }
}
