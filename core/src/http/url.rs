//! Checks the URLs and paths that calls may go to. A path cannot leave the base URL.

use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use crate::types::error::{Error, Result};

/// Reads the base URL of all calls: an origin, optionally with a path. It must be `https`, or
/// `http` to this machine. `name` is the name of the argument.
pub(crate) fn base_url(name: &str, text: &str) -> Result<Url> {
    let refuse = |problem: &str| Err(Error::invalid_input(name, problem));
    let Ok(url) = Url::parse(text) else {
        return refuse("is not a URL such as https://cdn.emnify.net");
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return refuse("must start with https://; http is allowed to this machine only"),
        _ => return refuse("must start with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not contain a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must not contain a query or fragment");
    }
    let path = url.path().trim_end_matches('/');
    if path.ends_with("/api") || path.ends_with("/api/v1") {
        return refuse("must not end in /api or /api/v1, with which every path already starts");
    }
    Ok(url)
}

/// Reads the URL of an HTTP proxy, optionally with a user name and password.
pub(crate) fn proxy(text: &str) -> Result<Url> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        // The URL may contain a password, so it is not repeated.
        _ => Err(Error::invalid_input("proxy", "is not a URL such as http://proxy.example:3128")),
    }
}

/// Splits a path of the API from the query that may follow it. The path is relative to the base URL
/// and cannot leave it.
pub(crate) fn path(text: &str) -> Result<(&str, Vec<(String, String)>)> {
    let refuse = |problem: &str| Err(Error::invalid_input("path", problem));
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if !path.starts_with('/') || path.starts_with("//") {
        return refuse(
            "must start with one slash, such as /api/v1/sim; it is relative to base_url",
        );
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains(['\\', '#']) {
        return refuse(
            "contains a space, a control character, a backslash, a # or a non-ASCII character",
        );
    }
    if !is_well_encoded(path) {
        return refuse(
            "contains a % that is not followed by two hexadecimal digits, or encodes invalid UTF-8",
        );
    }
    if leads_upwards(path) {
        return refuse("must not contain . or .. between slashes, in any encoding");
    }
    Ok((path, form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
}

/// How many times a path is decoded at most. Each server in a chain may decode it once.
const MOST_DECODINGS: usize = 4;

/// Whether a server could read the path as one that leads upwards: after decoding it, by taking a
/// backslash for a slash, or by ignoring what follows a semicolon, a space or a NUL.
fn leads_upwards(path: &str) -> bool {
    let mut path = path.as_bytes().to_vec();
    for _ in 0..MOST_DECODINGS {
        let is_dots = |part: &[u8]| {
            let name = part.split(|byte| matches!(byte, b';' | ..=b' ')).next();
            matches!(name, Some(b"." | b".."))
        };
        if path.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dots) {
            return true;
        }
        let decoded = decoded(&path);
        if decoded == path {
            return false;
        }
        path = decoded;
    }
    true
}

/// Decodes percent-encoded bytes. Any other percent sign stays.
fn decoded(path: &[u8]) -> Vec<u8> {
    let (mut rest, mut decoded) = (path, Vec::with_capacity(path.len()));
    while let Some((first, after)) = rest.split_first() {
        match (first, encoded(after)) {
            (b'%', Some((byte, after))) => {
                decoded.push(byte);
                rest = after;
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// Decodes a part of a URL; `None` if it is not UTF-8.
#[cfg(feature = "redis")]
pub(crate) fn decoded_text(part: &str) -> Option<String> {
    String::from_utf8(decoded(part.as_bytes())).ok()
}

/// Reads two hexadecimal digits as a byte. Returns also the rest of the text.
fn encoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<2>()?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    Some((u8::from_str_radix(digits, 16).ok()?, rest))
}

/// Whether each percent sign encodes a byte, and the decoded path is valid UTF-8, in which a dot
/// has only one encoding.
fn is_well_encoded(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| encoded(rest.as_bytes()).is_some())
        && std::str::from_utf8(&decoded(path.as_bytes())).is_ok()
}

/// Whether the URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || IpAddr::from_str(host).is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_base_url() {
        for text in [
            "/",
            "/api/v1/sim",
            "/api/v1/sim/7",
            "/api/v1/sim?per_page=5&q=status%3A1",
            "/api/v1/tag/a%2Fb",
            "/api/v1/tag/100%25",
            "/api/v1/tag/a..b/.well-known/c.d/...",
            "/api/v1/tag/%C3%A4;v=1",
            "/api/v1/sim?q=../..;%2e%zz",
        ] {
            assert!(path(text).is_ok(), "{text}");
        }
        let (only_path, query) = path("/api/v1/sim?a=1&b=%C3%A4+c").unwrap();
        assert_eq!(only_path, "/api/v1/sim");
        assert_eq!(query, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "ä c".to_owned())]);
        for text in [
            "",
            "api/v1/sim",
            "//evil.example/x",
            "https://evil.example/",
            "/a/../b",
            "/a/%2e%2E/b",
            "/a/./b",
            "/a/..",
            "/a/..;/b",
            "/a/..;x=1/b",
            "/a/%2e%2e;/b",
            "/a/..%3B/b",
            "/a/.;/b",
            "/a%2f..",
            "/a%2F..%2Fb",
            "/a/%2e%2e%2fb",
            "/a/.%2E/b",
            "/a/%2e",
            "/a%5c..%5Cb",
            "/a/..%5cb",
            "/a/%252e%252E/b",
            "/a%252f..",
            "/a/%25252e%25252e/b",
            "/a/%2525252525252e/b",
            "/a/..%00/b",
            "/a/..%20/b",
            "/a/..%09/b",
            "/a/%c0%ae%c0%ae/b",
            "/a/%ff",
            "/a/%u002e%u002e/b",
            "/a/%",
            "/a/%2",
            "/a/%+2/b",
            "/a\\b",
            "/a b",
            "/a\r\nHost: evil",
            "/a#b",
            "/ä",
            "\\\\evil",
        ] {
            let message = path(text).unwrap_err().to_string();
            assert!(message.starts_with("path: "), "{text}: {message}");
        }
    }

    #[test]
    fn base_urls_are_https_or_lead_to_this_machine() {
        for text in [
            "https://cdn.emnify.net",
            "https://proxy.example/emnify/",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:1",
        ] {
            assert!(base_url("base_url", text).is_ok(), "{text}");
        }
        for text in [
            "",
            "cdn.emnify.net",
            "http://cdn.emnify.net",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://user:canary@cdn.emnify.net",
            "https://cdn.emnify.net?q",
            "https://cdn.emnify.net/api",
            "https://cdn.emnify.net/api/v1/",
            "https://",
        ] {
            let message = base_url("base_url", text).unwrap_err().to_string();
            assert!(message.starts_with("base_url: "), "{message}");
            assert!(!message.contains("canary"), "{message}");
        }
    }
}
