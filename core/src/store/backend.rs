//! What a store is built on: small encrypted texts by name, and a lock for each name.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::sys::wait::Wait;

/// The most bytes of an entry. Ours have a few kilobytes; a longer one is neither written nor read.
pub(crate) const LONGEST_ENTRY: usize = 256 * 1024;

/// A place that holds small encrypted texts by name, with a lock for each name.
pub(crate) trait Backend: fmt::Debug + Send + Sync {
    /// Where it is, for a message; without a password.
    fn location(&self) -> String;

    /// The same place for a caller that waits as told; `None` where no operation waits.
    fn within(&self, _wait: &Wait) -> Option<Arc<dyn Backend>> {
        None
    }

    /// What is held under the name, if anything.
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Replaces it as a whole.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes what is held under the name, if anything.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Whether what was saved is there after a power failure, and stays.
    fn is_durable(&self) -> bool;

    /// Takes what cannot be used out of the way, for somebody to look at.
    fn set_aside(&self, name: &str) -> io::Result<()>;

    /// The lock, if nobody holds it. It is freed when dropped, and soon after its holder died.
    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>>;
}

/// Why an operation failed whose caller has left: says nothing about the place.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// Whether the caller has left.
pub(crate) fn is_interrupted(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Interrupted>())
}

/// Held while a process signs in.
pub(crate) type Lock = Box<dyn Any + Send>;
