//! What Cargo leaves out of a shared library on Linux.
//!
//! - Its name for the run-time linker: programs that are linked against it must ask for the version
//!   of the ABI, not for the file's name.
//! - That it stays once it is loaded: a thread of ours may still be at work, or the run-time
//!   library's clean-up of a thread of the host's still be due, when the host calls `dlclose`; with
//!   the code unmapped, either would crash the process.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libemnify.so.0");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
