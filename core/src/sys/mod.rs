//! The operating system: clocks, waits, randomness, processes, signals and files.

pub(crate) mod atomic_file;
pub(crate) mod clock;
#[allow(unsafe_code, reason = "a page that the kernel wipes in a forked child")]
pub(crate) mod per_process;
pub(crate) mod random;
pub(crate) mod signal_mask;
pub(crate) mod timestamp;
pub(crate) mod wait;
