//! A log of the requests, so that tests can count and inspect them. Secrets are replaced before
//! anything is kept, so that a failing test that prints the log reveals none.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::fault::matches;
use crate::request::Request;

/// How many entries are kept. The counts include older ones.
const KEPT: usize = 20_000;

/// The fields of a body that contain secrets.
pub(crate) const SECRET_FIELDS: [&str; 6] =
    ["application_token", "auth_token", "code", "mfa_token", "password", "refresh_token"];

/// One request that the API listener received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// Its number, from 0, since the counters were reset.
    pub number: u64,
    /// The number of its connection, from 1.
    pub connection: u64,
    /// When it arrived, in seconds of Unix time on the sandbox's clock.
    pub at: i64,
    /// The method, such as `GET`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query after the question mark, as it was sent.
    pub query: String,
    /// The headers, with names in lower case. The token in `authorization` is replaced by `***`.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if it was not read. Secrets are replaced by `***`, as is a body that is not
    /// JSON.
    pub body: Option<String>,
    /// The status of the response; `None` if there was none, or not yet.
    pub status: Option<u16>,
}

/// Requests and counts since the last reset.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<LoggedRequest>,
    counts: HashMap<(String, String), Count>,
    next: u64,
    pub(crate) connections: u64,
    generation: u64,
}

/// The calls of one method and path.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Count {
    total: u64,
    by_status: HashMap<u16, u64>,
}

/// Identifies an entry, even if the log was reset meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryId {
    number: u64,
    generation: u64,
}

impl Log {
    /// Logs a request whose body has not been read yet.
    pub(crate) fn begin(&mut self, request: &Request, now: i64) -> EntryId {
        let id = EntryId { number: self.next, generation: self.generation };
        self.next += 1;
        let key = (request.method.clone(), request.path.clone());
        self.counts.entry(key).or_default().total += 1;
        if self.entries.len() >= KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(LoggedRequest {
            number: id.number,
            connection: request.connection,
            at: now,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.iter().map(masked_header).collect(),
            body: None,
            status: None,
        });
        id
    }

    pub(crate) fn body(&mut self, id: EntryId, body: &[u8]) {
        if let Some(entry) = self.entry(id) {
            entry.body = Some(masked_body(body));
        }
    }

    pub(crate) fn answered(&mut self, id: EntryId, status: u16) {
        let Some(entry) = self.entry(id) else { return };
        entry.status = Some(status);
        let key = (entry.method.clone(), entry.path.clone());
        *self.counts.entry(key).or_default().by_status.entry(status).or_default() += 1;
    }

    fn entry(&mut self, id: EntryId) -> Option<&mut LoggedRequest> {
        if id.generation != self.generation {
            return None;
        }
        let first = self.entries.front()?.number;
        self.entries.get_mut(usize::try_from(id.number.checked_sub(first)?).ok()?)
    }

    /// Returns the number of calls whose method and path match, and whose status does if one is
    /// given.
    pub(crate) fn calls(&self, method: &str, path: &str, status: Option<u16>) -> u64 {
        self.counts
            .iter()
            .filter(|((m, p), _)| matches(method, m) && matches(path, p))
            .map(|(_, count)| match status {
                None => count.total,
                Some(status) => count.by_status.get(&status).copied().unwrap_or(0),
            })
            .sum()
    }

    /// Returns every method and path with its count.
    pub(crate) fn counts(&self) -> Vec<(&str, &str, &Count)> {
        let mut all: Vec<_> =
            self.counts.iter().map(|((m, p), count)| (m.as_str(), p.as_str(), count)).collect();
        all.sort_by_key(|(method, path, _)| (*path, *method));
        all
    }

    pub(crate) fn entries(&self) -> Vec<LoggedRequest> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn reset(&mut self) {
        *self = Log { generation: self.generation + 1, ..Log::default() };
    }
}

fn masked_header((name, value): &(String, String)) -> (String, String) {
    let value = match (name.as_str(), value.split_once(' ')) {
        ("authorization", Some((scheme, _))) => format!("{scheme} ***"),
        ("authorization" | "cookie" | "proxy-authorization", _) => "***".to_owned(),
        _ => value.clone(),
    };
    (name.clone(), value)
}

fn masked_body(body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    match serde_json::from_slice(body) {
        Ok(mut value) => {
            mask(&mut value);
            value.to_string()
        }
        Err(_) => "***".to_owned(),
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRET_FIELDS.contains(&name.as_str()) {
                    *value = Value::from("***");
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_and_masks() {
        let mut log = Log::default();
        let body = json!({"application_token": "s3cret", "deep": [{"password": "s3cret"}], "a": 1});
        let request = Request::test("POST", "/api/v1/authenticate", &body).with_bearer("s3cret");
        let id = log.begin(&request, 5);
        log.body(id, &request.body);
        log.answered(id, 401);
        assert_eq!(log.calls("POST", "/api/v1/authenticate", None), 1);
        assert_eq!(log.calls("", "/api/*", Some(401)), 1);
        assert_eq!(log.calls("POST", "/api/v1/authenticate", Some(200)), 0);
        let entries = serde_json::to_string(&log.entries()).unwrap();
        assert!(!entries.contains("s3cret"), "{entries}");
        assert!(entries.contains("Bearer ***"));
    }

    #[test]
    fn a_response_after_a_reset_does_not_count() {
        let mut log = Log::default();
        let request = Request::test("GET", "/x", &Value::Null);
        let id = log.begin(&request, 0);
        log.reset();
        log.begin(&request, 0);
        log.answered(id, 200);
        assert_eq!(log.calls("GET", "/x", Some(200)), 0);
        assert_eq!(masked_body(b"not json s3cret"), "***");
    }
}
