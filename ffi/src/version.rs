//! The version: of the header at compile time, and of the library at run time. A shared library may
//! be newer than the header that a program was built with.

use std::ffi::{CStr, c_char};

/// Major version of this header. It changes when programs may have to change.
pub const EMNIFY_VERSION_MAJOR: u32 = 0;
/// Minor version of this header. It changes when something is added.
pub const EMNIFY_VERSION_MINOR: u32 = 1;
/// Patch version of this header. It changes when something is fixed.
pub const EMNIFY_VERSION_PATCH: u32 = 0;

/// EMNIFY_VERSION_NUMBER of the header (`tests/header.rs`), which needs another name here.
const NUMBER: u32 =
    EMNIFY_VERSION_MAJOR * 1_000_000 + EMNIFY_VERSION_MINOR * 1_000 + EMNIFY_VERSION_PATCH;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// Returns the version of the loaded library, such as "0.1.0". Never NULL; the string is constant.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Returns the version of the loaded library as a number that grows with each version, such as
/// 1002003 for 1.2.3. EMNIFY_VERSION_NUMBER is the version of the header.
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
    fn the_parts_of_the_version_number_do_not_overlap() {
        const { assert!(EMNIFY_VERSION_MINOR < 1_000 && EMNIFY_VERSION_PATCH < 1_000) };
        assert_eq!(emnify_version_number(), 1_000);
    }
}
