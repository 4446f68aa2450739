//! The HTTP proxy in front of the API. It is chosen once, when a client is built, so that messages
//! can name it.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::http::url;
use crate::sys::signal_mask;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// How long a second request to the proxy may take, which finds out why it refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// The stack of the thread for that request, in bytes. Looking up a name needs it.
const STACK: usize = 256 * 1024;

/// A proxy. No `Debug`: it may contain a password.
pub(crate) struct Proxy {
    intercept: Intercept,
}

impl Proxy {
    /// Returns the proxy `given` or else the one from the environment. `None` if NO_PROXY contains
    /// the host of `base_url`, or if that is this machine.
    pub(crate) fn choose(given: Option<&Url>, base_url: &Url) -> Result<Option<Self>> {
        if url::is_loopback(base_url) {
            return Ok(None);
        }
        let exceptions = ["NO_PROXY", "no_proxy"].iter().find_map(|name| env::var(name).ok());
        let matcher = match given {
            Some(url) => {
                Matcher::builder().all(url.as_str()).no(exceptions.unwrap_or_default()).build()
            }
            None => Matcher::from_system(),
        };
        let base_url: Uri = base_url
            .as_str()
            .parse()
            .map_err(|_| Error::invalid_input("base_url", "cannot be used with a proxy"))?;
        Ok(matcher.intercept(&base_url).map(|intercept| Proxy { intercept }))
    }

    /// Returns host and port, for messages.
    pub(crate) fn peer(&self) -> String {
        let uri = self.intercept.uri();
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(default))
    }

    /// Returns the proxy in the HTTP library's type.
    pub(crate) fn for_reqwest(&self) -> Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.intercept.uri().to_string())
            .map_err(|_| Error::invalid_input("proxy", "is not the URL of a proxy"))?;
        Ok(match self.intercept.basic_auth() {
            Some(credentials) => proxy.custom_http_auth(credentials.clone()),
            None => proxy,
        })
    }

    /// Returns the status with which the proxy refuses to connect to `target`. The HTTP library
    /// reports only 407, so this sends a second request to the proxy. `None` if there is no
    /// response in time.
    pub(crate) fn status_for(&self, target: &str, patience: Duration) -> Option<u16> {
        if self.intercept.uri().scheme_str() != Some("http") {
            return None;
        }
        let credentials = self.intercept.basic_auth().and_then(|value: &HeaderValue| {
            let line = format!("Proxy-Authorization: {}\r\n", value.to_str().ok()?);
            Some(Secret::from(line))
        });
        let credentials = credentials.unwrap_or_else(|| Secret::from(""));
        let (peer, target) = (self.peer(), target.to_owned());
        let (sender, status) = mpsc::channel();
        // On a thread, since looking up the proxy's name has no time limit.
        let work = move || {
            let _ = sender.send(request_status(&peer, &target, &credentials));
        };
        signal_mask::start("emnify-proxy", STACK, Box::new(work)).ok()?;
        status.recv_timeout(patience.min(PATIENCE)).ok()?
    }
}

/// Asks the proxy to connect to `target`, and returns the status of its refusal.
fn request_status(peer: &str, target: &str, credentials: &Secret) -> Option<u16> {
    let mut stream = TcpStream::connect(peer).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    let request = Secret::from([head.as_str(), credentials.reveal(), "\r\n"].concat());
    stream.write_all(request.reveal().as_bytes()).ok()?;
    let mut line = String::new();
    // "HTTP/1.1 403"
    stream.take(12).read_to_string(&mut line).ok()?;
    let status = line.strip_prefix("HTTP/1.")?.split_at_checked(2)?.1.parse().ok()?;
    // This time the proxy may have connected.
    (!(200..300).contains(&status)).then_some(status)
}
