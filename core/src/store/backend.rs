//! What a store needs from a directory or a server: entries by name, and a lock for each name.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::http::tls::Roots;
use crate::sys::clock::Clock;
use crate::sys::wait::Wait;
use crate::types::error::Result;

/// The most bytes of an entry, which usually has a few kilobytes. A longer one is neither written
/// nor read.
pub(crate) const LONGEST_ENTRY: usize = 256 * 1024;

/// The interval at which a process asks for a lock that another one of the same machine holds.
const POLL: Duration = Duration::from_millis(20);

/// Holds small encrypted entries by name, with a lock for each name.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Returns where it is, for messages, without a password.
    fn location(&self) -> String;

    /// Returns this backend for a client that trusts these certificates and has this clock; `None`
    /// if it connects to no server.
    fn for_client(
        &self,
        _roots: &Roots,
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Arc<dyn Backend>>> {
        Ok(None)
    }

    /// Returns this backend for operations that end with the wait; `None` if no operation waits.
    fn within(&self, _wait: &Wait) -> Option<Arc<dyn Backend>> {
        None
    }

    /// Returns the entry, if there is one.
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the entry as a whole.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes the entry, if there is one.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Whether saved entries survive a power failure and are kept for good.
    fn is_durable(&self) -> bool;

    /// Whether a reboot removes all entries, as far as that is known.
    fn is_volatile(&self) -> bool {
        false
    }

    /// Renames a damaged entry, so that it can be examined later.
    fn set_aside(&self, name: &str) -> io::Result<()>;

    /// Returns the lock, unless it is held. It becomes free when it is dropped, and soon after its
    /// holder died.
    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>>;

    /// Returns the time until the next attempt to get a lock that another process holds.
    fn poll_interval(&self) -> Duration {
        POLL
    }
}

/// The cause of an operation's failure if its caller cancelled: the backend did not fail.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// Whether the operation ended because its caller cancelled.
pub(crate) fn is_interrupted(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Interrupted>())
}

/// A lock, held until it is dropped.
pub type Lock = Box<dyn Any + Send>;
