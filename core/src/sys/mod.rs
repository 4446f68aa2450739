//! The operating system: clocks, waits, randomness, processes, signals and files.

pub(crate) mod atomic_file;
pub(crate) mod clock;
pub(crate) mod crypto;
#[cfg(unix)]
pub(crate) mod descriptor;
#[cfg(test)]
pub(crate) mod explore;
pub(crate) mod interrupt;
#[allow(unsafe_code, reason = "memory that the kernel clears in a forked child")]
pub(crate) mod per_process;
pub(crate) mod random;
pub(crate) mod signal_mask;
#[cfg(unix)]
mod standard_descriptors;
pub(crate) mod timestamp;
pub(crate) mod trace;
pub(crate) mod wait;
