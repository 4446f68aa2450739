//! What was asked of the sandbox, so that tests can count calls and look at requests. Secrets are
//! replaced before anything is kept: a log that is printed by a failing test gives nothing away.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::fault::matches;
use crate::request::Request;

/// Entries kept; the counts go on.
const KEPT: usize = 20_000;

/// Fields of a body that hold secrets.
pub(crate) const SECRET_FIELDS: [&str; 6] =
    ["application_token", "auth_token", "code", "mfa_token", "password", "refresh_token"];

/// One request that the API listener received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// Counts from 0 and starts again when the counters are reset.
    pub number: u64,
    /// Which connection it came on, counted from 1.
    pub connection: u64,
    /// When, in seconds of Unix time by the sandbox's clock.
    pub at: i64,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// What follows the question mark, as it was sent.
    pub query: String,
    /// Names in lower case. The token in `authorization` is replaced by `***`.
    pub headers: Vec<(String, String)>,
    /// `None` where the body was not read. Secrets are replaced by `***`, and so is what is no JSON.
    pub body: Option<String>,
    /// Status that was answered, or `None` where there was no response (yet).
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

/// Calls of one method and path.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Count {
    total: u64,
    by_status: HashMap<u16, u64>,
}

/// Finds an entry again after a reset may have come in between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryId {
    number: u64,
    generation: u64,
}

impl Log {
    /// Takes down a request whose body is not read yet.
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

    /// Calls whose method and path match, and whose status does, where one is given.
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

    /// Every method and path with its count.
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
    fn an_answer_after_a_reset_counts_for_nothing() {
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
