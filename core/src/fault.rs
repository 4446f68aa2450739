//! Why an exchange failed before there was an answer. The cause that tells something lies at the
//! bottom of a chain of library errors; here it is found, and told so that one can act on it.

use std::error::Error as StdError;
use std::io;
use std::time::SystemTime;

use crate::api;
use crate::clock::is_before_release;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

/// What a chain of causes holds that decides the kind of the error.
#[derive(Default)]
pub(crate) struct Fault {
    /// Nothing was sent: there was no connection yet.
    pub(crate) connect: bool,
    /// The last cause, in words.
    pub(crate) deepest: String,
    timeout: bool,
    parse: bool,
    decode: bool,
    tls: Option<rustls::Error>,
}

impl Fault {
    /// Goes through an error and its causes.
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut fault = Fault::default();
        let mut next = Some(error);
        while let Some(error) = next {
            next = fault.note(error);
        }
        fault
    }

    /// Takes in one error, and returns its cause.
    fn note<'e>(
        &mut self,
        error: &'e (dyn StdError + 'static),
    ) -> Option<&'e (dyn StdError + 'static)> {
        if let Some(e) = error.downcast_ref::<reqwest::Error>() {
            self.timeout |= e.is_timeout();
            self.connect |= e.is_connect();
        } else if let Some(e) = error.downcast_ref::<rustls::Error>() {
            self.tls = Some(e.clone());
        } else if let Some(e) = error.downcast_ref::<io::Error>() {
            self.timeout |= e.kind() == io::ErrorKind::TimedOut;
            self.decode |= e.kind() == io::ErrorKind::InvalidData;
            if e.kind() == io::ErrorKind::UnexpectedEof {
                // rustls words it at length, for its own users.
                self.deepest = "the connection ended too early".to_owned();
                return None;
            }
            self.deepest = e.to_string();
            // Its `source` passes over the error that it wraps.
            return e.get_ref().map(|inner| inner as &(dyn StdError + 'static));
        } else {
            if let Some(e) = error.downcast_ref::<hyper::Error>() {
                self.parse |= e.is_parse();
            }
            self.deepest = error.to_string();
        }
        error.source()
    }

    /// The error for it: `action` follows "cannot", `host` is where it was sent.
    pub(crate) fn into_error(
        self,
        action: &str,
        host: &str,
        deadline: Deadline,
        wall: SystemTime,
    ) -> Error {
        if let Some(tls) = self.tls.as_ref().filter(|_| self.connect) {
            let message = format!("cannot {action}: no trusted connection to {host}: {tls}");
            return Error::new(ErrorKind::Tls, message).with_advice(advice(tls, wall));
        }
        if self.timeout && self.connect {
            let message = format!(
                "cannot {action}: no connection to {host} in time; check the network and any proxy"
            );
            return Error::new(ErrorKind::Timeout, message);
        }
        if self.timeout {
            return deadline.error(action);
        }
        if self.parse {
            return api::nonsense(action, "the answer is no HTTP");
        }
        if self.decode {
            return api::nonsense(action, "the answer cannot be decompressed");
        }
        let (connection, advice) = if self.connect {
            ("no connection to", "; check the network, the name and any proxy")
        } else {
            ("the connection broke to", "")
        };
        let message = format!("cannot {action}: {connection} {host}: {}{advice}", self.deepest);
        Error::new(ErrorKind::Network, message)
    }
}

/// What to do about a handshake that failed.
fn advice(tls: &rustls::Error, wall: SystemTime) -> &'static str {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    use rustls::Error::InvalidCertificate;
    match tls {
        InvalidCertificate(_) if is_before_release(wall) => {
            "this machine's clock is wrong, it shows a time before this library was written: set it"
        }
        InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        ) => "check this machine's clock, which judges the certificate",
        InvalidCertificate(_) => {
            "if a proxy or a private authority stands in between, name its certificates with \
             ca_bundle or SSL_CERT_FILE"
        }
        _ => "is this the https port of emnify, or of a proxy?",
    }
}
