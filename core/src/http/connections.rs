//! How far a request without a response has come. The HTTP library does not report whether it had a
//! connection when its time was up, so a layer around the library's connector counts connections,
//! and the resolver tells whether a name is being looked up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tower::{Layer, Service};

use crate::http::resolver::Resolver;

/// The part of an exchange that was under way when it failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The name of the host or the proxy was being looked up.
    Lookup,
    /// The connection was being established.
    Connect,
    /// Either that or the next: other calls of the client were connecting at the same time.
    ConnectOrResponse,
    /// No response had arrived.
    #[default]
    Response,
    /// The head of the response had arrived, but not its whole body.
    Body,
}

/// The connections of one client in one process. Clones are the same.
#[derive(Clone)]
pub(super) struct Connections {
    resolver: Resolver,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    started: AtomicUsize,
    established: AtomicUsize,
}

/// The numbers of connections when an exchange started.
pub(super) struct Mark {
    started: usize,
    established: usize,
}

impl Connections {
    pub(super) fn new(resolver: Resolver) -> Self {
        Connections { resolver, counters: Arc::default() }
    }

    /// Returns the numbers to compare with when an exchange fails.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            started: self.counters.started.load(Ordering::SeqCst),
            established: self.counters.established.load(Ordering::SeqCst),
        }
    }

    /// Returns what an exchange that started at `mark` and got no response was doing. A request
    /// connects at once unless a connection is free.
    pub(super) fn phase_since(&self, mark: &Mark) -> Phase {
        let now = self.mark();
        let established = now.established.wrapping_sub(mark.established);
        match now.started.wrapping_sub(mark.started) {
            // On a busy machine the time may be up before the client's thread connects.
            _ if now.established == 0 => self.connecting(),
            0 => Phase::Response,
            _ if established == 0 => self.connecting(),
            started if established < started => Phase::ConnectOrResponse,
            _ => Phase::Response,
        }
    }

    /// Returns what an exchange that has no connection is doing.
    pub(super) fn connecting(&self) -> Phase {
        if self.resolver.is_looking_up() { Phase::Lookup } else { Phase::Connect }
    }
}

impl<S> Layer<S> for Connections {
    type Service = Counting<S>;

    fn layer(&self, connector: S) -> Counting<S> {
        Counting { connector, counters: Arc::clone(&self.counters) }
    }
}

/// A connector that counts.
#[derive(Clone)]
pub(super) struct Counting<S> {
    connector: S,
    counters: Arc<Counters>,
}

impl<S, T> Service<T> for Counting<S>
where
    S: Service<T>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let counters = Arc::clone(&self.counters);
        counters.started.fetch_add(1, Ordering::SeqCst);
        let connecting = self.connector.call(target);
        Box::pin(async move {
            let connection = connecting.await?;
            counters.established.fetch_add(1, Ordering::SeqCst);
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests;
