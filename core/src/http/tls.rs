//! Which certificates are trusted: the system's, or bundled ones if the system has none. An
//! explicit bundle replaces both. An invalid certificate in a bundle is ignored; a bundle without a
//! valid certificate is an error.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SigningKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::http::transport_error::TransportError;
use crate::sys::crypto;
use crate::types::error::{Error, ErrorKind, Result};

/// The certificates against which a server's certificate is verified.
#[derive(Debug, Clone)]
pub enum Roots {
    /// The system's certificates, or the bundled ones.
    System,
    /// Only these: as authorities, and as certificates of servers.
    Only(RootCertStore, Vec<CertificateDer<'static>>),
}

/// The certificate authorities that the program set.
#[derive(Debug, Clone)]
pub(crate) enum CaBundle {
    /// A file of PEM certificates, or a directory of such files.
    Path(PathBuf),
    /// PEM certificates.
    Pem(Vec<u8>),
}

impl Roots {
    /// Reads `ca_bundle` or, without one, what the environment names. `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` take precedence over `REQUESTS_CA_BUNDLE`, which only Python programs use.
    pub(crate) fn choose(ca_bundle: Option<&CaBundle>) -> Result<Self> {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        match ca_bundle {
            Some(CaBundle::Path(path)) => return Roots::read("ca_bundle", path),
            Some(CaBundle::Pem(pem)) => {
                let mut found = CertificateResult::default();
                found.certs.extend(CertificateDer::pem_slice_iter(pem).flatten());
                return Roots::only("ca_bundle", &"the text", found);
            }
            None => {}
        }
        if let Some(name) = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| set(name)) {
            Roots::only(name, &"the file or directory", load_native_certs())
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

    fn only(name: &str, source: &dyn fmt::Display, found: CertificateResult) -> Result<Self> {
        let problem = found.errors.first().map(ToString::to_string);
        let certificates = found.certs.clone();
        let roots = store(found);
        if roots.is_empty() {
            let problem =
                problem.unwrap_or_else(|| format!("{source} contains no valid PEM certificate"));
            return Err(Error::invalid_input(name, problem));
        }
        Ok(Roots::Only(roots, certificates))
    }

    /// Returns the system's certificates, or the bundled ones if the system has none.
    ///
    /// # Errors
    ///
    /// `Resource` if the process is out of descriptors, so that the system's certificates cannot be
    /// read. Bundled ones must not replace them then.
    fn of_the_system() -> Result<RootCertStore> {
        let found = load_native_certs();
        let exhausted = found.errors.iter().find_map(|error| {
            let failure = TransportError::of(error);
            failure.exhausted("cannot read the system's certificates").ok()
        });
        let mut roots = store(found);
        match exhausted {
            Some(error) if roots.is_empty() => return Err(error),
            _ => {}
        }
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(roots)
    }
}

fn store(found: CertificateResult) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

/// Configures TLS 1.2 and 1.3. It does not change the process-wide default provider, which
/// belongs to the host program.
pub(crate) fn config(roots: &Roots) -> Result<ClientConfig> {
    let failed =
        |e: &dyn fmt::Display| Error::new(ErrorKind::Tls, format!("cannot set up TLS: {e}"));
    let provider = CryptoProvider { key_provider: &NoKeys, ..crypto::default_provider() };
    let provider = Arc::new(provider);
    let config = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(WallClock))
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(&e))?;
    let config = match roots {
        Roots::System => config.with_root_certificates(Roots::of_the_system()?),
        Roots::Only(roots, certificates) => {
            let verifier = Given::new(roots.clone(), certificates.clone(), provider);
            config.dangerous().with_custom_certificate_verifier(verifier.map_err(|e| failed(&e))?)
        }
    };
    Ok(config.with_no_client_auth())
}

/// The system's clock. That of rustls panics before 1970, which a system with 32-bit times shows
/// after 2038.
#[derive(Debug)]
struct WallClock;

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(SystemTime::now()))
    }
}

/// Returns the time; that of 1970 if it is earlier, when no certificate is valid yet either.
fn unix_time(wall: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// Loads no private keys. emnify uses no client certificates, and the code for keys takes 45 kB.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> std::result::Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("client certificates are not supported".into()))
    }
}

/// Verifies as usual, and also accepts a server certificate that is itself in the bundle. Many
/// tools mark a self-signed certificate as an authority's, which the usual rules refuse for a
/// server.
#[derive(Debug)]
struct Given {
    usual: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Given {
    fn new(
        roots: RootCertStore,
        certificates: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> std::result::Result<Arc<Self>, rustls::client::VerifierBuilderError> {
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Arc::new(Given { usual: usual.build()?, certificates }))
    }
}

/// Whether a certificate is refused only because it is marked as an authority's. Its dates are
/// checked before that.
fn is_authority(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(error)) = error else {
        return false;
    };
    error.0.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

impl ServerCertVerifier for Given {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        match self.usual.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(error) if is_authority(&error) && self.certificates.contains(certificate) => {
                let certificate = ParsedCertificate::try_from(certificate)?;
                rustls::client::verify_server_name(&certificate, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_before_1970_is_like_one_that_shows_1970() {
        let day = Duration::from_secs(86_400);
        assert_eq!(unix_time(SystemTime::UNIX_EPOCH + day).as_secs(), 86_400);
        assert_eq!(unix_time(SystemTime::UNIX_EPOCH - day).as_secs(), 0);
    }

    #[test]
    fn a_bundle_that_is_missing_or_not_pem_is_refused_by_name() {
        for path in ["/nonexistent/ca.pem", "Cargo.toml"] {
            let bundle = CaBundle::Path(path.into());
            let message = Roots::choose(Some(&bundle)).unwrap_err().to_string();
            assert!(message.starts_with("ca_bundle: ") && message.contains(path), "{message}");
        }
    }
}
