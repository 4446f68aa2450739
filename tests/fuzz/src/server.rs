//! A server on this machine whose responses a check decides, byte by byte. It uses plain HTTP, so
//! that a check takes less than a millisecond.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

/// A request as it arrived.
pub(crate) struct Received {
    /// Method, path and version. The path is without that of the base URL.
    pub(crate) line: String,
    /// The lines with the headers.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// Returns the values of a header.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// Sends these bytes.
    Keep(Vec<u8>),
    /// Sends these bytes and closes the connection.
    Close(Vec<u8>),
}

impl Reply {
    /// Returns a complete response.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
        Reply::Keep(format!("{head}Content-Type: application/json\r\n\r\n{body}").into_bytes())
    }
}

type Respond = dyn Fn(&Received) -> Reply + Send + Sync;

/// The functions that respond, by the first part of the path.
type Runs = Arc<Mutex<HashMap<String, Arc<Respond>>>>;

/// One base URL of the server, as long as it lives. What arrives later, for example from a thread
/// in the background, gets no response.
pub(crate) struct Run {
    pub(crate) url: String,
    name: String,
}

impl Run {
    pub(crate) fn new(respond: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        let (address, runs) = server();
        runs.lock().unwrap().insert(name.clone(), Arc::new(respond));
        Run { url: format!("{address}/{name}"), name }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        server().1.lock().unwrap().remove(&self.name);
    }
}

/// Returns the server of this process and its runs.
fn server() -> &'static (String, Runs) {
    static SERVER: OnceLock<(String, Runs)> = OnceLock::new();
    SERVER.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let runs = Runs::default();
        let own = Arc::clone(&runs);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let runs = Arc::clone(&own);
                thread::spawn(move || serve(&stream, &runs));
            }
        });
        (address, runs)
    })
}

fn serve(mut stream: &TcpStream, runs: &Runs) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut received = read(&mut reader).ok()?;
        let (method, target) = received.line.split_once(" /")?;
        let (name, rest) = target.split_at(target.find(['/', ' '])?);
        let respond = runs.lock().unwrap().get(name).cloned()?;
        received.line = format!("{method} {rest}");
        match respond(&received) {
            Reply::Keep(bytes) => stream.write_all(&bytes).ok()?,
            Reply::Close(bytes) => return stream.write_all(&bytes).ok(),
        }
    }
}

fn read(reader: &mut impl BufRead) -> io::Result<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::InvalidData)?;
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let line = lines.remove(0);
    let mut received = Received { line, headers: lines, body: Vec::new() };
    let length = received.header("Content-Length").next().and_then(|length| length.parse().ok());
    received.body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut received.body)?;
    Ok(received)
}
