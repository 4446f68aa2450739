//! The listeners, which accept connections and set up TLS. The API listener can refuse connections
//! for a while. It keeps its port meanwhile, so that it can listen on the same one again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep_until;
use tokio_rustls::TlsAcceptor;

use crate::connection::{Link, converse};
use crate::fault::{Fault, FaultKind};
use crate::state::State;

/// The data that the tasks share.
pub(crate) struct Shared {
    state: Mutex<State>,
    door: watch::Sender<Door>,
    listening: watch::Sender<bool>,
    pub(crate) url: String,
    pub(crate) control_url: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) application_token: String,
}

/// Whether the API listener accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// Until this time, or until it is opened.
    Closed(Option<Instant>),
}

impl Shared {
    pub(crate) fn new(state: State, url: String, control_url: String, ca_file: PathBuf) -> Shared {
        let application_token = state.seeded_token.clone();
        Shared {
            state: Mutex::new(state),
            door: watch::Sender::new(Door::Open),
            listening: watch::Sender::new(true),
            url,
            control_url,
            ca_file,
            application_token,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fault(&self, fault: Fault) {
        match fault.kind {
            FaultKind::Refuse { milliseconds } => {
                let until = milliseconds.map(|m| Instant::now() + Duration::from_millis(m));
                self.door.send_replace(Door::Closed(until));
            }
            _ => self.state().faults.add(fault),
        }
    }

    pub(crate) fn clear_faults(&self) {
        self.state().faults.clear();
        self.door.send_replace(Door::Open);
    }

    pub(crate) fn reset(&self) {
        self.state().reset();
        self.door.send_replace(Door::Open);
    }

    pub(crate) fn watch_door(&self) -> watch::Receiver<Door> {
        self.door.subscribe()
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.door.borrow() == Door::Open
    }

    fn settled(&self) -> bool {
        *self.listening.borrow() == self.is_open()
    }

    /// Waits until the listener has opened or closed as requested, so that the next connection sees
    /// the change.
    pub(crate) async fn settle(&self) {
        for _ in 0..1000 {
            if self.settled() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Blocks until the listener has opened or closed as requested.
    pub(crate) fn settle_blocking(&self) {
        for _ in 0..1000 {
            if self.settled() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Binds a socket to a port of loopback. Connections are refused until it listens.
pub(crate) fn bind(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // Connections that were just closed would otherwise block the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Turns a bound socket into a listener.
pub(crate) fn listen(socket: Socket) -> io::Result<std::net::TcpListener> {
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Serves only `/_sandbox`.
pub(crate) async fn serve_control(
    shared: Arc<Shared>,
    listener: std::net::TcpListener,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        if let Some((stream, peer)) = accept(&listener).await {
            let link = Link::new(shared.clone(), peer, None);
            tokio::spawn(async move {
                if let Some(socket) = duplicate(&stream) {
                    converse(stream, socket, link).await;
                }
            });
        }
    }
}

/// Serves the API, with TLS if there is an acceptor.
pub(crate) async fn serve_api(
    shared: Arc<Shared>,
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let mut door = shared.watch_door();
    let mut listener = listener;
    loop {
        let open = TcpListener::from_std(listener)?;
        shared.listening.send_replace(true);
        loop {
            tokio::select! {
                _ = door.wait_for(|door| *door != Door::Open) => break,
                accepted = accept(&open) => {
                    if let Some((stream, peer)) = accepted {
                        welcome(&shared, stream, peer, tls.clone());
                    }
                }
            }
        }
        drop(open);
        // Keeps the port, so that no other program gets it, and refuses connections.
        let held = bind_again(port).await?;
        shared.listening.send_replace(false);
        wait_until_open(&shared, &mut door).await;
        listener = listen(held)?;
    }
}

/// Binds a port again that was just released.
async fn bind_again(port: u16) -> io::Result<Socket> {
    for _ in 0..100 {
        if let Ok(socket) = bind(port) {
            return Ok(socket);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bind(port)
}

async fn wait_until_open(shared: &Shared, door: &mut watch::Receiver<Door>) {
    loop {
        let seen = *door.borrow_and_update();
        match seen {
            Door::Open => return,
            Door::Closed(None) => drop(door.changed().await),
            Door::Closed(Some(until)) => tokio::select! {
                _ = door.changed() => {}
                () = sleep_until(until.into()) => {
                    // It may have been closed again meanwhile.
                    shared.door.send_if_modified(|now| {
                        let same = *now == seen;
                        if same {
                            *now = Door::Open;
                        }
                        same
                    });
                }
            },
        }
    }
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Small responses must be sent at once.
            let _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(_) => {
            // Most likely there are no file descriptors left, until other connections close.
            tokio::time::sleep(Duration::from_millis(10)).await;
            None
        }
    }
}

fn welcome(shared: &Arc<Shared>, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
    let number = {
        let mut state = shared.state();
        state.log.connections += 1;
        state.log.connections
    };
    let link = Link::new(shared.clone(), peer, Some(number));
    tokio::spawn(async move {
        let Some(socket) = duplicate(&stream) else { return };
        match tls {
            None => converse(stream, socket, link).await,
            Some(tls) => {
                // A client that does not trust the certificate is not an error here.
                if let Ok(stream) = tls.accept(stream).await {
                    converse(stream, socket, link).await;
                }
            }
        }
    });
}

/// Returns a second handle of the connection, with which it can be reset.
fn duplicate(stream: &TcpStream) -> Option<Socket> {
    socket2::SockRef::from(stream).try_clone().ok()
}
