//! Keeps this library's threads from handling the host program's signals.

use std::io;
use std::thread;

/// Starts a thread that blocks all signals and is never joined. `stack` is its size in bytes.
///
/// # Errors
///
/// The system's error if no thread can be created.
pub(crate) fn start(
    name: &str,
    stack: usize,
    // Boxed, so that the code that starts a thread is in the binary once.
    work: Box<dyn FnOnce() + Send>,
) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned()).stack_size(stack);
    while_blocked(|| thread.spawn(work)).map(drop)
}

/// Runs `start` with every signal blocked. A thread that it starts inherits the mask, so it never
/// handles, or dies from, a signal that is meant for the host program.
#[cfg(unix)]
pub fn while_blocked<T>(start: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow};

    struct Restore(SigSet);
    impl Drop for Restore {
        fn drop(&mut self) {
            // Fails only for an unknown `how`.
            let _ = self.0.thread_set_mask();
        }
    }

    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let _restore = before.ok().map(Restore);
    start()
}

/// Runs `start`. This system has no signals to block.
#[cfg(not(unix))]
pub fn while_blocked<T>(start: impl FnOnce() -> T) -> T {
    start()
}
