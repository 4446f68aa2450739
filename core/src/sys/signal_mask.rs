//! Threads of ours leave the host's signals alone.

use std::io;
use std::thread;

/// Starts a thread of ours, which ends by itself: nothing joins it. `stack` is in bytes.
///
/// # Errors
///
/// The system's error if no thread can be created.
pub(crate) fn start(
    name: &str,
    stack: usize,
    // Boxed, so that starting a thread is in the binary once.
    work: Box<dyn FnOnce() + Send>,
) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned()).stack_size(stack);
    while_blocked(|| thread.spawn(work)).map(drop)
}

/// Runs `start` with every signal blocked, so that a thread started by it inherits that and never
/// handles, or dies of, a signal that is meant for the host.
#[cfg(unix)]
pub fn while_blocked<T>(start: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow};

    struct Restore(SigSet);
    impl Drop for Restore {
        fn drop(&mut self) {
            // It fails only for an unknown `how`.
            let _ = self.0.thread_set_mask();
        }
    }

    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let _restore = before.ok().map(Restore);
    start()
}

/// Elsewhere there are no signals to block.
#[cfg(not(unix))]
pub fn while_blocked<T>(start: impl FnOnce() -> T) -> T {
    start()
}
