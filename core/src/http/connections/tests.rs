use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, SystemTime};

use reqwest::{Method, Url};

use super::*;
use crate::http::binding::Binding;
use crate::http::proxy::Proxy;
use crate::http::tls::Roots;
use crate::http::{Call, Http, Settings};
use crate::sys::wait::Wait;
use crate::types::error::{Error, ErrorKind, ErrorReason};

const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);

/// A resolver that does not respond until the sender is dropped.
fn hanging() -> (Sender<()>, Resolver) {
    let (end, ended) = channel::<()>();
    let ended = Mutex::new(ended);
    let resolver = Resolver::with(move |_| {
        let _ = ended.lock().unwrap().recv();
        Err(io::Error::other("ended"))
    });
    (end, resolver)
}

fn fail(settings: Settings, resolver: Resolver, limit: Duration) -> Error {
    let http = Http::new(settings);
    http.connector.client_with(&resolver).unwrap();
    let call = Call::new("test", Method::GET, "/api/v1/test");
    http.send(&call, None, &Wait::new(limit), SystemTime::now()).err().unwrap()
}

#[test]
fn a_lookup_that_hangs_times_out_in_the_lookup_whichever_limit_ends_first() {
    for (connect_timeout, limit) in [(SHORT, LONG), (LONG, SHORT), (SHORT, SHORT)] {
        for (proxy, subject) in
            [(None, "cdn.example"), (Some("http://proxy.example:3128"), "the proxy proxy.example")]
        {
            let base_url = Url::parse("https://cdn.example").unwrap();
            let proxy = proxy.map(|url| Url::parse(url).unwrap());
            let settings = Settings {
                binding: Binding::default(),
                proxy: proxy.and_then(|url| Proxy::choose(Some(&url), &base_url).unwrap()),
                base_url,
                connect_timeout,
                roots: Roots::System,
                max_exchanges: 1,
            };
            let (_end, resolver) = hanging();
            let error = fail(settings, resolver, limit);
            let expected = (ErrorKind::Timeout, Some(ErrorReason::Dns));
            assert_eq!((error.kind(), error.reason()), expected, "{error}");
            let message = format!("cannot test: looking up {subject} timed out after 0.5 s");
            assert!(error.to_string().starts_with(&message), "{error}");
        }
    }
}

#[test]
fn the_phase_follows_from_the_connections_started_and_established() {
    for (earlier, started, established, phase) in [
        (0, 0, 0, Phase::Connect),
        (0, 1, 0, Phase::Connect),
        (0, 1, 1, Phase::Response),
        (0, 2, 1, Phase::ConnectOrResponse),
        (1, 0, 0, Phase::Response),
        (1, 1, 0, Phase::Connect),
        (1, 1, 1, Phase::Response),
        (1, 2, 1, Phase::ConnectOrResponse),
        (1, 0, 1, Phase::Response),
    ] {
        let connections = Connections::new(Resolver::new());
        let counters = &connections.counters;
        counters.started.store(usize::MAX, Ordering::SeqCst);
        counters.established.store(earlier, Ordering::SeqCst);
        let mark = connections.mark();
        counters.started.fetch_add(started, Ordering::SeqCst);
        counters.established.fetch_add(established, Ordering::SeqCst);
        let found = connections.phase_since(&mark);
        assert_eq!(found, phase, "{earlier} {started} {established}");
    }
}
