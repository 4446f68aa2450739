//! Looks up host names. Each name has one thread, which all calls for that name share. A lookup
//! that hangs delays neither a timeout nor dropping a client; its thread is not joined.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot::{Sender, channel};

use crate::sys::signal_mask;

/// The stack of a thread, in bytes. The resolvers of glibc and musl need it, with modules for other
/// name services.
const STACK: usize = 256 * 1024;

type Looked = Result<Vec<SocketAddr>, LookupFailed>;
type LookUp = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The resolver of one process. A forked child creates its own.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<Lookups>);

struct Lookups {
    look_up: Box<LookUp>,
    /// For each name that is being looked up, the calls that wait for it.
    waiting: Mutex<HashMap<String, Vec<Sender<Looked>>>>,
}

/// The error for a name that was not found or could not be looked up.
#[derive(Debug, Clone)]
pub(crate) struct LookupFailed(Arc<io::Error>);

impl Resolver {
    /// Creates a resolver that uses the system's.
    pub(crate) fn new() -> Self {
        // The HTTP library adds the port.
        Resolver::with(|name| Ok((name, 0).to_socket_addrs()?.collect()))
    }

    pub(super) fn with(
        look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let waiting = Mutex::default();
        Resolver(Arc::new(Lookups { look_up: Box::new(look_up), waiting }))
    }

    /// Whether a lookup is under way. A client looks up one name: that of its host or its proxy.
    pub(super) fn is_looking_up(&self) -> bool {
        !self.0.lock().is_empty()
    }

    /// Joins the running lookup of `name`, or starts one.
    fn join(&self, name: &str, waiter: Sender<Looked>) {
        let mut waiting = self.0.lock();
        if let Some(waiters) = waiting.get_mut(name) {
            waiters.push(waiter);
            return;
        }
        waiting.insert(name.to_owned(), vec![waiter]);
        drop(waiting);
        let (lookups, name_of_thread) = (Arc::clone(&self.0), name.to_owned());
        let work = move || lookups.finish(&name_of_thread, (lookups.look_up)(&name_of_thread));
        if let Err(error) = signal_mask::start("emnify-lookup", STACK, Box::new(work)) {
            self.0.finish(name, Err(error));
        }
    }
}

impl Lookups {
    fn finish(&self, name: &str, looked: io::Result<Vec<SocketAddr>>) {
        let looked = looked.map_err(|error| LookupFailed(Arc::new(error)));
        for waiter in self.lock().remove(name).unwrap_or_default() {
            // Fails if the call has timed out meanwhile.
            let _ = waiter.send(looked.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Sender<Looked>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (waiter, looked) = channel();
        self.join(name.as_str(), waiter);
        Box::pin(async move {
            let looked = looked.await.map_err(|_| io::Error::other("the lookup ended early"))?;
            Ok(Box::new(looked?.into_iter()) as Addrs)
        })
    }
}

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl LookupFailed {
    /// Returns the system's error.
    pub(crate) fn io(&self) -> &io::Error {
        &self.0
    }
}

impl StdError for LookupFailed {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn calls_for_one_name_share_one_lookup() {
        let (started, starts) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let resolver = Resolver::with(move |name| {
            started.send(name.to_owned()).unwrap();
            gone.lock().unwrap().recv().unwrap();
            Ok(vec![([192, 0, 2, 7], 0).into()])
        });
        let mut looked: Vec<_> = (0..3)
            .map(|_| {
                let (waiter, looked) = channel();
                resolver.join("one.example", waiter);
                looked
            })
            .collect();
        go.send(()).unwrap();
        for looked in looked.drain(..) {
            assert_eq!(looked.blocking_recv().unwrap().unwrap().len(), 1);
        }
        assert_eq!(starts.try_iter().count(), 1);
        // A later call starts a new lookup, since addresses change.
        let (waiter, looked) = channel();
        resolver.join("one.example", waiter);
        go.send(()).unwrap();
        assert!(looked.blocking_recv().unwrap().is_ok());
        assert_eq!(starts.try_iter().count(), 1);
    }

    #[test]
    fn every_call_gets_the_reason_why_a_lookup_failed() {
        let resolver = Resolver::with(|_| Err(io::Error::other("no such name")));
        let (waiter, looked) = channel();
        resolver.join("one.example", waiter);
        let error = looked.blocking_recv().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "no such name");
    }
}
