//! A lock in Redis: a key that expires, and that its owner renews as long as it holds the lock. So
//! a holder that dies is replaced within a second. A holder that was suspended for longer has lost
//! the lock, and can write nothing any more.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::store::backend::Lock;
use crate::store::redis::protocol::{Command, Reply};
use crate::store::redis::server::{STACK, Server};
use crate::sys::random;
use crate::sys::signal_mask;
use crate::sys::wait::Wait;

/// How long a lock lasts after its holder died, in milliseconds, and the interval at which a living
/// holder renews it.
const LEASE_MILLIS: &str = "800";
const RENEW: Duration = Duration::from_millis(200);

/// How long dropping a lock waits until the server has freed it. The lease ends in any case.
const FREE: Duration = Duration::from_millis(50);

/// Runs a command only while the lock is held by this owner.
const IF_OURS: &str =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call(unpack(ARGV,2)) end";

/// A lock that is renewed until this is dropped.
pub(super) struct Lease {
    server: Arc<Server>,
    key: String,
    wait: Wait,
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

impl Lease {
    /// Acquires the lock of that key; `None` if another owner holds it.
    pub(super) fn acquire(
        server: &Arc<Server>,
        key: &str,
        wait: &Wait,
    ) -> io::Result<Option<Lock>> {
        let owner = random::name()?;
        let words: [&[u8]; 6] =
            [b"SET", key.as_bytes(), owner.as_bytes(), b"NX", b"PX", LEASE_MILLIS.as_bytes()];
        match server.ask(Command::new(&words), wait)? {
            // While the server is skipped, the session continues as if no other process shared it.
            None => Ok(Some(Box::new(()))),
            Some(Reply::Text(_)) => Ok(Some(Box::new(Lease::start(server, key, &owner, wait)?))),
            Some(Reply::Nothing) => Ok(None),
            Some(_) => Err(server.unexpected()),
        }
    }

    fn start(server: &Arc<Server>, key: &str, owner: &str, wait: &Wait) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let renew = if_ours(key, owner, &[b"PEXPIRE", key.as_bytes(), LEASE_MILLIS.as_bytes()]);
        let free = if_ours(key, owner, &[b"DEL", key.as_bytes()]);
        let renewing = Arc::clone(server);
        let keep = move || {
            let _end: Sender<()> = end;
            // Its own connection, since the holder may use the other one.
            let mut connection = None;
            while stopped.recv_timeout(RENEW) == Err(RecvTimeoutError::Timeout) {
                // A lock that cannot be renewed expires.
                match renewing.query(&mut connection, &renew) {
                    Ok(Reply::Number(1)) => {}
                    _ => return,
                }
            }
            let mut connection = connection.or_else(|| renewing.take());
            let _ = renewing.query(&mut connection, &free);
            renewing.keep(connection);
        };
        signal_mask::start("emnify-lease", STACK, Box::new(keep))?;
        server.set_owner(key, Some(owner));
        let (server, key, wait) = (Arc::clone(server), key.to_owned(), wait.clone());
        Ok(Lease { server, key, wait, stop: Some(stop), ended })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.server.set_owner(&self.key, None);
        drop(self.stop.take());
        // If the server replies, the lock is free when this returns.
        if !self.wait.is_interrupted() {
            let _ = self.ended.recv_timeout(FREE.min(self.wait.left()));
        }
    }
}

/// Returns a command that runs `words` only while `owner` holds the lock of that key. Otherwise the
/// reply is [`Reply::Nothing`].
pub(super) fn if_ours(key: &str, owner: &str, words: &[&[u8]]) -> Command {
    let eval: [&[u8]; 5] = [b"EVAL", IF_OURS.as_bytes(), b"1", key.as_bytes(), owner.as_bytes()];
    Command::new(&[&eval, words].concat())
}
