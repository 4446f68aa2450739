//! Checks the way to the server with one request, whose failure tells the part that failed: the
//! lookup, the proxy, the connection or the certificate. Its response tells the server's time.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::calls::retry::Transport;
use crate::sys::clock::is_before_release;
use crate::sys::wait::Wait;
use crate::types::check::{Check, CheckSubject, Verdict};
use crate::types::date::readable;
use crate::types::error::{Error, ErrorKind, ErrorReason, Result};

/// The request, to follow "cannot".
const REACH: &str = "reach emnify";

/// How far the clock may be from the server's. A response takes time to arrive.
const TOLERANCE: Duration = Duration::from_secs(60);

const SET_CLOCK: &str = "set the clock, for example with NTP";

/// Adds the checks from the lookup to the certificate. Returns the one that failed.
pub(super) fn check(
    transport: &Transport,
    wait: &Wait,
    checks: &mut Vec<Check>,
) -> Result<Option<CheckSubject>> {
    let http = &transport.http;
    let (host, proxy) = http.peers();
    let wall = transport.clock.wall();
    let reached = match http.reach(REACH, wait, wall) {
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
        reached => reached,
    };
    let problem = reached.as_ref().err().map(|error| (failed_part(error), error));
    // Returns the check of a part that the request passed, failed at, or did not come to.
    let part = |subject, tried: String, verdict, found: &str| match problem {
        Some((failed, error)) if failed == subject => Check::failed(subject, tried, REACH, error),
        Some((failed, _)) if failed < subject => Check::needs(subject, tried, failed),
        _ => Check::new(subject, verdict, tried, found),
    };

    let peer = proxy.as_deref().unwrap_or(&host);
    let name = peer.rsplit_once(':').map_or(peer, |(name, _)| name);
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let (verdict, found) = match is_address {
        true => (Verdict::Skipped, "not needed, since this is an address"),
        false => (Verdict::Ok, "it was found"),
    };
    checks.push(part(CheckSubject::Dns, format!("looking up {name}"), verdict, found));

    checks.push(match &proxy {
        Some(proxy) => {
            let tried = format!("connecting to {host} through the proxy {proxy}");
            part(CheckSubject::Proxy, tried, Verdict::Ok, "it connects")
        }
        None => part(
            CheckSubject::Proxy,
            format!("looking for a proxy for {host}"),
            Verdict::Skipped,
            "none is used",
        ),
    });

    let status = reached.as_ref().ok().map(|reached| reached.status);
    let found = match status {
        Some(status) => format!("it responds (HTTP {status})"),
        None => "it connects".to_owned(),
    };
    let (verdict, advice) = match status.unwrap_or(401) {
        // 401 and 403 are the proper responses to a request without credentials.
        200..=299 | 401 | 403 => (Verdict::Ok, None),
        429 | 500.. => (Verdict::Warning, Some("try again later")),
        _ => (Verdict::Failed, Some("check that base_url leads to emnify's API")),
    };
    let url = http.base_url().trim_end_matches('/');
    let tried = format!("a request without credentials to {url}");
    let connection = part(CheckSubject::Connection, tried, verdict, &found);
    let is_wrong = connection.verdict == Verdict::Failed;
    checks.push(match advice {
        Some(advice) => connection.with_advice(advice),
        None => connection,
    });

    let sent_at = reached.as_ref().ok().and_then(|reached| reached.sent_at);
    let clock = clock(wall, sent_at);
    checks.push(match problem {
        // The error explains more than the time alone.
        Some((CheckSubject::Clock, error)) => {
            Check::failed(CheckSubject::Clock, clock.tried, REACH, error)
        }
        _ => clock,
    });

    let tried = format!("verifying the certificate of {host}");
    checks.push(match url.starts_with("https:") {
        true => part(CheckSubject::Tls, tried, Verdict::Ok, "it is trusted"),
        false => part(CheckSubject::Tls, tried, Verdict::Skipped, "not needed to this machine"),
    });
    let failed = problem.map(|(failed, _)| failed);
    Ok(failed.or(is_wrong.then_some(CheckSubject::Connection)))
}

/// Returns the part of the way that failed.
fn failed_part(error: &Error) -> CheckSubject {
    match (error.kind(), error.reason()) {
        (_, Some(ErrorReason::Dns)) => CheckSubject::Dns,
        (_, Some(ErrorReason::Clock)) => CheckSubject::Clock,
        (ErrorKind::Tls, _) => CheckSubject::Tls,
        (ErrorKind::Proxy, _) | (_, Some(ErrorReason::Proxy)) => CheckSubject::Proxy,
        _ => CheckSubject::Connection,
    }
}

/// Checks the clock by the server's, and by the date of this version.
fn clock(wall: SystemTime, server: Option<SystemTime>) -> Check {
    let check = |verdict, found| {
        Check::new(CheckSubject::Clock, verdict, "comparing the clock with emnify's", found)
    };
    let shown = format!("it shows {}", readable(wall));
    let compared = server.map(|server| {
        let apart = server.duration_since(wall).unwrap_or_else(|early| early.duration());
        (apart > TOLERANCE, format!("{shown}, emnify's shows {}", readable(server)))
    });
    match compared {
        _ if is_before_release(wall) => {
            let found = format!("{shown}, a time before this version was released");
            check(Verdict::Failed, found).with_advice(SET_CLOCK)
        }
        Some((true, found)) => check(Verdict::Warning, found).with_advice(SET_CLOCK),
        Some((false, found)) => check(Verdict::Ok, found),
        None => check(Verdict::Skipped, format!("{shown}; emnify's is not known")),
    }
}
