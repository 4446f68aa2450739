//! A Redis server that may hang. Each operation runs on its own thread, so that its caller can stop
//! waiting when its time is up. After a fault the server is not used for a while, which also limits
//! how many threads can hang at once.

use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ::redis::{Cmd, ConnectionInfo, Value};

use crate::store::backend::{Interrupted, is_interrupted};
use crate::store::redis::connection::{Connection, too_late, unexpected};
use crate::sys::per_process::PerProcess;
use crate::sys::random;
use crate::sys::signal_mask;
use crate::sys::wait::Wait;

/// The longest time for an operation, including the connection. A server on the same network
/// replies in milliseconds.
pub(crate) const LIMIT: Duration = Duration::from_secs(1);

/// After a fault the server is skipped for `min(10 s · 2ⁿ, 60 s) · U(½, 1)`, where n is the number
/// of faults in a row before it: at first for 5 to 10 s, later for up to 60 s.
const FIRST_SKIP: Duration = Duration::from_secs(10);
const LONGEST_SKIP: Duration = Duration::from_secs(60);

/// The stack of the thread of an operation, in bytes: enough for a name lookup.
const STACK: usize = 256 * 1024;

/// One database of one server, with one connection per process.
pub(crate) struct Server {
    info: ConnectionInfo,
    process: PerProcess<Mutex<Link>>,
}

/// A process's connection to the server, and whether the server is skipped.
#[derive(Default)]
struct Link {
    /// `None` before the first use and while it is in use.
    connection: Option<Connection>,
    skip: Skip,
}

impl Server {
    pub(crate) fn new(info: ConnectionInfo) -> Self {
        Server { info, process: PerProcess::new() }
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Whether the server is skipped after a fault.
    pub(crate) fn is_skipped(&self) -> bool {
        self.link().skip.is_on(Instant::now())
    }

    /// Returns the reply, or `None` while the server is skipped. Waits at most for `patience`. Any
    /// error except an interruption starts a skip.
    pub(crate) fn ask(
        &self,
        command: Cmd,
        wait: &Wait,
        patience: Duration,
    ) -> io::Result<Option<Value>> {
        let reply = self
            .ask_quietly(command, wait, patience)
            .map_err(|error| if is_interrupted(&error) { error } else { self.fault(error) })?;
        if reply.as_ref().is_some_and(|reply| !matches!(reply, Value::ServerError(_))) {
            self.link().skip = Skip::default();
        }
        Ok(reply)
    }

    /// Returns the reply, or `None` while the server is skipped. An error does not start a skip.
    pub(crate) fn ask_quietly(
        &self,
        command: Cmd,
        wait: &Wait,
        patience: Duration,
    ) -> io::Result<Option<Value>> {
        let kept = {
            let mut link = self.link();
            if link.skip.is_on(Instant::now()) {
                return Ok(None);
            }
            link.connection.take()
        };
        let (sender, receiver) = sync_channel(1);
        let (info, caller) = (self.info.clone(), thread::current());
        let converse = move || {
            // If the caller has stopped waiting, the connection is closed and the reply dropped. A
            // lock that was acquired this way is not renewed and expires.
            let _ = sender.send(converse(kept, &info, &command, Instant::now() + LIMIT));
            caller.unpark();
        };
        signal_mask::start("emnify-redis", STACK, Box::new(converse))?;
        let (connection, reply) = wait
            .until(patience, "wait for Redis", || receiver.try_recv().ok())
            .map_err(|_| io::Error::other(Interrupted))?
            .unwrap_or_else(|| Err(too_late()))?;
        self.link().connection = Some(connection);
        Ok(Some(reply))
    }

    /// Returns the error for a reply that does not fit the command, and starts a skip.
    pub(crate) fn unexpected(&self, reply: Value) -> io::Error {
        self.fault(unexpected(reply, self.info.redis_settings()))
    }

    fn fault(&self, error: io::Error) -> io::Error {
        let left = self.link().skip.start(Instant::now(), random::draw());
        let message = format!("{error}; the server is not used for {} s", left.as_secs().max(1));
        io::Error::new(error.kind(), message)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.process.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the command on the kept connection, or on a new one if there is none or the server has
/// closed it.
fn converse(
    kept: Option<Connection>,
    info: &ConnectionInfo,
    command: &Cmd,
    until: Instant,
) -> io::Result<(Connection, Value)> {
    if let Some(mut connection) = kept.filter(Connection::is_recent) {
        match connection.query(command, until) {
            Ok(reply) => return Ok((connection, reply)),
            Err(error) if is_closed(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let mut connection = Connection::open(info, until)?;
    let reply = connection.query(command, until)?;
    Ok((connection, reply))
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// How long a server is skipped.
#[derive(Default)]
struct Skip {
    faults: u32,
    until: Option<Instant>,
}

impl Skip {
    fn is_on(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Starts a skip, unless one is on, since operations that fail at the same time are one fault.
    /// Returns the time that is left of it.
    fn start(&mut self, now: Instant, draw: f64) -> Duration {
        if !self.is_on(now) {
            let factor = 2_u32.saturating_pow(self.faults);
            let most = FIRST_SKIP.saturating_mul(factor).min(LONGEST_SKIP);
            self.faults = self.faults.saturating_add(1);
            self.until = now.checked_add(most.mul_f64(0.5 + draw / 2.0));
        }
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use ::redis::{Client, cmd};

    /// A server that closes the first connection and replies on each later one.
    fn flawed() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            drop(listener.accept().unwrap());
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                while stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {
                    stream.write_all(b"+OK\r\n").unwrap();
                }
            }
        });
        Server::new(Client::open(url).unwrap().get_connection_info().clone())
    }

    #[test]
    fn a_server_is_skipped_after_a_fault_and_used_again_afterwards() {
        let server = flawed();
        let ask = || server.ask(cmd("PING"), &Wait::new(LIMIT), LIMIT);
        let error = ask().unwrap_err().to_string();
        assert!(error.contains("closed the connection; the server is not used for "), "{error}");
        assert_eq!(ask().unwrap(), None);
        // End the skip.
        server.link().skip.until = Some(Instant::now());
        assert_eq!(ask().unwrap(), Some(Value::Okay));
        assert_eq!(server.link().skip.faults, 0);
        // The server accepts one connection at a time, so this is the same one.
        assert_eq!(ask().unwrap(), Some(Value::Okay));
    }

    #[test]
    fn a_server_that_does_not_reply_is_skipped() {
        // The system accepts connections, and no program replies.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let server = Server::new(Client::open(url).unwrap().get_connection_info().clone());
        let error = server.ask(cmd("PING"), &Wait::new(LIMIT), Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(server.ask(cmd("PING"), &Wait::new(LIMIT), LIMIT).unwrap(), None);
    }

    #[test]
    fn a_server_is_skipped_for_5_to_60_seconds() {
        for (draw, expected) in [(0.0, [5, 10, 20, 30, 30]), (1.0, [10, 20, 40, 60, 60])] {
            let (mut skip, mut now) = (Skip::default(), Instant::now());
            for seconds in expected {
                let wait = skip.start(now, draw);
                assert_eq!(wait, Duration::from_secs(seconds));
                assert!(skip.is_on(now + wait - Duration::from_nanos(1)));
                now += wait;
                assert!(!skip.is_on(now));
            }
        }
    }

    #[test]
    fn faults_during_a_skip_do_not_prolong_it() {
        let (mut skip, now) = (Skip::default(), Instant::now());
        let wait = skip.start(now, 0.0);
        let later = now + Duration::from_secs(1);
        assert_eq!(skip.start(later, 1.0), wait - Duration::from_secs(1));
    }
}
