//! Another library in Rust, to be linked into the same program.

use std::panic::catch_unwind;

/// Returns whether a panic was caught, after allocating.
#[unsafe(no_mangle)]
pub extern "C" fn another_catches_a_panic() -> bool {
    std::panic::set_hook(Box::new(|_| {}));
    let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    catch_unwind(|| texts[texts.len()].len()).is_err()
}
