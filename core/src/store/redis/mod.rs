//! Redis as the place of a session, for a fleet on several machines. The lock is a lease that a
//! thread renews, so that a holder which dies is replaced within a second. While the server is
//! skipped after a fault, everything here succeeds and does nothing: memory serves.

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

/// The shortest time that an operation gets, however little its caller has left: what answers in it
/// is worth more than a fault that is none of the server's.
const LEAST: Duration = Duration::from_millis(50);

/// How long a lock outlives its holder, and how often a living holder renews it.
const LEASE_MILLIS: u64 = 800;
const RENEW: Duration = Duration::from_millis(200);

/// How long the end of a lock waits until the server has freed it. The lease ends anyway.
const FREE: Duration = Duration::from_millis(100);

/// Enough to wait and to start a thread.
const LEASE_STACK: usize = 128 * 1024;

/// What nobody reads any more goes away by itself: twice the longest of any wait or token seen.
const KEEP_SECONDS: u64 = 30 * 86_400;

/// Renews or frees the lease only if it is still ours.
const RENEW_IF_OURS: &str =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) end";
const FREE_IF_OURS: &str =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end";

/// One database of one server.
#[derive(Clone)]
pub(crate) struct Redis {
    server: Arc<Server>,
    /// How the caller waits, if that is known.
    wait: Option<Wait>,
}

impl Redis {
    pub(crate) fn new(url: &str) -> Result<Self> {
        let refuse = || Error::invalid_input("store", "is no URL such as redis://host:6379/0");
        // The URL may hold a password, which the library's own message could quote.
        let client = Client::open(url).map_err(|_| refuse())?;
        let info = client.get_connection_info();
        if !matches!(info.addr(), ConnectionAddr::Tcp(..)) {
            return Err(refuse());
        }
        Ok(Redis { server: Arc::new(Server::new(info.clone())), wait: None })
    }

    /// How long the caller waits for one operation. The server gets at most half of the time that is
    /// left: the rest is for emnify.
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
                Err(io::Error::new(io::ErrorKind::InvalidData, "the key holds something else"))
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
        // One byte more than there may be, to tell an entry that is too long.
        let mut get = cmd("GETRANGE");
        match self.query(get.arg(key(name)).arg(0).arg(LONGEST_ENTRY))? {
            None => Ok(None),
            Some(Value::BulkString(bytes)) if bytes.len() > LONGEST_ENTRY => {
                let problem = format!("the entry has more than {LONGEST_ENTRY} bytes");
                Err(io::Error::new(io::ErrorKind::InvalidData, problem))
            }
            // A key that does not exist has no bytes.
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

    /// A server may lose what it acknowledged, and forgets what nobody reads.
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
            // The server is skipped: the session continues as if no other process shared it.
            None => Ok(Some(Box::new(()))),
            Some(Value::Okay) => Ok(Some(Box::new(Lease::new(&self.server, key, owner)?))),
            Some(Value::Nil) => Ok(None),
            Some(other) => Err(self.server.unexpected(other)),
        }
    }
}

/// A lock that is renewed as long as this lives.
struct Lease {
    server: Arc<Server>,
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

impl Lease {
    fn new(server: &Arc<Server>, key: String, owner: String) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let (server, asked) = (Arc::clone(server), Arc::clone(server));
        let renew = move || {
            let _end: Sender<()> = end;
            while stopped.recv_timeout(RENEW) == Err(RecvTimeoutError::Timeout) {
                let mut renew = cmd("EVAL");
                renew.arg(RENEW_IF_OURS).arg(1).arg(&key).arg(&owner).arg(LEASE_MILLIS);
                // A lock that cannot be renewed ends; at worst two processes sign in.
                if asked.ask_quietly(renew, &Wait::new(LIMIT), LIMIT).is_err() {
                    return;
                }
            }
            let mut free = cmd("EVAL");
            free.arg(FREE_IF_OURS).arg(1).arg(&key).arg(&owner);
            let _ = asked.ask_quietly(free, &Wait::new(LIMIT), LIMIT);
        };
        signal_mask::start("emnify-lease", LEASE_STACK, Box::new(renew))?;
        Ok(Lease { server, stop: Some(stop), ended })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Where the server answers, the lock is free when this returns; a thread that hangs is left.
        if !self.server.is_skipped() {
            let _ = self.ended.recv_timeout(FREE);
        }
    }
}

fn key(name: &str) -> String {
    format!("emnify-auth:{name}")
}
