//! Turns a TLS connection that failed into an [`Error`] that says whose fault it is: the
//! certificate's, the clock's, or that of the address.

use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

use crate::http::status_error::clean;
use crate::sys::clock::is_before_release;
use crate::types::date;
use crate::types::error::{Error, ErrorKind, ErrorReason};

/// Creates the error. `peer` is the host and port that TLS was spoken with, `wall` the time that
/// this machine's clock shows, and `reason` the one of an error that is not about a certificate.
pub(crate) fn tls_error(
    tls: &rustls::Error,
    action: &str,
    peer: &str,
    wall: SystemTime,
    reason: Option<ErrorReason>,
) -> Error {
    let (reason, problem, advice) = match tls {
        rustls::Error::InvalidCertificate(problem) => {
            let (reason, problem, advice) = of_certificate(problem, peer, wall);
            (Some(reason), problem, advice)
        }
        other => {
            let problem = format!("the TLS connection to {peer} failed: {other}");
            (reason, problem, advice(other))
        }
    };
    let message = format!("cannot {action}: {problem}; {advice}");
    let mut error = Error::new(ErrorKind::Tls, message).with_reason(reason);
    if matches!(tls, rustls::Error::InvalidCertificate(_)) {
        error = error.caused_by(Box::new(tls.clone()));
    }
    // It ends as soon as the clock is set, like a fault of the link.
    if reason == Some(ErrorReason::Clock) { error.local() } else { error }
}

fn of_certificate(
    problem: &CertificateError,
    peer: &str,
    wall: SystemTime,
) -> (ErrorReason, String, &'static str) {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    const SET_CLOCK: &str = "set the clock, for example with NTP";
    const BUNDLE: &str = "if a proxy or a private authority issued the certificate, set ca_bundle \
                          or SSL_CERT_FILE to a file with the authority's certificates";
    let certificate = format!("the certificate of {peer}");
    match problem {
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }
            if is_before_release(wall) =>
        {
            let wall = date::readable(wall);
            let problem = format!(
                "{certificate} cannot be verified, because this machine's clock is wrong: it shows \
                 {wall}, a time before this library was released"
            );
            (ErrorReason::Clock, problem, SET_CLOCK)
        }
        // A certificate in use is valid. A clock that was saved at the last shutdown is behind.
        NotValidYetContext { time, not_before } => {
            let (time, from) = (readable(*time), readable(*not_before));
            let problem = format!(
                "{certificate} is valid from {from}, and this machine's clock shows {time}"
            );
            (ErrorReason::Clock, problem, SET_CLOCK)
        }
        ExpiredContext { time, not_after } => {
            let (time, until) = (readable(*time), readable(*not_after));
            let problem =
                format!("{certificate} expired on {until} (this machine's clock shows {time})");
            let advice = "if the clock is right, the server needs a new certificate";
            (ErrorReason::CertificateExpired, problem, advice)
        }
        NotValidForName => {
            (ErrorReason::CertificateName, format!("{certificate} is for another name"), ADDRESS)
        }
        NotValidForNameContext { presented, .. } => {
            let problem =
                format!("{certificate} is not for this host, but for {}", names(presented));
            (ErrorReason::CertificateName, problem, ADDRESS)
        }
        UnknownIssuer | BadSignature => {
            let problem = format!("{certificate} was not issued by a trusted authority");
            (ErrorReason::CertificateUntrusted, problem, BUNDLE)
        }
        other => {
            let problem = format!("{certificate} is not accepted: {other}");
            (ErrorReason::CertificateUntrusted, problem, BUNDLE)
        }
    }
}

/// Advice for a server that is probably not emnify's.
const ADDRESS: &str = "check that base_url and any proxy lead to an https port of emnify";

/// Returns what to do about a failure that is not about the server's certificate.
fn advice(tls: &rustls::Error) -> &'static str {
    match tls {
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => {
            "the server requires a client certificate, which emnify does not: check base_url and \
             any proxy"
        }
        _ => ADDRESS,
    }
}

/// Returns the names of a certificate. rustls writes them as `DnsName("a.example")`.
fn names(presented: &[String]) -> String {
    let name = |shown: &String| {
        let inner = shown.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(shown).trim_matches('"').to_owned()
    };
    match presented {
        [] => "no name at all".to_owned(),
        names => clean(&names.iter().map(name).collect::<Vec<_>>().join(", "), &[]),
    }
}

fn readable(time: UnixTime) -> String {
    let instant = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    instant.map_or_else(String::new, date::readable)
}
