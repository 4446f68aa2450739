//! The metrics of a client, as OpenMetrics text for Prometheus.

use std::fmt::{Display, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::Client;
use crate::session::measurements::Measured;

/// Describes a metric, up to the labels or the value of its first sample.
macro_rules! metric {
    ($name:literal $type:literal: $help:literal) => {
        concat!("# HELP ", $name, " ", $help, "\n# TYPE ", $name, " ", $type, "\n")
    };
}

/// Describes a metric in seconds.
macro_rules! seconds {
    ($name:literal: $help:literal) => {
        concat!(metric!($name "gauge": $help), "# UNIT ", $name, " seconds\n", $name, " ")
    };
}

const SIGNED_IN: &str = concat!(
    metric!("emnify_signed_in" "gauge":
        "1 if the client has a valid auth token that was not refused, otherwise 0."),
    "emnify_signed_in "
);
const AUTH_TOKEN: &str = seconds!("emnify_auth_token_expiry_timestamp_seconds":
    "When the auth token expires or expired, on emnify's clock. Absent before the first sign-in.");
const APPLICATION_TOKEN: &str = seconds!("emnify_application_token_expiry_timestamp_seconds":
    "When the application token expires, on emnify's clock. Absent if never, or if not known.");
const REQUESTS: &str = concat!(
    metric!("emnify_sign_in_requests" "counter": "Requests sent to sign in."),
    "emnify_sign_in_requests_total "
);
const FAILURES: &str = metric!("emnify_sign_in_failures" "counter":
    "Failed attempts to sign in, by the kind of error.");
const ERROR: &str = metric!("emnify_sign_in_error" "gauge":
    "1 with the kind of error of the last attempt to sign in. Absent if it succeeded.");
const BACKOFF: &str = seconds!("emnify_backoff_seconds":
    "How long until the next attempt to sign in may start. 0 if the client is not backing off.");
const STORED: &str = seconds!("emnify_store_entry_timestamp_seconds":
    "When the session in the store was written, on this machine's clock. Absent without a store.");

impl Client {
    /// Returns metrics in the [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/)
    /// text format, for Prometheus: when the auth token and the application token expire, sign-ins,
    /// their failures by kind, the back-off, and when the session in the store was written. They
    /// contain no secret. The media type is
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    ///
    /// It makes no request, does not wait, and calls no function of the program. If the application
    /// token itself does not show when it expires, a renewal in the background looks that up in the
    /// list, once a day from the first call on.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// client.authenticate()?;
    /// let metrics = client.metrics();
    /// assert!(metrics.contains("emnify_sign_in_requests_total 1\n"));
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> String {
        text(&self.transport.session.measured())
    }
}

fn text(measured: &Measured) -> String {
    let Measured { status, auth_token_expires_at, application_token_expires_at, .. } = measured;
    let mut text = String::with_capacity(4096);
    let mut line = |start: &str, value: &dyn Display| {
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{start}{value}");
    };
    let unix = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    line(SIGNED_IN, &u8::from(status.signed_in));
    for (start, time) in [
        (AUTH_TOKEN, auth_token_expires_at),
        (APPLICATION_TOKEN, application_token_expires_at),
        (STORED, &measured.stored_at),
    ] {
        if let Some(time) = time {
            line(start, &unix(*time));
        }
    }
    let whole_seconds = |wait: Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    line(BACKOFF, &status.next_attempt.map_or(0, whole_seconds));
    line(REQUESTS, &status.calls_made);
    let mut start = FAILURES;
    for (kind, count) in &measured.failures {
        line(start, &format_args!("emnify_sign_in_failures_total{{kind=\"{kind}\"}} {count}"));
        start = "";
    }
    if let Some(error) = &status.last_error {
        line(ERROR, &format_args!("emnify_sign_in_error{{kind=\"{}\"}} 1", error.kind()));
    }
    line("# EOF", &"");
    text
}
