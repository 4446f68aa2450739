//! Faults that a test requests: responses that are wrong, late, cut off or missing. A fault affects
//! the requests that it matches, until it has affected a given number of them or is cleared.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// What goes wrong, and for which requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Affects only requests with this method; `None` for any.
    #[serde(default)]
    pub method: Option<String>,
    /// Affects only requests with exactly this path, or, with a `*` at its end, with a path that
    /// begins so. Empty for any.
    #[serde(default)]
    pub path: String,
    /// How many matching requests it affects; `None`: until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests succeed before.
    #[serde(default)]
    pub skip: u32,
    /// Whether the request still takes effect. Kinds that alter the right response always carry the
    /// request out, and `ResetBefore` never does. A `Delay` carries it out before the wait if this
    /// is set, otherwise after it.
    #[serde(default)]
    pub side_effect: bool,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Sends this response instead of the right one.
    Status {
        /// HTTP status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: String,
        /// The content type; default `application/json; charset=UTF-8`.
        #[serde(default = "json_content_type")]
        content_type: String,
        /// Further headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Sends the right response later.
    Delay {
        /// How much later.
        milliseconds: u64,
    },
    /// Refuses connections and closes idle ones, whatever the method and path. Requests in progress
    /// still get a response, and the control listener keeps running. A client with an idle
    /// connection may see it close before a new one is refused. Afterwards the sandbox listens on
    /// the same port again.
    Refuse {
        /// How long; `None`: until the faults are cleared.
        #[serde(default)]
        milliseconds: Option<u64>,
    },
    /// Resets the connection when the request's head has arrived. The request has no effect.
    ResetBefore,
    /// Carries the request out, then resets the connection without a response.
    ResetAfter,
    /// Sends the right response's `Content-Length` and half of its body, then closes the
    /// connection. A response without a body is sent as it is.
    CutBody,
    /// Sends a 200 with a body that does not end.
    EndlessBody {
        /// As fast as possible, instead of a few bytes five times a second.
        #[serde(default)]
        fast: bool,
    },
    /// Sends a 200 whose body ends in the middle of a JSON text.
    InvalidJson,
    /// Sends a page of HTML.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// Sends the right response with the content type `text/plain`.
    WrongContentType,
    /// Sends a 200 with `{}`.
    NoAuthToken,
    /// Sends the right response with an auth token that is not a JWT, but works.
    TokenNotJwt,
    /// Sends the right response with a wrong `Date`.
    DateOff {
        /// How far it is ahead; negative: behind.
        seconds: i64,
    },
    /// Sends an error object whose messages quote the secrets in the request.
    EchoSecrets {
        /// HTTP status.
        #[serde(default = "unprocessable")]
        status: u16,
    },
}

fn json_content_type() -> String {
    "application/json; charset=UTF-8".to_owned()
}

fn unprocessable() -> u16 {
    422
}

impl Fault {
    /// Creates a fault that affects every request for the path until it is cleared.
    pub fn new(path: impl Into<String>, kind: FaultKind) -> Fault {
        Fault { method: None, path: path.into(), times: None, skip: 0, side_effect: false, kind }
    }

    /// Creates a fault that affects the next request for the path.
    pub fn once(path: impl Into<String>, kind: FaultKind) -> Fault {
        Fault::new(path, kind).times(1)
    }

    /// Limits the fault to requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Fault {
        self.method = Some(method.into());
        self
    }

    /// Limits the fault to this number of requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    /// Lets this number of matching requests succeed before.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Fault {
        self.skip = skip;
        self
    }

    /// Lets the request take effect: see [`Fault::side_effect`].
    #[must_use]
    pub fn with_side_effect(mut self) -> Fault {
        self.side_effect = true;
        self
    }
}

impl FaultKind {
    /// Creates a fault that sends this status with a JSON body.
    pub fn status(status: u16, body: impl Into<String>) -> FaultKind {
        FaultKind::Status {
            status,
            body: body.into(),
            content_type: json_content_type(),
            headers: BTreeMap::new(),
        }
    }
}

/// The faults in effect, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: VecDeque<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.times != Some(0) {
            self.waiting.push_back(fault);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn all(&self) -> Vec<Fault> {
        self.waiting.iter().cloned().collect()
    }

    /// Returns the fault that affects this request, and counts it as used.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let mut hit = None;
        for fault in &mut self.waiting {
            let wanted = fault.method.as_deref().unwrap_or_default();
            if !matches(wanted, method) || !matches(&fault.path, path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times = times.saturating_sub(1);
            }
            hit = Some(fault.clone());
            break;
        }
        self.waiting.retain(|fault| fault.times != Some(0));
        hit
    }
}

/// Whether a text matches the pattern. An empty pattern matches any text, a `*` at its end any
/// continuation.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => pattern.is_empty() || pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_affects_only_the_requests_it_names() {
        let mut faults = Faults::default();
        faults.add(Fault::new("/a", FaultKind::InvalidJson).method("POST").times(2).skip(1));
        assert!(faults.take("GET", "/a").is_none());
        assert!(faults.take("POST", "/b").is_none());
        assert!(faults.take("POST", "/a").is_none());
        assert!(faults.take("POST", "/a").is_some());
        assert!(faults.take("POST", "/a").is_some());
        assert!(faults.take("POST", "/a").is_none());
    }

    #[test]
    fn patterns() {
        assert!(matches("", "/x") && matches("/x", "/x") && matches("/x*", "/x/y"));
        assert!(!matches("/x", "/x/y"));
    }

    #[test]
    fn reads_json() {
        let text = r#"{"path":"/a","times":1,"kind":"status","status":503}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(fault, Fault::once("/a", FaultKind::status(503, "")));
        let refuse: Fault = serde_json::from_str(r#"{"kind":"refuse"}"#).unwrap();
        assert_eq!(refuse.kind, FaultKind::Refuse { milliseconds: None });
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"nonsense"}"#).is_err());
    }
}
