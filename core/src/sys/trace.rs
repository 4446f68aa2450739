//! Reports requests and events to the program's subscriber of `tracing`. Without the feature
//! `tracing` it does nothing.

use std::time::Duration;

use crate::types::error::Error;
use crate::types::event::Event;

/// Reports a request that has ended. `path` has no query, which may contain a secret.
#[cfg(feature = "tracing")]
pub(crate) fn request(method: &str, path: &str, result: Result<u16, &Error>, took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(status) => tracing::debug!(method, path, status, took_ms, "request"),
        Err(error) => {
            let (kind, status) = (error.kind(), error.http_status());
            tracing::debug!(method, path, status, took_ms, %kind, %error, "request failed");
        }
    }
}

/// Reports an event of the session.
#[cfg(feature = "tracing")]
pub(crate) fn event(event: &Event) {
    use crate::types::event::Level;

    let kind = event.kind();
    match event.level() {
        Level::Info => tracing::info!(%kind, "{event}"),
        Level::Warning => tracing::warn!(%kind, "{event}"),
        Level::Error => tracing::error!(%kind, "{event}"),
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn request(_: &str, _: &str, _: Result<u16, &Error>, _: Duration) {}

#[cfg(not(feature = "tracing"))]
pub(crate) fn event(_: &Event) {}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::fmt::{self, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};

    use super::*;
    use crate::types::error::ErrorKind;
    use crate::types::event::EventKind;

    /// Keeps a line for each event.
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            // Writing to a String does not fail.
            let _ = write!(self.0, " {field}={value:?}");
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn requests_and_events_are_reported_with_their_level() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Lines(Arc::clone(&lines)), || {
            request("GET", "/api/v1/sim", Ok(200), Duration::from_millis(7));
            let error = Error::new(ErrorKind::Server, "cannot list").with_http_status(503);
            request("GET", "/api/v1/sim", Err(&error), Duration::ZERO);
            event(&Event::warning(EventKind::StoreError, error));
        });
        let start = r#" method="GET" path="/api/v1/sim""#;
        assert_eq!(
            *lines.lock().unwrap(),
            [
                format!("DEBUG message=request{start} status=200 took_ms=7"),
                format!(
                    "DEBUG message=request failed{start} status=503 took_ms=0 kind=server \
                     error=cannot list"
                ),
                "WARN message=the store failed: cannot list kind=store_error".to_owned(),
            ]
        );
    }
}
