//! The network interface and the address of this machine that connections are made from.

use std::fmt;
use std::net::IpAddr;

use reqwest::blocking::ClientBuilder;

use crate::types::error::{Error, Result};

/// The longest name of a network interface, in bytes: IFNAMSIZ without the NUL.
const LONGEST_INTERFACE: usize = 15;

/// What to bind connections to; the system chooses what is not set.
#[derive(Debug, Default)]
pub(crate) struct Binding {
    interface: Option<String>,
    local_address: Option<IpAddr>,
}

/// What a connection could not be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unbound {
    Interface,
    LocalAddress,
}

impl Unbound {
    /// Recognises the message of hyper-util's error; its type does not say more.
    pub(crate) fn of(message: &str) -> Option<Self> {
        match message {
            "tcp bind interface error" | "error converting interface name to index" => {
                Some(Unbound::Interface)
            }
            "tcp bind local error" => Some(Unbound::LocalAddress),
            _ => None,
        }
    }
}

impl Binding {
    /// Checks the form of both. The interface and the address need not exist yet.
    pub(crate) fn new(interface: Option<&str>, local_address: Option<&str>) -> Result<Self> {
        let interface = interface.map(checked_interface).transpose()?;
        let local_address = local_address
            .map(|address| {
                let problem = "must be an IPv4 or IPv6 address, such as 192.0.2.7";
                address.parse().map_err(|_| Error::invalid_input("local_address", problem))
            })
            .transpose()?;
        Ok(Binding { interface, local_address })
    }

    /// Whether connections are bound to anything.
    pub(crate) fn is_set(&self) -> bool {
        self.interface.is_some() || self.local_address.is_some()
    }

    /// Binds the connections of an HTTP client.
    pub(crate) fn apply(&self, mut builder: ClientBuilder) -> ClientBuilder {
        #[cfg(any(target_os = "android", target_os = "linux", target_vendor = "apple"))]
        if let Some(interface) = &self.interface {
            builder = builder.interface(interface);
        }
        if let Some(address) = self.local_address {
            builder = builder.local_address(address);
        }
        builder
    }

    /// Returns what failed and what to do, around the system's reason `why`.
    pub(crate) fn problem(&self, unbound: Unbound, why: &str) -> String {
        match (unbound, &self.interface, self.local_address) {
            (Unbound::Interface, Some(interface), _) => format!(
                "binding to the network interface {interface} failed: {why}; check that this \
                 machine has it, and that this process may use it (before Linux 5.7 it needs \
                 CAP_NET_RAW)"
            ),
            (Unbound::LocalAddress, _, Some(address)) => format!(
                "binding to the local address {address} failed: {why}; check that this machine has \
                 this address"
            ),
            _ => format!("binding to a local address failed: {why}"),
        }
    }
}

/// To follow "connecting to …"; empty if connections are not bound.
impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(interface) = &self.interface {
            write!(f, " from the interface {interface}")?;
        }
        if let Some(address) = self.local_address {
            write!(f, " from the address {address}")?;
        }
        Ok(())
    }
}

fn checked_interface(name: &str) -> Result<String> {
    let refuse = |problem: &str| Err(Error::invalid_input("interface", problem));
    if !cfg!(any(target_os = "android", target_os = "linux", target_vendor = "apple")) {
        return refuse("this system cannot bind a connection to an interface; use local_address");
    }
    if name.is_empty() || name.len() > LONGEST_INTERFACE {
        return refuse("must be the name of a network interface: 1 to 15 bytes");
    }
    if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
        return refuse("must be the name of a network interface, without spaces and slashes");
    }
    Ok(name.to_owned())
}
