//! Where a Redis server is and how to log in there, from a URL and the environment.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use reqwest::Url;
use zeroize::Zeroizing;

use crate::http::url;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// The environment variables with the password, or with the path of a file that contains it. They
/// are read if the URL contains no password.
const PASSWORD: &str = "EMNIFY_STORE_PASSWORD";
const PASSWORD_FILE: &str = "EMNIFY_STORE_PASSWORD_FILE";

/// The longest password file, in bytes.
const LONGEST_PASSWORD: u64 = 8 * 1024;

const PORT: u16 = 6379;

/// One database of one server.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) server: ServerAddress,
    pub(super) user: Option<String>,
    password: Password,
    pub(super) database: u32,
}

/// What to connect to.
#[derive(Clone)]
pub(super) enum ServerAddress {
    Tcp {
        host: String,
        port: u16,
        tls: bool,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

#[derive(Clone)]
enum Password {
    None,
    Given(Secret),
    File(PathBuf),
}

impl Address {
    /// Reads a URL from the setting `name`: `redis://` or `rediss://` with `[user[:password]@]host[:port][/database]`, or
    /// `redis+unix:///path[?db=…&user=…&pass=…]`.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self> {
        // Most URLs contain a password, so it is not repeated.
        let refuse = || Error::invalid_input(name, "is not a URL such as redis://host:6379/0");
        let url = Url::parse(text).map_err(|_| refuse())?;
        let address = match url.scheme() {
            "redis" | "rediss" => tcp(&url),
            #[cfg(unix)]
            "redis+unix" => unix(&url),
            _ => None,
        };
        address.ok_or_else(refuse)
    }

    /// Returns this address with the password from the environment, unless it has one already.
    pub(super) fn with_environment(mut self) -> Result<Self> {
        if matches!(self.password, Password::None) {
            let set = |name| env::var_os(name).filter(|value| !value.is_empty());
            if let Some(password) = set(PASSWORD) {
                let password = password
                    .into_string()
                    .map_err(|_| Error::invalid_input(PASSWORD, "is not valid UTF-8"))?;
                self.password = Password::Given(Secret::from(password));
            } else if let Some(path) = set(PASSWORD_FILE) {
                self.password = Password::File(path.into());
            }
        }
        Ok(self)
    }

    /// Returns the password, if there is one. A file is read each time, so that a new password is
    /// used without a restart.
    pub(super) fn password(&self) -> io::Result<Option<Secret>> {
        match &self.password {
            Password::None => Ok(None),
            Password::Given(password) => Ok(Some(password.clone())),
            Password::File(path) => {
                let mut text = Zeroizing::new(String::with_capacity(LONGEST_PASSWORD as usize));
                let file = File::open(path).map(|file| file.take(LONGEST_PASSWORD));
                let read = file.and_then(|mut file| file.read_to_string(&mut text));
                let path = path.display();
                read.map_err(|error| {
                    let problem =
                        format!("cannot read {path}, which {PASSWORD_FILE} names: {error}");
                    io::Error::other(problem)
                })?;
                Ok(Some(Secret::from(text.trim())))
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            ServerAddress::Tcp { host, port, .. } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            ServerAddress::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            ServerAddress::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

fn tcp(url: &Url) -> Option<Address> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let database = url.path().trim_matches('/');
    let tls = url.scheme() == "rediss";
    let text = |encoded: &str| url::decoded_text(encoded).filter(|text| !text.is_empty());
    Some(Address {
        server: ServerAddress::Tcp {
            host: url::decoded_text(host)?,
            port: url.port().unwrap_or(PORT),
            tls,
        },
        user: text(url.username()),
        password: given(url.password().and_then(text)),
        database: if database.is_empty() { 0 } else { database.parse().ok()? },
    })
}

#[cfg(unix)]
fn unix(url: &Url) -> Option<Address> {
    let path = url::decoded_text(url.path()).filter(|path| path.len() > 1)?;
    if url.has_host() || url.fragment().is_some() {
        return None;
    }
    let (mut database, mut user, mut password) = (0, None, None);
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" => database = value.parse().ok()?,
            "user" => user = Some(value.into_owned()),
            "pass" => password = Some(value.into_owned()),
            _ => return None,
        }
    }
    let server = ServerAddress::Unix(path.into());
    Some(Address { server, user, password: given(password), database })
}

fn given(password: Option<String>) -> Password {
    password.map_or(Password::None, |password| Password::Given(Secret::from(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let address = Address::parse("store", text).unwrap();
        let password = address.password().unwrap();
        let password = password.as_ref().map_or("", Secret::reveal);
        let user = address.user.as_deref().unwrap_or_default();
        format!("{user}:{password}@{address}/{}", address.database)
    }

    #[test]
    fn a_url_names_the_server_the_user_and_the_database() {
        for (text, expected) in [
            ("redis://host", ":@host:6379/0"),
            ("redis://host:1/", ":@host:1/0"),
            ("rediss://gateway:p%40%3A%2F@host/7", "gateway:p@:/@host:6379/7"),
            ("redis://:word@127.0.0.1:2/0", ":word@127.0.0.1:2/0"),
            ("redis://user@[::1]:3", "user:@[::1]:3/0"),
        ] {
            assert_eq!(shown(text), expected);
        }
        #[cfg(unix)]
        assert_eq!(shown("redis+unix:///a%20b/s?db=3&user=u&pass=p%26"), "u:p&@/a b/s/3");
    }

    #[test]
    fn any_other_url_is_refused_without_quoting_it() {
        for text in [
            "canary",
            "http://canary@host",
            "redis://",
            "redis:///canary",
            "redis://host/canary",
            "redis://host/-1",
            "redis://host:99999/canary",
            "redis://host?canary=1",
            "redis://host#canary",
            "redis+unix://host/canary",
            "redis+unix:///",
            "redis+unix:///s?canary=1",
        ] {
            let Err(error) = Address::parse("store", text) else { panic!("{text} was accepted") };
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
