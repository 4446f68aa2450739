//! Keeps sessions in Redis or Valkey, for a fleet on several machines. While the server is skipped
//! after a fault, all operations succeed without doing anything, and the session stays in memory.

mod address;
mod connection;
mod lease;
mod protocol;
mod server;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::http::tls::Roots;
use crate::store::backend::{Backend, LONGEST_ENTRY, Lock};
use crate::store::redis::address::Address;
use crate::store::redis::lease::{Lease, if_ours};
use crate::store::redis::protocol::{Command, Reply};
use crate::store::redis::server::{LIMIT, Server};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::wait::Wait;
use crate::types::error::Result;

/// The interval at which a process asks for a lock that another one holds: at least this, and at
/// random up to as much again and a half, so that a fleet does not ask at the same time.
const POLL: Duration = Duration::from_millis(100);
const POLL_JITTER: f64 = 1.5;

/// The lifetime of an entry since its last write, in seconds: far longer than any wait or token
/// lasts.
const KEEP_SECONDS: &str = "2592000";

/// One database of one server.
#[derive(Clone)]
pub(crate) struct Redis {
    server: Arc<Server>,
    /// The caller's wait, if there is one.
    wait: Option<Wait>,
}

impl Redis {
    /// Creates it from a URL, which comes from the setting `name`.
    pub(crate) fn new(name: &str, url: &str) -> Result<Self> {
        Ok(Redis::at(Address::parse(name, url)?, Roots::System, Arc::new(SystemClock)))
    }

    fn at(address: Address, roots: Roots, clock: Arc<dyn Clock>) -> Self {
        Redis { server: Arc::new(Server::new(address, roots, clock)), wait: None }
    }

    fn wait(&self) -> Wait {
        self.wait.clone().unwrap_or_else(|| Wait::new(2 * LIMIT))
    }

    /// Returns the reply, or `None` while the server is skipped.
    fn query(&self, words: &[&[u8]]) -> io::Result<Option<Reply>> {
        self.server.ask(Command::new(words), &self.wait())
    }

    /// Runs a command only while this process holds the lock of the entry.
    fn query_if_ours(&self, name: &str, words: &[&[u8]]) -> io::Result<()> {
        let lock = lock_key(name);
        // Without an owner, the server was skipped when the lock was asked for.
        let Some(owner) = self.server.owner(&lock) else { return Ok(()) };
        match self.server.ask(if_ours(&lock, &owner, words), &self.wait())? {
            None | Some(Reply::Text(_)) => Ok(()),
            Some(Reply::Nothing) => Err(io::Error::other(
                "the lock expired before the entry was written, so another process may have \
                 written a newer one",
            )),
            Some(_) => Err(self.server.unexpected()),
        }
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redis({})", self.location())
    }
}

impl Backend for Redis {
    fn location(&self) -> String {
        self.server.address().to_string()
    }

    fn for_client(
        &self,
        roots: &Roots,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Arc<dyn Backend>>> {
        let address = self.server.address().clone().with_environment()?;
        Ok(Some(Arc::new(Redis::at(address, roots.clone(), Arc::clone(clock)))))
    }

    fn within(&self, wait: &Wait) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Redis { wait: Some(wait.clone()), ..self.clone() }))
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        // One byte more than is allowed, to recognise an entry that is too long.
        let last = LONGEST_ENTRY.to_string();
        match self.query(&[b"GETRANGE", key(name).as_bytes(), b"0", last.as_bytes()])? {
            None => Ok(None),
            Some(Reply::Bytes(bytes)) if bytes.len() > LONGEST_ENTRY => {
                let problem = format!("the entry has more than {LONGEST_ENTRY} bytes");
                Err(io::Error::new(io::ErrorKind::InvalidData, problem))
            }
            // For a missing key, the server returns no bytes.
            Some(Reply::Bytes(bytes)) => Ok(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Some(_) => Err(self.server.unexpected()),
        }
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let key = key(name);
        self.query_if_ours(name, &[b"SET", key.as_bytes(), bytes, b"EX", KEEP_SECONDS.as_bytes()])
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.query(&[b"DEL", key(name).as_bytes()]).map(drop)
    }

    /// A server may lose what it acknowledged, and entries expire.
    fn is_durable(&self) -> bool {
        false
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        let (key, aside) = (key(name), format!("{}:damaged", key(name)));
        self.query_if_ours(name, &[b"RENAME", key.as_bytes(), aside.as_bytes()])
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        Lease::acquire(&self.server, &lock_key(name), &self.wait())
    }

    fn poll_interval(&self) -> Duration {
        POLL.mul_f64(1.0 + POLL_JITTER * self.server.jitter())
    }
}

fn key(name: &str) -> String {
    format!("emnify-auth:{name}")
}

fn lock_key(name: &str) -> String {
    format!("{}:lock", key(name))
}
