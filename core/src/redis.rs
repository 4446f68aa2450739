//! Redis as the place of a session, for a fleet on several machines. A connection lives for one
//! operation: they are rare, and what does not live cannot be inherited by a fork. The lock is a
//! lease that a thread renews, so that a holder which dies is replaced within a second.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ::redis::{Client, Connection, FromRedisValue, RedisError, cmd};

use crate::error::{Error, Result};
use crate::random;
use crate::signals;
use crate::store::{Lock, Place};

/// A server on the same network answers at once or not at all.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long a lock outlives its holder, and how often a living holder renews it.
const LEASE_MILLIS: u64 = 800;
const RENEW: Duration = Duration::from_millis(200);

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
    client: Client,
}

impl Redis {
    pub(crate) fn new(url: &str) -> Result<Self> {
        // The URL may hold a password, which the library's own message could quote.
        let client = Client::open(url)
            .map_err(|_| Error::invalid_input("store", "is no URL such as redis://host:6379/0"))?;
        Ok(Redis { client })
    }

    fn connection(&self) -> io::Result<Connection> {
        let connection = self.client.get_connection_with_timeout(TIMEOUT).map_err(fault)?;
        connection.set_read_timeout(Some(TIMEOUT)).map_err(fault)?;
        connection.set_write_timeout(Some(TIMEOUT)).map_err(fault)?;
        Ok(connection)
    }

    fn query<T: FromRedisValue>(&self, command: &::redis::Cmd) -> io::Result<T> {
        command.query(&mut self.connection()?).map_err(fault)
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redis({})", self.location())
    }
}

impl Place for Redis {
    fn location(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.query(cmd("GET").arg(key(name)))
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.query(cmd("SET").arg(key(name)).arg(bytes).arg("EX").arg(KEEP_SECONDS))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.query(cmd("DEL").arg(key(name)))
    }

    /// A server may lose what it acknowledged, and forgets what nobody reads.
    fn is_durable(&self) -> bool {
        false
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        self.query(cmd("RENAME").arg(key(name)).arg(format!("{}:damaged", key(name))))
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        let key = format!("{}:lock", key(name));
        let owner = format!("{}-{:x}", std::process::id(), random::draw().to_bits());
        let mut set = cmd("SET");
        set.arg(&key).arg(&owner).arg("NX").arg("PX").arg(LEASE_MILLIS);
        let granted: Option<String> = self.query(&set)?;
        if granted.is_none() {
            return Ok(None);
        }
        let (stop, stopped) = channel();
        let redis = self.clone();
        let renew = move || {
            while stopped.recv_timeout(RENEW) == Err(RecvTimeoutError::Timeout) {
                // A renewal that fails may lose the lock: then two sign in, which is no harm.
                let mut renew = cmd("EVAL");
                renew.arg(RENEW_IF_OURS).arg(1).arg(&key).arg(&owner).arg(LEASE_MILLIS);
                let _: io::Result<Option<i64>> = redis.query(&renew);
            }
            let mut free = cmd("EVAL");
            free.arg(FREE_IF_OURS).arg(1).arg(&key).arg(&owner);
            let _: io::Result<Option<i64>> = redis.query(&free);
        };
        let thread = thread::Builder::new().name("emnify-lease".into());
        let thread = signals::while_blocked(|| thread.spawn(renew))?;
        Ok(Some(Box::new(Lease { stop: Some(stop), thread: Some(thread) })))
    }
}

/// A lock that is renewed as long as this lives.
struct Lease {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The lock is free when this returns: the next one need not wait for the lease to end.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn key(name: &str) -> String {
    format!("emnify-auth:{name}")
}

/// The library's messages name what failed and hold no password.
fn fault(error: RedisError) -> io::Error {
    io::Error::other(error.to_string())
}
