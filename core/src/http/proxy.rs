//! The proxy that leads to the API, if there is one: chosen once, when a client is built, so that
//! messages can name it.

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

/// The longest that a proxy is asked once more why it refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// What looking up a name takes.
const STACK: usize = 256 * 1024;

/// No `Debug`: it may hold a password.
pub(crate) struct Proxy {
    intercept: Intercept,
}

impl Proxy {
    /// The proxy that `given` or else the environment names, unless NO_PROXY names the host of
    /// `base_url`. This machine is always reached directly.
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
            .map_err(|_| Error::invalid_input("base_url", "cannot be reached through a proxy"))?;
        Ok(matcher.intercept(&base_url).map(|intercept| Proxy { intercept }))
    }

    /// Host and port, for messages.
    pub(crate) fn peer(&self) -> String {
        let uri = self.intercept.uri();
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(default))
    }

    /// What the HTTP library takes.
    pub(crate) fn for_reqwest(&self) -> Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.intercept.uri().to_string())
            .map_err(|_| Error::invalid_input("proxy", "is not a proxy's URL"))?;
        Ok(match self.intercept.basic_auth() {
            Some(credentials) => proxy.custom_http_auth(credentials.clone()),
            None => proxy,
        })
    }

    /// The status with which the proxy refuses to connect to `target`. The HTTP library keeps no
    /// other than 407, so the proxy is asked once more. `None` where it says nothing in time.
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
        let (sender, answer) = mpsc::channel();
        // On a thread, since looking up the proxy's name has no time limit.
        let ask = move || {
            let _ = sender.send(ask(&peer, &target, &credentials));
        };
        signal_mask::start("emnify-proxy", STACK, Box::new(ask)).ok()?;
        answer.recv_timeout(patience.min(PATIENCE)).ok()?
    }
}

fn ask(peer: &str, target: &str, credentials: &Secret) -> Option<u16> {
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
    // It may connect by now.
    (!(200..300).contains(&status)).then_some(status)
}
