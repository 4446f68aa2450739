//! One request as the handlers see it: completely read, and without types of the HTTP library. So
//! handlers are plain functions of the state and a request.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A request that was completely read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) peer: IpAddr,
    pub(crate) connection: u64,
}

impl Request {
    /// Returns the first header with this name, which must be in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the credential after `Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Returns the first query parameter with this name, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns the body, if it is a JSON object.
    pub(crate) fn object(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Reads the body as JSON of this type.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
impl Request {
    /// Creates a request from this machine, for tests of handlers.
    pub(crate) fn test(method: &str, target: &str, body: &Value) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
            peer: IpAddr::from([127, 0, 0, 1]),
            connection: 0,
        }
    }

    pub(crate) fn with_bearer(mut self, token: &str) -> Request {
        self.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_bearer_token_and_parameters() {
        let request = Request::test("GET", "/x?page=2&q=a%3Ab", &Value::Null).with_bearer("abc");
        assert_eq!(request.bearer(), Some("abc"));
        assert_eq!(request.parameter("q").as_deref(), Some("a:b"));
        assert_eq!(request.parameter("per_page"), None);
        assert!(request.object().is_none());
    }
}
