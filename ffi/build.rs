//! Gives the shared library its name for the run-time linker, which Cargo leaves out: programs that
//! are linked against it must ask for the version of the ABI, not for the file's name.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libemnify.so.0");
    }
}
