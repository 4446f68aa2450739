//! One connection: reads requests, lets them be handled, and writes the responses, including those
//! that are cut off, never end, or are missing. Only this file uses the HTTP library.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response as HttpResponse, StatusCode};
use hyper_util::rt::TokioIo;
use socket2::Socket;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::control;
use crate::fault::{Fault, FaultKind};
use crate::log::EntryId;
use crate::perform::{Outcome, perform};
use crate::request::Request;
use crate::response::Response;
use crate::routes::http_date;
use crate::server::{Door, Shared};

/// The longest body of a request, in bytes.
const LONGEST_BODY: usize = 1 << 20;

type Body = Either<Full<Bytes>, Channel<Bytes>>;

/// How a connection is closed early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Close,
    Reset,
}

/// A connection as its requests see it.
#[derive(Clone)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    peer: SocketAddr,
    /// `None` on the control listener.
    number: Option<u64>,
    end: watch::Sender<End>,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, peer: SocketAddr, number: Option<u64>) -> Link {
        Link { shared, peer, number, end: watch::Sender::new(End::NotYet) }
    }

    /// Resets the connection. Does not return, because no response can be sent any more.
    async fn reset(&self) -> HttpResponse<Body> {
        self.end.send_replace(End::Reset);
        pending().await
    }
}

/// Serves a connection until it ends.
pub(crate) async fn converse<I>(stream: I, socket: Socket, link: Link)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut end = link.end.subscribe();
    let mut door = link.shared.watch_door();
    let mut stays = link.number.is_none();
    let service = service_fn(move |incoming| {
        let link = link.clone();
        async move { Ok::<_, Infallible>(respond(&link, incoming).await) }
    });
    let connection = http1::Builder::new()
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            wanted = end.wait_for(|end| *end != End::NotYet) => {
                if wanted.is_ok_and(|end| *end == End::Reset) {
                    // With a linger time of zero, closing the socket sends a reset.
                    let _ = socket.set_linger(Some(Duration::ZERO));
                }
                return;
            }
            _ = door.wait_for(|door| *door != Door::Open), if !stays => {
                connection.as_mut().graceful_shutdown();
                stays = true;
            }
        }
    }
}

async fn respond(link: &Link, incoming: hyper::Request<Incoming>) -> HttpResponse<Body> {
    let shared = &link.shared;
    let (mut request, body) = head(link, incoming);
    if request.path.starts_with(control::PREFIX) {
        let Ok(body) = read(body).await else { return whole(shared, Response::empty(413)) };
        request.body = body;
        let response = control::handle(shared, &request);
        shared.settle().await;
        return whole(shared, response);
    }
    if link.number.is_none() {
        return whole(shared, Response::empty(404));
    }
    if !shared.is_open() {
        return link.reset().await;
    }
    let (entry, fault) = {
        let mut state = shared.state();
        let now = state.clock.now();
        let entry = state.log.begin(&request, now);
        (entry, state.faults.take(&request.method, &request.path))
    };
    if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::ResetBefore) {
        return link.reset().await;
    }
    let Ok(body) = read(body).await else {
        shared.state().log.answered(entry, 413);
        return whole(shared, Response::empty(413));
    };
    request.body = body;
    shared.state().log.body(entry, &request.body);
    match carry_out(shared, &request, fault.as_ref()).await {
        Outcome::Response(response) => {
            shared.state().log.answered(entry, response.status);
            whole(shared, response)
        }
        Outcome::Reset => link.reset().await,
        Outcome::Cut(response) => cut(link, entry, response),
        Outcome::Endless { fast } => {
            shared.state().log.answered(entry, 200);
            endless(shared, fast)
        }
    }
}

/// Carries the request out before or after the wait, as the fault specifies.
async fn carry_out(shared: &Shared, request: &Request, fault: Option<&Fault>) -> Outcome {
    let wait = match fault.map(|fault| &fault.kind) {
        Some(FaultKind::Delay { milliseconds }) => Duration::from_millis(*milliseconds),
        _ => Duration::ZERO,
    };
    if fault.is_some_and(|fault| fault.side_effect) {
        let outcome = perform(&mut shared.state(), request, fault);
        sleep(wait).await;
        return outcome;
    }
    if !wait.is_zero() {
        sleep(wait).await;
    }
    perform(&mut shared.state(), request, fault)
}

fn head(link: &Link, incoming: hyper::Request<Incoming>) -> (Request, Incoming) {
    let (parts, body) = incoming.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
        peer: link.peer.ip(),
        connection: link.number.unwrap_or_default(),
    };
    (request, body)
}

async fn read(body: Incoming) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Limited::new(body, LONGEST_BODY).collect().await?.to_bytes().to_vec())
}

/// Returns status and headers. An invalid status of a fault becomes a 500.
fn start(shared: &Shared, response: &Response) -> hyper::http::response::Builder {
    let now = shared.state().clock.now().saturating_add(response.date_off);
    let date = http_date(u64::try_from(now).unwrap_or(0));
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::builder().status(status).header(DATE, date);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    builder
}

fn finish(builder: hyper::http::response::Builder, body: Body) -> HttpResponse<Body> {
    builder.body(body).unwrap_or_else(|_| {
        let mut response = HttpResponse::new(Either::Left(Full::default()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn whole(shared: &Shared, response: Response) -> HttpResponse<Body> {
    let builder = start(shared, &response);
    finish(builder, Either::Left(Full::new(Bytes::from(response.body))))
}

fn cut(link: &Link, entry: EntryId, response: Response) -> HttpResponse<Body> {
    link.shared.state().log.answered(entry, response.status);
    if response.body.is_empty() {
        return whole(&link.shared, response);
    }
    let builder = start(&link.shared, &response).header(CONTENT_LENGTH, response.body.len());
    let (mut sender, body) = Channel::new(1);
    let mut half = Bytes::from(response.body);
    half.truncate(half.len() / 2);
    let end = link.end.clone();
    tokio::spawn(async move {
        let _ = sender.send_data(half).await;
        // Gives the first half time to be sent.
        sleep(Duration::from_millis(50)).await;
        end.send_replace(End::Close);
        drop(sender);
    });
    finish(builder, Either::Right(body))
}

fn endless(shared: &Shared, fast: bool) -> HttpResponse<Body> {
    let builder = start(shared, &Response::empty(200))
        .header(CONTENT_TYPE, "application/json; charset=UTF-8");
    let (sender, body) = Channel::new(1);
    tokio::spawn(pour(sender, fast));
    finish(builder, Either::Right(body))
}

/// Sends until the client closes the connection.
async fn pour(mut sender: Sender<Bytes>, fast: bool) {
    let mut next = Bytes::from_static(b"[");
    let (more, wait) = if fast {
        (Bytes::from("\"0123456789abcdef0123456789ab\",\n".repeat(2048)), Duration::ZERO)
    } else {
        (Bytes::from_static(b"\"0123456\",\n"), Duration::from_millis(200))
    };
    while sender.send_data(next).await.is_ok() {
        if !wait.is_zero() {
            sleep(wait).await;
        }
        next = more.clone();
    }
}
