//! A file descriptor that an event loop watches, and that is readable while it is set.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::unistd::{read, write};

/// A descriptor that is readable from `set` to `clear`. It has no effect on other processes, and is
/// closed on `exec`.
#[derive(Debug)]
pub(crate) struct Descriptor {
    readable: OwnedFd,
    /// The other end of a pipe. An eventfd has none.
    writable: Option<OwnedFd>,
    /// Nothing watches it any more.
    is_retired: Mutex<bool>,
}

impl Descriptor {
    /// Creates one that is not set: an eventfd, which takes one descriptor instead of two.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> io::Result<Self> {
        use nix::sys::eventfd::{EfdFlags, EventFd};

        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let readable = above_standard(EventFd::from_flags(flags)?.into())?;
        Ok(Descriptor { readable, writable: None, is_retired: Mutex::new(false) })
    }

    /// Creates one that is not set: a pipe.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn new() -> io::Result<Self> {
        use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};

        let (readable, writable) = nix::unistd::pipe()?;
        let (readable, writable) = (above_standard(readable)?, above_standard(writable)?);
        for end in [&readable, &writable] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Descriptor { readable, writable: Some(writable), is_retired: Mutex::new(false) })
    }

    /// Makes it readable, unless it is retired.
    pub(crate) fn set(&self) {
        let is_retired = self.is_retired.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_retired {
            return;
        }
        // Fails only if it is readable already.
        let _ = write(self.writable.as_ref().unwrap_or(&self.readable), &1_u64.to_ne_bytes());
    }

    /// Makes it unreadable until it is set again.
    pub(crate) fn clear(&self) {
        let mut bytes = [0; 64];
        while read(self.readable.as_fd(), &mut bytes).is_ok_and(|length| length == bytes.len()) {}
    }

    /// Makes it unreadable for ever. It cannot be closed while another thread may set it.
    pub(crate) fn retire(&self) {
        let mut is_retired = self.is_retired.lock().unwrap_or_else(PoisonError::into_inner);
        *is_retired = true;
        self.clear();
    }

    #[cfg(test)]
    pub(crate) fn is_readable(&self) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

        let watched = PollFd::new(self.readable.as_fd(), PollFlags::POLLIN);
        poll(&mut [watched], PollTimeout::ZERO).unwrap() == 1
    }

    pub(crate) fn number(&self) -> RawFd {
        self.readable.as_raw_fd()
    }
}

/// Moves it away from 0, 1 and 2, which may be closed and which programs take for standard streams.
fn above_standard(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    if descriptor.as_raw_fd() > 2 { Ok(descriptor) } else { descriptor.try_clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_readable_from_set_to_clear() {
        let descriptor = Descriptor::new().unwrap();
        assert!(!descriptor.is_readable() && descriptor.number() > 2);
        for _ in 0..100 {
            descriptor.set();
        }
        assert!(descriptor.is_readable());
        descriptor.clear();
        descriptor.clear();
        assert!(!descriptor.is_readable());
    }

    #[test]
    fn nothing_makes_it_readable_after_it_was_retired() {
        let descriptor = Descriptor::new().unwrap();
        descriptor.set();
        descriptor.retire();
        descriptor.set();
        assert!(!descriptor.is_readable());
    }
}
