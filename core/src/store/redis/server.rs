//! A Redis server that may hang. Each operation runs on its own thread, so that its caller can stop
//! waiting when its time is up. After a fault the server is not used for a while, which also limits
//! how many threads can hang at once.

use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::http::tls::{self, Roots};
use crate::store::backend::{Interrupted, is_interrupted};
use crate::store::redis::address::Address;
use crate::store::redis::connection::{Connection, too_late};
use crate::store::redis::protocol::{Command, Reply, not_redis};
use crate::sys::clock::Clock;
use crate::sys::per_process::PerProcess;
use crate::sys::signal_mask;
use crate::sys::wait::Wait;

/// The longest time for an operation, including the connection. A server on the same network
/// replies in milliseconds.
pub(super) const LIMIT: Duration = Duration::from_secs(1);

/// The time that a working server needs for an operation. If its caller has less left, it may take
/// all of that instead of half, and a late reply says nothing about the server.
const LEAST: Duration = Duration::from_millis(50);

/// After a fault the server is skipped for `min(10 s · 2ⁿ, 60 s) · U(½, 1)`, where n is the number
/// of faults in a row before it: at first for 5 to 10 s, later for up to 60 s.
const FIRST_SKIP: Duration = Duration::from_secs(10);
const LONGEST_SKIP: Duration = Duration::from_secs(60);

/// The stack of the thread of an operation, in bytes: enough for a name lookup and for TLS.
pub(super) const STACK: usize = 256 * 1024;

/// One database of one server, with one connection per process.
pub(super) struct Server {
    address: Address,
    roots: Roots,
    tls: PerProcess<Arc<ClientConfig>>,
    process: PerProcess<Mutex<Link>>,
    clock: Arc<dyn Clock>,
}

/// What a process knows about the server.
#[derive(Default)]
struct Link {
    /// `None` before the first use and while it is in use.
    connection: Option<Connection>,
    skip: Skip,
    /// The locks that this process holds: their keys and owners.
    held: Vec<(String, String)>,
}

impl Server {
    pub(super) fn new(address: Address, roots: Roots, clock: Arc<dyn Clock>) -> Self {
        Server { address, roots, tls: PerProcess::new(), process: PerProcess::new(), clock }
    }

    /// Returns a random number between 0 and 1, for waits.
    pub(super) fn jitter(&self) -> f64 {
        self.clock.jitter()
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the owner under which this process holds the lock of that key, if it does.
    pub(super) fn owner(&self, key: &str) -> Option<String> {
        let link = self.link();
        link.held.iter().find(|(held, _)| held == key).map(|(_, owner)| owner.clone())
    }

    /// Notes that this process holds the lock of that key from now on, or no longer (`None`).
    pub(super) fn set_owner(&self, key: &str, owner: Option<&str>) {
        let mut link = self.link();
        link.held.retain(|(held, _)| held != key);
        link.held.extend(owner.map(|owner| (key.to_owned(), owner.to_owned())));
    }

    /// Returns the reply, or `None` while the server is skipped. Any fault starts a skip: a server
    /// that refuses a command is as useless as one that is gone.
    pub(super) fn ask(
        self: &Arc<Self>,
        command: Command,
        wait: &Wait,
    ) -> io::Result<Option<Reply>> {
        if self.link().skip.is_on(self.clock.steady()) {
            return Ok(None);
        }
        let patience = (wait.left() / 2).clamp(LEAST, LIMIT).min(wait.left());
        match self.ask_within(patience, command, wait) {
            // Another program wrote to the key; the server works.
            Ok(Reply::Error(text)) if text.starts_with("WRONGTYPE ") => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the value is not a string"))
            }
            Ok(Reply::Error(text)) => Err(self.fault(io::Error::other(text))),
            Ok(reply) => {
                self.link().skip = Skip::default();
                Ok(Some(reply))
            }
            Err(error) if is_interrupted(&error) => Err(error),
            Err(error) if patience < LEAST => Err(error),
            Err(error) => Err(self.fault(error)),
        }
    }

    fn ask_within(
        self: &Arc<Self>,
        patience: Duration,
        command: Command,
        wait: &Wait,
    ) -> io::Result<Reply> {
        let (sender, receiver) = sync_channel(1);
        let (server, caller, mut kept) = (Arc::clone(self), thread::current(), self.take());
        let query = move || {
            // If the caller has stopped waiting, the connection is closed and the reply dropped. A
            // lock that was acquired this way is not renewed and expires.
            let reply = server.query(&mut kept, &command);
            let _ = sender.send((kept, reply));
            caller.unpark();
        };
        signal_mask::start("emnify-redis", STACK, Box::new(query))?;
        let (connection, reply) = wait
            .until(patience, "wait for Redis", || receiver.try_recv().ok())
            .map_err(|_| io::Error::other(Interrupted))?
            .ok_or_else(too_late)?;
        self.keep(connection);
        reply
    }

    /// Sends the command on this connection, or on a new one if there is none or the server has
    /// closed it. Leaves a connection only if it can be used again. For a thread that may hang.
    pub(super) fn query(
        &self,
        connection: &mut Option<Connection>,
        command: &Command,
    ) -> io::Result<Reply> {
        let until = Instant::now() + LIMIT;
        let on = |mut connection: Connection| {
            connection.query(command, until).map(|reply| (connection, reply))
        };
        let on_new = || on(Connection::open(&self.address, || self.tls_config(), until)?);
        let (used, reply) = match connection.take().filter(Connection::is_recent).map(on) {
            Some(Err(error)) if is_closed(&error) => on_new()?,
            Some(result) => result?,
            None => on_new()?,
        };
        // After an error, the name may lead to another server that works, as in a fail-over.
        *connection = Some(used).filter(|_| !matches!(reply, Reply::Error(_)));
        Ok(reply)
    }

    /// Takes the kept connection, if there is one that is not in use.
    pub(super) fn take(&self) -> Option<Connection> {
        self.link().connection.take()
    }

    /// Keeps the connection for the next operation.
    pub(super) fn keep(&self, connection: Option<Connection>) {
        if connection.is_some() {
            self.link().connection = connection;
        }
    }

    /// Returns the error for a reply that does not fit the command, and starts a skip.
    pub(super) fn unexpected(&self) -> io::Error {
        self.fault(not_redis())
    }

    fn tls_config(&self) -> io::Result<Arc<ClientConfig>> {
        let config = || tls::config(&self.roots).map(Arc::new).map_err(io::Error::other);
        self.tls.get_or_try_init(config).cloned()
    }

    fn fault(&self, error: io::Error) -> io::Error {
        let left = self.link().skip.start(self.clock.steady(), self.jitter());
        let message = format!("{error}; the server is not used for {} s", left.as_secs().max(1));
        io::Error::new(error.kind(), message)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.process.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// How long a server is skipped.
#[derive(Default)]
struct Skip {
    faults: u32,
    /// On the steady clock.
    until: Duration,
}

impl Skip {
    fn is_on(&self, now: Duration) -> bool {
        now < self.until
    }

    /// Starts a skip, unless one is on, since operations that fail at the same time are one fault.
    /// Returns the time that is left of it.
    fn start(&mut self, now: Duration, draw: f64) -> Duration {
        if !self.is_on(now) {
            let factor = 2_u32.saturating_pow(self.faults);
            let most = FIRST_SKIP.saturating_mul(factor).min(LONGEST_SKIP);
            self.faults = self.faults.saturating_add(1);
            self.until = now + most.mul_f64(0.5 + draw / 2.0);
        }
        self.until.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::SystemTime;

    use super::*;
    use crate::sys::clock::ManualClock;

    fn server(listener: &TcpListener) -> (Arc<Server>, Arc<ManualClock>) {
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH));
        let address = Address::parse("store", &url).unwrap();
        (Arc::new(Server::new(address, Roots::System, clock.clone())), clock)
    }

    fn ping(server: &Arc<Server>, limit: Duration) -> io::Result<Option<Reply>> {
        server.ask(Command::new(&[b"PING"]), &Wait::new(limit))
    }

    #[test]
    fn a_server_is_skipped_after_a_fault_and_used_again_afterwards() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (server, clock) = server(&listener);
        // It closes the first connection and replies on each later one.
        thread::spawn(move || {
            drop(listener.accept().unwrap());
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                while stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {
                    stream.write_all(b"+PONG\r\n").unwrap();
                }
            }
        });
        let long = 10 * LIMIT;
        let error = ping(&server, long).unwrap_err().to_string();
        assert!(error.contains("; the server is not used for "), "{error}");
        assert_eq!(ping(&server, long).unwrap(), None);
        clock.advance(FIRST_SKIP);
        assert_eq!(ping(&server, long).unwrap(), Some(Reply::Text("PONG".to_owned())));
        assert_eq!(server.link().skip.faults, 0);
        // The server accepts one connection at a time, so this is the same one.
        assert!(ping(&server, long).unwrap().is_some());
    }

    #[test]
    fn a_server_that_does_not_reply_is_skipped_unless_its_caller_had_no_time() {
        // The system accepts connections, and no program replies.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (server, clock) = server(&listener);
        for (limit, is_skipped) in [(Duration::ZERO, false), (2 * LEAST, true)] {
            let started = Instant::now();
            let error = ping(&server, limit).unwrap_err();
            assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert_eq!(server.link().skip.is_on(clock.steady()), is_skipped);
        }
        assert_eq!(ping(&server, LIMIT).unwrap(), None);
    }

    #[test]
    fn a_server_is_skipped_for_5_to_60_seconds() {
        for (draw, expected) in [(0.0, [5, 10, 20, 30, 30]), (1.0, [10, 20, 40, 60, 60])] {
            let (mut skip, mut now) = (Skip::default(), Duration::ZERO);
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
        let (mut skip, now) = (Skip::default(), Duration::ZERO);
        let wait = skip.start(now, 0.0);
        let later = now + Duration::from_secs(1);
        assert_eq!(skip.start(later, 1.0), wait - Duration::from_secs(1));
    }
}
