//! One connection to a Redis server. Commands and parser are those of the `redis` crate. Its client
//! is not used, because it limits the time for each read instead of for the whole reply, and does
//! not limit the size of a reply. Here every reply is limited in time and in size, whatever length
//! it announces.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use ::redis::{
    Cmd, ConnectionAddr, ConnectionInfo, Parser, RedisConnectionInfo, RedisError, Value, cmd,
};
use zeroize::Zeroizing;

use crate::http::status_error::clean;
use crate::store::backend::LONGEST_ENTRY;

/// The most bytes of a reply: the longest entry, and more than enough for what frames it.
const LONGEST_REPLY: u64 = LONGEST_ENTRY as u64 + 1024;

/// The first bytes of the replies that our commands can get: text, error, number, bytes. No other
/// reply is parsed, since collections can announce any number of elements and can be nested.
const KINDS: &[u8] = b"+-:$";

/// How long an unused connection is kept. A sign-in uses it several times within seconds. The next
/// sign-in may be hours away, and firewalls drop idle connections silently.
const KEEP: Duration = Duration::from_secs(10);

/// An open connection that has been authenticated and has its database selected.
pub(crate) struct Connection {
    stream: TcpStream,
    used_at: Instant,
}

impl Connection {
    /// Connects and authenticates, until `until` at the latest, except that looking up the name may
    /// take longer.
    pub(crate) fn open(info: &ConnectionInfo, until: Instant) -> io::Result<Self> {
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut failed = io::Error::other("the host has no address");
        for address in (host.as_str(), *port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, time_left(until)?) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    let mut connection = Connection { stream, used_at: Instant::now() };
                    connection.introduce(info.redis_settings(), until)?;
                    return Ok(connection);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Whether it was used recently enough to be still open.
    pub(crate) fn is_recent(&self) -> bool {
        self.used_at.elapsed() < KEEP
    }

    /// Sends a command and returns the reply, which may be an error from the server.
    pub(crate) fn query(&mut self, command: &Cmd, until: Instant) -> io::Result<Value> {
        // The command may contain a password.
        let command = Zeroizing::new(command.get_packed_command());
        let mut socket = Socket { stream: &self.stream, until, reply_began: false };
        socket.write_all(&command)?;
        let mut reply = socket.take(LONGEST_REPLY);
        let parsed = Parser::new().parse_value(&mut reply);
        self.used_at = Instant::now();
        parsed.map_err(|error| match reply.limit() {
            0 => io::Error::other(format!("the reply has more than {LONGEST_REPLY} bytes")),
            _ => fault(&error),
        })
    }

    fn introduce(&mut self, settings: &RedisConnectionInfo, until: Instant) -> io::Result<()> {
        if let Some(password) = settings.password() {
            let mut auth = cmd("AUTH");
            auth.arg(settings.username()).arg(password);
            self.expect_ok(&auth, settings, until)?;
        }
        if settings.db() != 0 {
            self.expect_ok(cmd("SELECT").arg(settings.db()), settings, until)?;
        }
        Ok(())
    }

    fn expect_ok(
        &mut self,
        command: &Cmd,
        settings: &RedisConnectionInfo,
        until: Instant,
    ) -> io::Result<()> {
        match self.query(command, until)? {
            Value::Okay => Ok(()),
            other => Err(unexpected(other, settings)),
        }
    }
}

/// Returns the error for a reply that does not fit the command: the server's own error, without our
/// password, if it sent one.
pub(crate) fn unexpected(reply: Value, settings: &RedisConnectionInfo) -> io::Error {
    let Value::ServerError(error) = reply else { return not_redis() };
    let said = format!("{} {}", error.code(), error.details().unwrap_or_default());
    let secrets: Vec<&str> = settings.password().into_iter().collect();
    io::Error::other(clean(said.trim_end(), &secrets))
}

/// Returns the error for a server that took too long.
pub(crate) fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server did not reply in time")
}

fn not_redis() -> io::Error {
    io::Error::other("the server sent a reply that does not fit the command")
}

/// Converts an error of the parser. The text of the reply is left out.
fn fault(error: &RedisError) -> io::Error {
    if error.is_timeout() {
        too_late()
    } else if error.is_connection_dropped() {
        io::Error::new(io::ErrorKind::ConnectionReset, "the server closed the connection")
    } else if error.is_io_error() {
        io::Error::other(error.to_string())
    } else {
        not_redis()
    }
}

/// Returns the time left until `until`, or an error if none is left.
fn time_left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(too_late()) } else { Ok(left) }
}

/// The socket for one command and its reply. The operating system's timeout applies to a single
/// transfer, so the time that is left is set before each one.
struct Socket<'a> {
    stream: &'a TcpStream,
    until: Instant,
    reply_began: bool,
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(time_left(self.until)?))?;
        let length = self.stream.read(buffer)?;
        if !self.reply_began && length > 0 {
            self.reply_began = true;
            if !buffer.first().is_some_and(|kind| KINDS.contains(kind)) {
                return Err(not_redis());
            }
        }
        Ok(length)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(time_left(self.until)?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
