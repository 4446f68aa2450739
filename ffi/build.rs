//! Sets two linker options for the shared library on Linux that Cargo does not set.
//!
//! - The soname: programs that are linked against the library ask for its ABI version, not for the
//!   file's name.
//! - `nodelete`: `dlclose` does not unload the library. One of our threads may still be running, or
//!   a thread of the host may still have to run our thread-local destructors. Without the code,
//!   either would crash the process.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libemnify.so.0");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
