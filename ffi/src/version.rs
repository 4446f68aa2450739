//! Which version this is: at compile time from the header, at run time from the library, since a
//! shared library may be newer than the header that a program was built with.

use std::ffi::{CStr, c_char};

/// The first number of the version of this header. It changes with what may break a program.
pub const EMNIFY_VERSION_MAJOR: u32 = 0;
/// The second number. It changes with what is new.
pub const EMNIFY_VERSION_MINOR: u32 = 1;
/// The third number. It changes with what was repaired.
pub const EMNIFY_VERSION_PATCH: u32 = 0;

/// As EMNIFY_VERSION_NUMBER in the header (`tests/header.rs`), whose name it must not have.
const NUMBER: u32 =
    EMNIFY_VERSION_MAJOR * 1_000_000 + EMNIFY_VERSION_MINOR * 1_000 + EMNIFY_VERSION_PATCH;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version of the library that runs, such as "0.1.0".
///
/// Never NULL. The string is constant and never freed. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the library that runs as a number that grows with each version, such as 1002003
/// for 1.2.3; EMNIFY_VERSION_NUMBER is that of the header. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_version_number() -> u32 {
    NUMBER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_and_the_package_agree() {
        let (major, minor, patch) =
            (EMNIFY_VERSION_MAJOR, EMNIFY_VERSION_MINOR, EMNIFY_VERSION_PATCH);
        assert_eq!(VERSION.to_str().unwrap(), format!("{major}.{minor}.{patch}"));
    }

    #[test]
    fn no_number_of_a_version_reaches_into_the_next_one() {
        const { assert!(EMNIFY_VERSION_MINOR < 1_000 && EMNIFY_VERSION_PATCH < 1_000) };
        assert_eq!(emnify_version_number(), 1_000);
    }
}
