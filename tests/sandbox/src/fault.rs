//! Faults that a test asks for: answers that are wrong, late, cut off or never come. A fault waits
//! for the requests that it matches and wears off after so many of them, or stays until cleared.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Something that goes wrong, and for which requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Only requests with this method; `None` for any.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests with this path, exactly; with a `*` at its end, with paths that begin so.
    /// Empty for any.
    #[serde(default)]
    pub path: String,
    /// How many matching requests it hits; `None` until cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests pass unharmed before.
    #[serde(default)]
    pub skip: u32,
    /// Whether the request is carried out all the same before the response goes wrong. Kinds that
    /// need the right response carry it out anyway and `ResetBefore` never does; a `Delay` carries it
    /// out before the wait with this, else after it.
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
    /// This response, instead of the right one.
    Status {
        /// HTTP status.
        status: u16,
        /// Body, as it is sent.
        #[serde(default)]
        body: String,
        /// Content type, `application/json; charset=UTF-8` where nothing else is said.
        #[serde(default = "json_content_type")]
        content_type: String,
        /// Further headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The right response, later.
    Delay {
        /// How much later.
        milliseconds: u64,
    },
    /// Connections are refused and idle ones closed, whatever the method and path; requests under
    /// way are still answered, and the control listener stays. A client that had an idle connection
    /// may see that one end before it is refused a new one. Afterwards the sandbox is back on the
    /// same port.
    Refuse {
        /// How long; `None` until the faults are cleared.
        #[serde(default)]
        milliseconds: Option<u64>,
    },
    /// The connection is reset as soon as the request's head has arrived; nothing is done.
    ResetBefore,
    /// The request is carried out; then the connection is reset and there is no response.
    ResetAfter,
    /// The right response's `Content-Length`, half of its body, and the connection ends.
    CutBody,
    /// A 200 with a body that does not end.
    EndlessBody {
        /// As fast as it goes, instead of a few bytes five times a second.
        #[serde(default)]
        fast: bool,
    },
    /// A 200 with a body that ends in the middle of a JSON text.
    InvalidJson,
    /// A page of HTML.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// The right response, called `text/plain`.
    WrongContentType,
    /// A 200 with `{}`.
    NoAuthToken,
    /// The right response, save that the auth token is opaque. It works all the same.
    TokenNotJwt,
    /// The right response, with a `Date` that is off.
    DateOff {
        /// By how much; negative for the past.
        seconds: i64,
    },
    /// An error object whose messages quote the secrets that the request carried.
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
    /// Hits every request for the path until cleared.
    pub fn new(path: impl Into<String>, kind: FaultKind) -> Fault {
        Fault { method: None, path: path.into(), times: None, skip: 0, side_effect: false, kind }
    }

    /// Hits the next request for the path.
    pub fn once(path: impl Into<String>, kind: FaultKind) -> Fault {
        Fault::new(path, kind).times(1)
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Fault {
        self.method = Some(method.into());
        self
    }

    /// Wears off after so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    /// Lets so many matching requests pass before.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Fault {
        self.skip = skip;
        self
    }

    /// Carries the request out before the response goes wrong.
    #[must_use]
    pub fn with_side_effect(mut self) -> Fault {
        self.side_effect = true;
        self
    }
}

impl FaultKind {
    /// This status, with a body of JSON.
    pub fn status(status: u16, body: impl Into<String>) -> FaultKind {
        FaultKind::Status {
            status,
            body: body.into(),
            content_type: json_content_type(),
            headers: BTreeMap::new(),
        }
    }
}

/// The faults in waiting, oldest first.
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

    /// The fault that hits this request. It is counted as used.
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

/// Whether a text is the wanted one. An empty pattern takes any, one that ends in `*` a beginning.
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
    fn wears_off() {
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
