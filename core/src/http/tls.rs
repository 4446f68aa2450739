//! Whom we trust. System roots where there are any, bundled ones where there are none; an explicit
//! bundle replaces both. A bad certificate among good ones is passed over, an empty bundle is not.

use std::env;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SigningKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::http::transport_error::TransportError;
use crate::types::error::{Error, ErrorKind, Result};

/// Where the certificates come from that a server's is checked against.
#[derive(Debug, Clone)]
pub(crate) enum Roots {
    /// Those of the system, or the bundled ones.
    System,
    /// Exactly these: as authorities, and as certificates of a server's own.
    Only(RootCertStore, Vec<CertificateDer<'static>>),
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
        let certificates = found.certs.clone();
        let roots = store(found);
        if roots.is_empty() {
            let problem =
                problem.unwrap_or_else(|| format!("{place} has no certificate in PEM form"));
            return Err(Error::invalid_input(name, problem));
        }
        Ok(Roots::Only(roots, certificates))
    }

    /// The system's, or the bundled ones where it has none.
    ///
    /// # Errors
    ///
    /// `Resource` where a lack of descriptors hides the system's: others must not replace them.
    fn of_the_system() -> Result<RootCertStore> {
        let found = load_native_certs();
        let exhausted = found.errors.iter().find_map(|error| {
            let failure = TransportError::of(error);
            failure.exhausted("the system's certificates could not be read").ok()
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

/// TLS 1.2 and 1.3 on ring, with a provider of our own: the process-wide default stays the host's.
pub(crate) fn config(roots: &Roots) -> Result<ClientConfig> {
    let failed =
        |e: &dyn fmt::Display| Error::new(ErrorKind::Tls, format!("TLS could not be set up: {e}"));
    let provider =
        CryptoProvider { key_provider: &NoKeys, ..rustls::crypto::ring::default_provider() };
    let provider = Arc::new(provider);
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
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

/// Loads no private key: emnify asks for no client certificate, and the code for keys takes 45 kB.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> std::result::Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("there are no client certificates here".into()))
    }
}

/// Verifies as usual, and lets a server's own certificate be one that was given. What tools make
/// as "self-signed" is mostly an authority's certificate by its marks, which no server may have.
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

/// Whether only that mark is wrong: the dates are judged before it.
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
    use super::*;

    #[test]
    fn a_bundle_that_is_missing_or_no_pem_is_refused_by_name() {
        for path in ["/nonexistent/ca.pem", "Cargo.toml"] {
            let message = Roots::choose(Some(Path::new(path))).unwrap_err().to_string();
            assert!(message.starts_with("ca_bundle: ") && message.contains(path), "{message}");
        }
    }
}
