//! One connection to a Redis server, over TCP, TLS or a Unix socket. Every reply is limited in time
//! and in size. The `redis` crate's client limits the time for each read instead of for the whole
//! reply, and does not limit the size of a reply.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::http::status_error::clean;
use crate::http::tls_error::tls_error;
use crate::store::redis::address::{Address, ServerAddress};
use crate::store::redis::protocol::{Command, Reply, not_redis};
use crate::types::secret::Secret;

/// How long an unused connection is kept. A sign-in uses it several times within seconds. The next
/// sign-in may be hours away, and firewalls drop idle connections silently.
const KEEP: Duration = Duration::from_secs(10);

/// An open connection that has been authenticated and has its database selected.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    tls: Option<Box<ClientConnection>>,
    used_at: Instant,
    /// For messages.
    peer: String,
    /// The server may quote it in an error.
    password: Option<Secret>,
}

impl Connection {
    /// Connects and logs in, until `until` at the latest, except that looking up the name may take
    /// longer.
    pub(super) fn open(
        address: &Address,
        tls: impl FnOnce() -> io::Result<Arc<ClientConfig>>,
        until: Instant,
    ) -> io::Result<Self> {
        let (stream, tls): (Box<dyn Stream>, _) = match &address.server {
            ServerAddress::Tcp { host, port, tls: is_tls } => {
                let tls = if *is_tls { Some(client(tls()?, host)?) } else { None };
                (Box::new(connect(host, *port, until)?), tls)
            }
            #[cfg(unix)]
            ServerAddress::Unix(path) => (Box::new(UnixStream::connect(path)?), None),
        };
        let (used_at, peer) = (Instant::now(), address.to_string());
        let mut connection = Connection { stream, tls, used_at, peer, password: None };
        connection.log_in(address, until)?;
        Ok(connection)
    }

    /// Whether it was used recently enough to be still open.
    pub(super) fn is_recent(&self) -> bool {
        self.used_at.elapsed() < KEEP
    }

    /// Sends a command and returns the reply, which may be an error from the server.
    pub(super) fn query(&mut self, command: &Command, until: Instant) -> io::Result<Reply> {
        let mut stream = Limited { stream: &mut *self.stream, until };
        let reply = match &mut self.tls {
            None => exchange(&mut stream, command),
            Some(tls) => exchange(&mut rustls::Stream::new(&mut **tls, &mut stream), command),
        };
        self.used_at = Instant::now();
        match reply {
            Ok(Reply::Error(text)) => {
                let secrets: Vec<&str> = self.password.iter().map(Secret::reveal).collect();
                Ok(Reply::Error(clean(&text, &secrets)))
            }
            Err(error) => Err(explained(error, &self.peer)),
            reply => reply,
        }
    }

    fn log_in(&mut self, address: &Address, until: Instant) -> io::Result<()> {
        self.password = address.password()?;
        if let Some(password) = self.password.clone() {
            let user = address.user.as_ref().map(String::as_bytes);
            let words = [Some(&b"AUTH"[..]), user, Some(password.reveal().as_bytes())];
            let words: Vec<&[u8]> = words.into_iter().flatten().collect();
            self.expect_ok(&Command::new(&words), until)?;
        }
        if address.database != 0 {
            let database = address.database.to_string();
            self.expect_ok(&Command::new(&[b"SELECT", database.as_bytes()]), until)?;
        }
        Ok(())
    }

    fn expect_ok(&mut self, command: &Command, until: Instant) -> io::Result<()> {
        match self.query(command, until)? {
            Reply::Text(_) => Ok(()),
            Reply::Error(text) => Err(io::Error::other(text)),
            _ => Err(not_redis()),
        }
    }
}

fn exchange(connection: &mut (impl Read + Write), command: &Command) -> io::Result<Reply> {
    connection.write_all(command.bytes())?;
    connection.flush()?;
    Reply::read(connection)
}

/// Connects to the first address of the host that accepts. Each gets an equal part of the time.
fn connect(host: &str, port: u16, until: Instant) -> io::Result<TcpStream> {
    let mut failed = io::Error::other("the host has no address");
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    for (index, address) in addresses.iter().enumerate() {
        let share = time_left(until)? / (addresses.len() - index) as u32;
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn client(config: Arc<ClientConfig>, host: &str) -> io::Result<Box<ClientConnection>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    ClientConnection::new(config, name).map(Box::new).map_err(io::Error::other)
}

/// Returns the error; if TLS failed, one that says what to do about it.
fn explained(error: io::Error, peer: &str) -> io::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => {
            let error = tls_error(tls, "use TLS", peer, SystemTime::now(), None);
            io::Error::other(error.to_string())
        }
        None => error,
    }
}

/// Returns the error for a server that took too long.
pub(super) fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server did not reply in time")
}

/// Returns the time left until `until`, or an error if none is left.
fn time_left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(too_late()) } else { Ok(left) }
}

/// What a connection runs over.
trait Stream: Read + Write + Send {
    /// Limits the time of each transfer.
    fn limit(&self, time: Option<Duration>) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn limit(&self, time: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(time)?;
        self.set_write_timeout(time)
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn limit(&self, time: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(time)?;
        self.set_write_timeout(time)
    }
}

/// The stream for one command and its reply. The operating system's limit applies to a single
/// transfer, so the time that is left is set before each one.
struct Limited<'a> {
    stream: &'a mut dyn Stream,
    until: Instant,
}

impl Limited<'_> {
    fn transfer(
        &mut self,
        transfer: impl FnOnce(&mut dyn Stream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.stream.limit(Some(time_left(self.until)?))?;
        transfer(self.stream).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => too_late(),
            _ => error,
        })
    }
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.transfer(|stream| stream.read(buffer))
    }
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transfer(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
