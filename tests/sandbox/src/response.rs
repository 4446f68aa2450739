//! Responses, with the three forms of error bodies that clients see: emnify's own, that of the
//! gateway in front of it, and a page of HTML. Responses are compressed here, too.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const JSON: &str = "application/json; charset=UTF-8";

/// A response before it goes to the HTTP library.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Seconds by which the `Date` header is ahead; negative: behind.
    pub(crate) date_off: i64,
}

/// An entry of emnify's error table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorCode(pub(crate) u16, pub(crate) &'static str);

pub(crate) const BAD_REQUEST: ErrorCode = ErrorCode(1000, "BadRequest");
pub(crate) const INVALID_TOKEN: ErrorCode = ErrorCode(1102, "InvalidToken");
pub(crate) const TOKEN_EXPIRED: ErrorCode = ErrorCode(1103, "TokenExpired");
pub(crate) const FORBIDDEN: ErrorCode = ErrorCode(1104, "Forbidden");
pub(crate) const TOO_MANY_REQUESTS: ErrorCode = ErrorCode(1105, "TooManyRequests");
pub(crate) const NOT_FOUND: ErrorCode = ErrorCode(1201, "NotFound");
pub(crate) const INVALID_QUERY: ErrorCode = ErrorCode(1301, "InvalidQueryCriteria");
pub(crate) const INVALID_SORT: ErrorCode = ErrorCode(1302, "InvalidSortCriteria");
pub(crate) const INPUT_VALIDATION: ErrorCode = ErrorCode(1400, "InputValidationFailed");
pub(crate) const INVALID_REFERENCE: ErrorCode = ErrorCode(1401, "InvalidReference");
pub(crate) const REQUIRED: ErrorCode = ErrorCode(1402, "Required");
pub(crate) const INVALID_FORMAT: ErrorCode = ErrorCode(1403, "InvalidFormat");
pub(crate) const DUPLICATED: ErrorCode = ErrorCode(1405, "Duplicated");
pub(crate) const NOT_ALLOWED: ErrorCode = ErrorCode(1406, "NotAllowed");

impl Response {
    pub(crate) fn empty(status: u16) -> Response {
        Response { status, ..Response::default() }
    }

    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        let mut response = Response { status, body: body.into(), ..Response::default() };
        if !content_type.is_empty() {
            response.set_header("Content-Type", content_type);
        }
        response
    }

    pub(crate) fn json(status: u16, body: &Value) -> Response {
        Response::text(status, JSON, body.to_string())
    }

    /// Returns emnify's error object.
    pub(crate) fn error(status: u16, code: ErrorCode, message: &str) -> Response {
        Response::json(status, &error_object(code, message))
    }

    /// Returns emnify's error object for input with several errors.
    pub(crate) fn invalid(errors: &[(ErrorCode, String)]) -> Response {
        let mut body = error_object(INPUT_VALIDATION, "Input validation failed");
        let errors = errors.iter().map(|(code, message)| error_object(*code, message)).collect();
        if let Value::Object(body) = &mut body {
            body.insert("errors".to_owned(), Value::Array(errors));
        }
        Response::json(422, &body)
    }

    /// Returns the response of the gateway in front of the API to a request that it refuses.
    pub(crate) fn gateway(message: &str, error_type: &str) -> Response {
        let body = json!({ "message": message }).to_string();
        let mut response = Response::text(401, "application/json", body);
        response.set_header("x-amzn-ErrorType", error_type);
        response
    }

    /// Returns a page like those of content delivery networks.
    pub(crate) fn html(status: u16) -> Response {
        let body = format!(
            "<html>\r\n<head><title>{status} ERROR</title></head>\r\n<body>\r\n\
             <h1>{status} ERROR</h1>\r\n<p>The request could not be satisfied.</p>\r\n\
             </body>\r\n</html>\r\n"
        );
        Response::text(status, "text/html", body)
    }

    /// Sets a header and replaces one of the same name.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Compresses the body, if there is one.
    pub(crate) fn gzip(mut self) -> Response {
        if let (false, Ok(compressed)) = (self.body.is_empty(), compress(&self.body)) {
            self.body = compressed;
            self.set_header("Content-Encoding", "gzip");
        }
        self
    }
}

fn error_object(ErrorCode(code, token): ErrorCode, message: &str) -> Value {
    json!({ "error_code": code, "error_token": token, "message": message })
}

fn compress(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// Whether an `Accept-Encoding` header allows gzip.
pub(crate) fn accepts_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_errors() {
        let response = Response::invalid(&[(INVALID_FORMAT, "expiry_date: not a date".to_owned())]);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 422);
        assert_eq!(body["error_token"], "InputValidationFailed");
        assert_eq!(body["errors"][0]["error_code"], 1403);
    }

    #[test]
    fn gzip_only_for_those_who_ask() {
        assert!(accepts_gzip("deflate, gzip;q=0.8"));
        assert!(accepts_gzip("GZIP"));
        assert!(!accepts_gzip("gzip;q=0, identity"));
        assert!(!accepts_gzip("br"));
    }
}
