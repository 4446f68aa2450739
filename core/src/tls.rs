//! Whom we trust. System roots where there are any, bundled ones where there are none; an explicit
//! bundle replaces both. A bad certificate among good ones is passed over, an empty bundle is not.

use std::env;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::error::{Error, ErrorKind, Result};

/// Where the certificates come from that a server's is checked against.
#[derive(Debug, Clone)]
pub(crate) enum Roots {
    /// Those of the system, or the bundled ones.
    System,
    /// Exactly these.
    Only(RootCertStore),
}

impl Roots {
    /// Reads `ca_bundle` or, without one, what the environment names. `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` go before `REQUESTS_CA_BUNDLE`, which is Python's alone.
    pub(crate) fn choose(ca_bundle: Option<&Path>) -> Result<Self> {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        if let Some(path) = ca_bundle {
            Roots::read("ca_bundle", path)
        } else if let Some(name) =
            ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| set(name))
        {
            Roots::only(name, &"what it names", load_native_certs())
        } else if let Some(path) = env::var_os("REQUESTS_CA_BUNDLE").filter(|v| !v.is_empty()) {
            Roots::read("REQUESTS_CA_BUNDLE", Path::new(&path))
        } else {
            Ok(Roots::System)
        }
    }

    fn read(name: &str, path: &Path) -> Result<Self> {
        let (file, directory) = if path.is_dir() { (None, Some(path)) } else { (Some(path), None) };
        Roots::only(name, &path.display(), load_certs_from_paths(file, directory))
    }

    fn only(name: &str, place: &dyn fmt::Display, found: CertificateResult) -> Result<Self> {
        let problem = found.errors.first().map(ToString::to_string);
        let roots = store(found);
        if roots.is_empty() {
            let problem =
                problem.unwrap_or_else(|| format!("{place} has no certificate in PEM form"));
            return Err(Error::invalid_input(name, problem));
        }
        Ok(Roots::Only(roots))
    }

    fn load(&self) -> RootCertStore {
        let mut roots = match self {
            Roots::Only(roots) => return roots.clone(),
            Roots::System => store(load_native_certs()),
        };
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots
    }
}

fn store(found: CertificateResult) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

/// TLS 1.2 and 1.3 on ring, with a provider of our own: the process-wide default stays the host's.
pub(crate) fn config(roots: &Roots) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorKind::Tls, format!("TLS could not be set up: {e}")))?
        .with_root_certificates(roots.load())
        .with_no_client_auth();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_missing_or_no_pem_is_refused_by_name() {
        for path in ["/nonexistent/ca.pem", "Cargo.toml"] {
            let message = Roots::choose(Some(Path::new(path))).unwrap_err().to_string();
            assert!(message.starts_with("ca_bundle: ") && message.contains(path), "{message}");
        }
    }
}
