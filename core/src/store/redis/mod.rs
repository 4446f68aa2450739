//! Keeps sessions in Redis, for a fleet on several machines. The lock is a lease that a thread
//! renews, so that a holder which dies is replaced within a second. While the server is skipped
//! after a fault, all operations succeed without doing anything, and the session stays in memory.

mod connection;
mod server;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use ::redis::{Client, Cmd, ConnectionAddr, Value, cmd};

use crate::store::backend::{Backend, LONGEST_ENTRY, Lock};
use crate::store::redis::server::{LIMIT, Server};
use crate::sys::random;
use crate::sys::signal_mask;
use crate::sys::wait::Wait;
use crate::types::error::{Error, Result};

/// The least time for an operation, however little its caller has left: a caller in a hurry must
/// not make a working server look faulty.
const LEAST: Duration = Duration::from_millis(50);

/// How long a lock lasts after its holder died, in milliseconds, and the interval at which a living
/// holder renews it.
const LEASE_MILLIS: u64 = 800;
const RENEW: Duration = Duration::from_millis(200);

/// How long dropping a lock waits until the server has freed it. The lease ends in any case.
const FREE: Duration = Duration::from_millis(100);

/// The stack of the thread that renews a lease, in bytes: enough to wait and to start threads.
const LEASE_STACK: usize = 128 * 1024;

/// The lifetime of an entry since its last write, in seconds: far longer than any wait or token
/// lasts.
const KEEP_SECONDS: u64 = 30 * 86_400;

/// Scripts that renew or free the lease if it is still held by the same owner.
const RENEW_IF_OURS: &str =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) end";
const FREE_IF_OURS: &str =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end";

/// One database of one server.
#[derive(Clone)]
pub(crate) struct Redis {
    server: Arc<Server>,
    /// The caller's wait, if there is one.
    wait: Option<Wait>,
}

impl Redis {
    pub(crate) fn new(url: &str) -> Result<Self> {
        let refuse = || Error::invalid_input("store", "is not a URL such as redis://host:6379/0");
        // The crate's own message could quote the URL, which may contain a password.
        let client = Client::open(url).map_err(|_| refuse())?;
        let info = client.get_connection_info();
        if !matches!(info.addr(), ConnectionAddr::Tcp(..)) {
            return Err(refuse());
        }
        Ok(Redis { server: Arc::new(Server::new(info.clone())), wait: None })
    }

    /// Returns how long one operation may take: at most half of the caller's time, since the rest
    /// is for emnify.
    fn patience(&self) -> Duration {
        let left = self.wait.as_ref().map(Wait::left);
        left.map_or(LIMIT, |left| left / 2).clamp(LEAST, LIMIT)
    }

    fn wait(&self) -> Wait {
        self.wait.clone().unwrap_or_else(|| Wait::new(LIMIT))
    }

    /// Returns the reply, or `None` while the server is skipped.
    fn query(&self, command: &mut Cmd) -> io::Result<Option<Value>> {
        match self.server.ask(command.take(), &self.wait(), self.patience())? {
            Some(Value::ServerError(error)) if error.code() == "WRONGTYPE" => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the value is not a string"))
            }
            Some(error @ Value::ServerError(_)) => Err(self.server.unexpected(error)),
            reply => Ok(reply),
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
        self.server.info().addr().to_string()
    }

    fn within(&self, wait: &Wait) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Redis { wait: Some(wait.clone()), ..self.clone() }))
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        // One byte more than is allowed, to recognise an entry that is too long.
        let mut get = cmd("GETRANGE");
        match self.query(get.arg(key(name)).arg(0).arg(LONGEST_ENTRY))? {
            None => Ok(None),
            Some(Value::BulkString(bytes)) if bytes.len() > LONGEST_ENTRY => {
                let problem = format!("the entry has more than {LONGEST_ENTRY} bytes");
                Err(io::Error::new(io::ErrorKind::InvalidData, problem))
            }
            // For a missing key, the server returns no bytes.
            Some(Value::BulkString(bytes)) => Ok(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Some(other) => Err(self.server.unexpected(other)),
        }
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut set = cmd("SET");
        match self.query(set.arg(key(name)).arg(bytes).arg("EX").arg(KEEP_SECONDS))? {
            None | Some(Value::Okay) => Ok(()),
            Some(other) => Err(self.server.unexpected(other)),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.query(cmd("DEL").arg(key(name))).map(drop)
    }

    /// A server may lose what it acknowledged, and entries expire.
    fn is_durable(&self) -> bool {
        false
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        let mut rename = cmd("RENAME");
        self.query(rename.arg(key(name)).arg(format!("{}:damaged", key(name)))).map(drop)
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        let key = format!("{}:lock", key(name));
        let owner = random::name()?;
        let mut set = cmd("SET");
        match self.query(set.arg(&key).arg(&owner).arg("NX").arg("PX").arg(LEASE_MILLIS))? {
            // While the server is skipped, the session continues as if no other process shared it.
            None => Ok(Some(Box::new(()))),
            Some(Value::Okay) => Ok(Some(Box::new(Lease::new(&self.server, key, owner)?))),
            Some(Value::Nil) => Ok(None),
            Some(other) => Err(self.server.unexpected(other)),
        }
    }
}

/// A lock that is renewed until this is dropped.
struct Lease {
    server: Arc<Server>,
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

impl Lease {
    fn new(server: &Arc<Server>, key: String, owner: String) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let (server, lease_server) = (Arc::clone(server), Arc::clone(server));
        let renew = move || {
            let _end: Sender<()> = end;
            while stopped.recv_timeout(RENEW) == Err(RecvTimeoutError::Timeout) {
                let mut renew = cmd("EVAL");
                renew.arg(RENEW_IF_OURS).arg(1).arg(&key).arg(&owner).arg(LEASE_MILLIS);
                // A lock that cannot be renewed expires; at worst two processes sign in.
                if lease_server.ask_quietly(renew, &Wait::new(LIMIT), LIMIT).is_err() {
                    return;
                }
            }
            let mut free = cmd("EVAL");
            free.arg(FREE_IF_OURS).arg(1).arg(&key).arg(&owner);
            let _ = lease_server.ask_quietly(free, &Wait::new(LIMIT), LIMIT);
        };
        signal_mask::start("emnify-lease", LEASE_STACK, Box::new(renew))?;
        Ok(Lease { server, stop: Some(stop), ended })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        // If the server replies, the lock is free when this returns. Do not wait for a thread that
        // hangs.
        if !self.server.is_skipped() {
            let _ = self.ended.recv_timeout(FREE);
        }
    }
}

fn key(name: &str) -> String {
    format!("emnify-auth:{name}")
}
