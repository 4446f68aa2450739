//! Reads from emnify's events which sign-ins with application tokens it refused, and finds the
//! application tokens that they were made with. The events are text for people, so every field but
//! that text may be missing.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::json;
use crate::api::list::read_pages;
use crate::calls::application_tokens::TokenCalls;
use crate::http::Call;
use crate::http::status_error::clean;
use crate::sys::wait::Wait;
use crate::types::date;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::EventKind;

/// To follow "cannot" in a message.
const LIST: &str = "list the refused sign-ins";

const EVENTS: &str = "/api/v1/event";

/// The type of an event about an application token that was refused.
const REFUSED: u64 = 7;

/// The number of events for each request.
const PER_PAGE: u64 = 100;

/// The most requests. One machine that keeps trying causes any number of events, and a call has to
/// end within its time limit.
const MOST_PAGES: u64 = 20;

/// A sign-in with an application token that emnify refused, of any machine in the workspace.
/// Returned by [`ApplicationTokens::failures`](crate::ApplicationTokens::failures).
///
/// emnify describes it in a sentence. If this library cannot parse the sentence, all fields but
/// `description` and `at` are empty.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use std::time::Duration;
///
/// for failure in client.application_tokens().failures(Duration::from_secs(86_400))? {
///     let name = failure.token_name.as_deref().unwrap_or(&failure.description);
///     println!("{:?}: {name} {:?} was refused", failure.at, failure.token_ids);
///     println!("  from {:?}: {:?}", failure.address, failure.reason);
///     if let Some(id) = failure.successor_id {
///         println!("  the machine there should probably be given token {id}");
///     }
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignInFailure {
    /// When the sign-in was refused, on emnify's clock. `None` if that is unknown.
    #[serde(serialize_with = "rfc_3339")]
    pub at: Option<SystemTime>,
    /// What emnify wrote about it, at most 500 characters, without control characters.
    pub description: String,
    /// The name of the application token: its description.
    pub token_name: Option<String>,
    /// The ids of the application tokens that it can have been, according to the list. Several if
    /// they have the same description, none if no token has this name or the list cannot be read.
    pub token_ids: Vec<u64>,
    /// The id of the application token that probably replaced the refused one: that one is revoked,
    /// and this is the only active token with its description. The machine at `address` should use
    /// it.
    pub successor_id: Option<u64>,
    /// Why emnify refused it, in its words: `TokenStatus Revoked`.
    pub reason: Option<String>,
    /// The address from which the sign-in came.
    pub address: Option<IpAddr>,
}

fn rfc_3339<S: Serializer>(at: &Option<SystemTime>, to: S) -> std::result::Result<S::Ok, S::Error> {
    at.and_then(date::wire).serialize(to)
}

impl TokenCalls<'_> {
    /// Returns the sign-ins that emnify refused within this time, the latest first.
    pub(crate) fn failures(&self, since: Duration) -> Result<Vec<SignInFailure>> {
        let wait = self.transport.wait();
        let mut failures = self.recorded(since, &wait)?;
        if !failures.is_empty() {
            match self.list_within(&wait) {
                Ok(rows) => identify(&mut failures, &rows),
                // The events are worth reading without it.
                Err(error) if error.kind() == ErrorKind::Forbidden => {}
                Err(error) => return Err(error),
            }
        }
        Ok(failures)
    }

    /// Returns the ids of the application tokens with which emnify refused a sign-in within this
    /// time. None if that cannot be read, which is reported: the list is worth reading without it.
    pub(super) fn refused_lately(
        &self,
        rows: &[ApplicationToken],
        within: Duration,
        wait: &Wait,
    ) -> Result<HashSet<u64>> {
        if within.is_zero() {
            return Ok(HashSet::new());
        }
        let mut failures = match self.recorded(within, wait) {
            Err(error) if error.kind() != ErrorKind::Cancelled => {
                self.report_incomplete(error);
                Vec::new()
            }
            result => result?,
        };
        identify(&mut failures, rows);
        Ok(failures.into_iter().flat_map(|failure| failure.token_ids).collect())
    }

    fn report_incomplete(&self, error: Error) {
        self.transport.session.report(EventKind::AuditIncomplete, error);
        self.transport.session.deliver_events();
    }

    /// Returns the sign-ins that emnify refused within this time, without ids. If there are too
    /// many, it returns some of them and reports that.
    fn recorded(&self, since: Duration, wait: &Wait) -> Result<Vec<SignInFailure>> {
        // emnify's clock is known after a sign-in.
        self.own_auth_token(wait)?;
        let from = self.transport.session.server_time().and_then(|now| now.checked_sub(since));
        let mut query = vec![("q", format!("type:{REFUSED}")), ("per_page", PER_PAGE.to_string())];
        query.extend(from.and_then(date::wire).map(|from| ("from", from)));
        let fetch = |query: &[(&str, String)]| {
            let call = Call { query, ..Call::new(LIST, Method::GET, EVENTS) };
            Ok(self.transport.send(&call, wait)?.into_page())
        };
        let (mut failures, are_all) =
            read_pages(MOST_PAGES, LIST, &query, fetch, SignInFailure::read)?;
        if !are_all {
            let message = format!(
                "cannot {LIST}: there are more than the {} that were read; ask for a shorter time",
                failures.len()
            );
            self.report_incomplete(Error::new(ErrorKind::Resource, message));
        }
        // Whether emnify applies all criteria is not known.
        failures.retain(|failure| failure.at.is_none_or(|at| Some(at) >= from));
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.at));
        Ok(failures)
    }
}

impl SignInFailure {
    /// Reads an event. Returns `None` if it is of another type or has no text.
    pub(crate) fn read(json: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Row<'a> {
            description: Option<String>,
            timestamp: Option<String>,
            #[serde(borrow)]
            event_type: Option<Type<'a>>,
        }
        #[derive(Deserialize)]
        struct Type<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
        }
        let row: Row<'_> = json::part(json)?;
        let of_type = row.event_type.and_then(|of| of.id).and_then(json::whole::<u64>);
        let text = row.description.filter(|_| of_type.is_none_or(|of| of == REFUSED))?;
        let parts = parse(&text);
        Some(SignInFailure {
            at: row.timestamp.as_deref().and_then(date::instant),
            token_name: parts.map(|(name, ..)| clean(name, &[])),
            token_ids: Vec::new(),
            successor_id: None,
            reason: parts.map(|(_, reason, _)| clean(reason, &[])),
            address: parts.map(|(.., address)| address),
            description: clean(&text, &[]),
        })
    }
}

/// Reads the name of the token, the reason and the address from a text such as `Failed
/// authentication request from 'gateway 7', Reason: TokenStatus Revoked from IP 203.0.113.7`.
fn parse(text: &str) -> Option<(&str, &str, IpAddr)> {
    // From the end, since the name may contain anything.
    let (rest, address) = text.rsplit_once(" from IP ")?;
    let (rest, reason) = rest.rsplit_once("', Reason: ")?;
    let (_, name) = rest.split_once(" from '")?;
    Some((name, reason, address.trim_end_matches(['.', ' ']).parse().ok()?))
}

/// Finds the application tokens that the sign-ins were made with.
fn identify(failures: &mut [SignInFailure], rows: &[ApplicationToken]) {
    let mut named: HashMap<String, Vec<&ApplicationToken>> = HashMap::new();
    for row in rows {
        named.entry(clean(row.description().unwrap_or(""), &[])).or_default().push(row);
    }
    let is_revoked =
        |row: &&ApplicationToken| row.status() == Some(ApplicationTokenStatus::Revoked);
    for failure in failures {
        let Some(same_name) = failure.token_name.as_ref().and_then(|name| named.get(name)) else {
            continue;
        };
        let says_revoked = failure.reason.as_ref().is_some_and(|reason| reason.contains("Revoked"));
        let (mut likely, others): (Vec<_>, Vec<_>) =
            same_name.iter().copied().partition(|row| is_revoked(row) == says_revoked);
        if likely.is_empty() {
            // It was revoked since, or emnify writes the reason in other words.
            likely = others;
        } else if let (true, [successor]) = (says_revoked, others.as_slice()) {
            let is_later = likely.iter().all(|row| row.created_at() <= successor.created_at());
            failure.successor_id = is_later.then_some(successor.id());
        }
        failure.token_ids = likely.iter().map(|row| row.id()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-11-24T12:00:00.000Z";

    fn failure(description: &str) -> Option<SignInFailure> {
        SignInFailure::read(
            &serde_json::json!({"id": 1, "event_type": {"id": 7}, "timestamp": AT,
                                "description": description})
            .to_string(),
        )
    }

    fn refused(name: &str, reason: &str) -> SignInFailure {
        let text = format!("Failed authentication request from '{name}', Reason: {reason}");
        failure(&format!("{text} from IP 203.0.113.7")).unwrap()
    }

    #[test]
    fn the_text_of_an_event_is_parsed() {
        for name in ["gateway 7", "", "it's from 'here', Reason: none from IP 192.0.2.1"] {
            let read = refused(name, "TokenStatus Revoked");
            assert_eq!(read.token_name.as_deref(), Some(name));
            assert_eq!(read.reason.as_deref(), Some("TokenStatus Revoked"));
            assert_eq!(read.address, Some(IpAddr::from([203, 0, 113, 7])));
            assert_eq!(read.at, date::instant(AT));
        }
        let dot = failure("Failed from 'a', Reason: b from IP 2001:db8::7.").unwrap();
        assert_eq!(dot.address, Some("2001:db8::7".parse().unwrap()));
    }

    #[test]
    fn a_text_that_cannot_be_parsed_is_kept() {
        for text in ["", "Failed", "x from 'a', Reason: b", "x from 'a', Reason: b from IP here"] {
            let kept = failure(text).unwrap();
            assert_eq!(kept.description, text);
            assert_eq!((kept.token_name, kept.reason, kept.address), (None, None, None));
        }
    }

    #[test]
    fn the_text_is_limited_and_cannot_deceive_a_terminal() {
        let name = format!("\u{1b}[2Jevil\u{202e}\n{}", "x".repeat(10_000));
        let read = refused(&name, "TokenStatus\r\nRevoked");
        assert_eq!(read.reason.as_deref(), Some("TokenStatus  Revoked"));
        for text in [read.token_name.unwrap(), read.description] {
            assert!(text.chars().count() <= 501, "{}", text.len());
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']), "{text}");
        }
    }

    #[test]
    fn other_events_and_rows_without_text_are_skipped() {
        for row in [
            r#"{"event_type":{"id":1},"description":"a"}"#,
            r#"{"event_type":{"id":7}}"#,
            r#"{"description":null}"#,
            r#"{"description":7}"#,
            "7",
        ] {
            assert_eq!(SignInFailure::read(row), None, "{row}");
        }
        let bare = SignInFailure::read(r#"{"description":"a"}"#).unwrap();
        assert_eq!((bare.at, bare.description.as_str()), (None, "a"));
    }

    #[test]
    fn the_token_is_found_by_its_name_and_doubt_is_shown() {
        let row = |id: u64, name: &str, status: u8| {
            let row = serde_json::json!({"id": id, "description": name, "status": {"id": status}});
            ApplicationToken::read(&row.to_string()).unwrap()
        };
        let rows = [
            row(1, "rotated", 1),
            row(2, "rotated", 0),
            row(3, "rotated twice", 1),
            row(4, "rotated twice", 1),
            row(5, "rotated twice", 0),
            row(6, "twins", 0),
            row(7, "twins", 0),
            row(8, "given up", 1),
        ];
        for (name, reason, ids, successor) in [
            ("rotated", "TokenStatus Revoked", vec![1], Some(2)),
            ("rotated", "IP not allowed", vec![2], None),
            ("rotated twice", "TokenStatus Revoked", vec![3, 4], Some(5)),
            ("twins", "TokenStatus Expired", vec![6, 7], None),
            ("twins", "TokenStatus Revoked", vec![6, 7], None),
            ("given up", "TokenStatus Revoked", vec![8], None),
            ("given up", "IP not allowed", vec![8], None),
            ("unknown", "TokenStatus Revoked", vec![], None),
        ] {
            let mut failures = [refused(name, reason)];
            identify(&mut failures, &rows);
            let [found] = failures;
            assert_eq!((found.token_ids, found.successor_id), (ids, successor), "{name} {reason}");
        }
    }

    #[test]
    fn an_older_token_of_the_same_name_is_not_a_successor() {
        let rows = [(1, "2026-01-01", 0), (2, "2026-02-01", 1)].map(|(id, created, status)| {
            let row = serde_json::json!({"id": id, "description": "a", "created": created,
                                         "status": {"id": status}});
            ApplicationToken::read(&row.to_string()).unwrap()
        });
        let mut failures = [refused("a", "TokenStatus Revoked")];
        identify(&mut failures, &rows);
        assert_eq!((failures[0].token_ids.as_slice(), failures[0].successor_id), (&[2][..], None));
    }
}
