//! The result of one check of what a client needs: its environment, connection, credential, store.

use std::fmt;

use serde::Serialize;

use crate::types::error::Error;
use crate::types::names::names;

/// One check of [`Client::check`](crate::Client::check): what was tried, what was found, and what to
/// do. `Display` writes these in one line. It contains no secret.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::{CheckOptions, Verdict};
///
/// for check in client.check(CheckOptions::new())? {
///     if check.verdict >= Verdict::Warning {
///         println!("{}: {}: {}", check.subject, check.tried, check.found);
///         if let Some(advice) = check.advice {
///             println!("  {advice}");
///         }
///     }
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What was checked.
    pub subject: CheckSubject,
    /// The result. That of all checks together is the greatest one.
    pub verdict: Verdict,
    /// What was tried.
    pub tried: String,
    /// What was found.
    pub found: String,
    /// What to do, if there is something to do.
    pub advice: Option<String>,
}

/// What was checked, in the order of the results. `Display` writes a name such as `dns`.
///
/// ```
/// use emnify_core::CheckSubject;
///
/// assert_eq!(CheckSubject::Dns.to_string(), "dns");
/// assert!(CheckSubject::Environment < CheckSubject::Store);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CheckSubject {
    /// The environment variables that the client reads.
    Environment,
    /// The lookup of the server's name, or of the proxy's.
    Dns,
    /// The proxy.
    Proxy,
    /// A request to the server.
    Connection,
    /// This machine's clock.
    Clock,
    /// The server's certificate.
    Tls,
    /// Signing in.
    Credential,
    /// The addresses from which the application token may be used.
    Address,
    /// The right to revoke application tokens, which a rotation needs.
    Rights,
    /// The store.
    Store,
}

/// The result of a check, from the least to the most serious. `Display` writes a name such as `ok`.
///
/// ```
/// use emnify_core::Verdict;
///
/// // The exit code of a program for monitoring.
/// let code = |worst| match worst {
///     Verdict::Failed => 2,
///     Verdict::Warning => 1,
///     _ => 0,
/// };
/// assert!(Verdict::Failed > Verdict::Warning && code(Verdict::Ok) == 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// It was not checked: it was not asked for, does not apply, or needs a check that failed.
    Skipped,
    /// In order.
    Ok,
    /// It works, but needs attention.
    Warning,
    /// It does not work.
    Failed,
}

names!(CheckSubject {
    Environment => "environment",
    Dns => "dns",
    Proxy => "proxy",
    Connection => "connection",
    Clock => "clock",
    Tls => "tls",
    Credential => "credential",
    Address => "address",
    Rights => "rights",
    Store => "store",
});

names!(Verdict {
    Skipped => "skipped",
    Ok => "ok",
    Warning => "warning",
    Failed => "failed",
});

impl Check {
    pub(crate) fn new(
        subject: CheckSubject,
        verdict: Verdict,
        tried: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Check { subject, verdict, tried: tried.into(), found: found.into(), advice: None }
    }

    /// Creates a check that failed with an error, whose message says that it cannot do `action`.
    pub(crate) fn failed(
        subject: CheckSubject,
        tried: impl Into<String>,
        action: &str,
        error: &Error,
    ) -> Self {
        let message = error.to_string();
        let rest = message.strip_prefix("cannot ").and_then(|rest| rest.strip_prefix(action));
        let message = rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&message);
        // In all messages, advice follows a semicolon.
        let (found, advice) = match message.split_once("; ") {
            Some((found, advice)) => (found, Some(advice.to_owned())),
            None => (message, None),
        };
        Check { advice, ..Check::new(subject, Verdict::Failed, tried, found) }
    }

    /// Creates a check that was not made, because it needs the result of another one.
    pub(crate) fn needs(
        subject: CheckSubject,
        tried: impl Into<String>,
        failed: CheckSubject,
    ) -> Self {
        let found = format!("not tried, because the check \"{failed}\" failed");
        Check::new(subject, Verdict::Skipped, tried, found)
    }

    pub(crate) fn with_advice(self, advice: impl Into<String>) -> Self {
        Check { advice: Some(advice.into()), ..self }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Check { subject, verdict, tried, found, advice } = self;
        write!(f, "{verdict}: {subject}: {tried}: {found}")?;
        advice.as_ref().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}
