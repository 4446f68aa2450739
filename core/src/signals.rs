//! Threads of ours leave the host's signals alone.

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
