//! Keeps this library's threads from handling the host program's signals, and the host program from
//! dying of a signal that this library causes.

use std::fs::File;
use std::io::{self, Write};
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
    let _blocked = unix::block(&nix::sys::signal::SigSet::all());
    start()
}

/// Runs `start`. This system has no signals to block.
#[cfg(not(unix))]
pub fn while_blocked<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// Writes to a file. If it would exceed the process's limit on the size of files, this fails; the
/// signal that the system sends in that case (SIGXFSZ) does not kill the process.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    use nix::sys::signal::{SigSet, Signal, raise};

    let signal = SigSet::from(Signal::SIGXFSZ);
    let blocked = unix::block(&signal);
    let written = file.write_all(bytes);
    let is_too_large = |e: &io::Error| e.kind() == io::ErrorKind::FileTooLarge;
    // The system sends the signal to the thread, not to the process. Sent twice it is pending once,
    // so that there certainly is one to take.
    if blocked.is_some()
        && written.as_ref().is_err_and(is_too_large)
        && raise(Signal::SIGXFSZ).is_ok()
    {
        let _ = signal.wait();
    }
    written
}

/// Writes to a file. Other systems may discard a blocked signal, so it cannot be waited for.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

#[cfg(unix)]
mod unix {
    use nix::sys::signal::{SigSet, SigmaskHow};

    /// Restores the thread's signal mask when it is dropped.
    pub(super) struct Blocked(SigSet);

    impl Drop for Blocked {
        fn drop(&mut self) {
            // Fails only for an unknown `how`.
            let _ = self.0.thread_set_mask();
        }
    }

    /// Blocks these signals in addition to those that are blocked already.
    pub(super) fn block(signals: &SigSet) -> Option<Blocked> {
        signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok().map(Blocked)
    }
}
