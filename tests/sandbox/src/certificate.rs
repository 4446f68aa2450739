//! Creates a certificate authority for the sandbox and a certificate for this machine. Clients read
//! the authority from a PEM file to trust the sandbox.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The authority's certificate, and a TLS configuration with a certificate that it issued.
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

/// Creates both, with new keys.
pub(crate) fn make() -> io::Result<Certificates> {
    let ca_key = KeyPair::generate().map_err(io::Error::other)?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "emnify sandbox, for tests only");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_pem = ca.self_signed(&ca_key).map_err(io::Error::other)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
    let mut leaf = CertificateParams::new(names).map_err(io::Error::other)?;
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Python's ssl module refuses a certificate without the key identifier of its issuer.
    leaf.use_authority_key_identifier_extension = true;
    let certificate = leaf.signed_by(&key, &issuer).map_err(io::Error::other)?;

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(io::Error::other)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificates { ca_pem, server: Arc::new(server) })
}

/// The file that contains the authority.
pub(crate) struct CaFile {
    path: PathBuf,
    directory: Option<PathBuf>,
}

impl CaFile {
    /// Writes the file to the given path, or into a new directory named after `unique`.
    pub(crate) fn write(path: Option<PathBuf>, unique: &str, pem: &str) -> io::Result<CaFile> {
        let file = match path {
            Some(path) => CaFile { path, directory: None },
            None => {
                let name = format!("emnify-sandbox-{}-{unique}", std::process::id());
                let directory = std::env::temp_dir().join(name);
                create_private(&directory)?;
                CaFile { path: directory.join("ca.pem"), directory: Some(directory) }
            }
        };
        fs::write(&file.path, pem)?;
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what was written, and ignores what is already gone.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir(directory);
        }
    }
}

fn create_private(directory: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_written_and_removed() {
        let certificates = make().unwrap();
        let file = CaFile::write(None, "certificate-test", &certificates.ca_pem).unwrap();
        assert!(
            fs::read_to_string(file.path()).unwrap().starts_with("-----BEGIN CERTIFICATE-----")
        );
        file.remove();
        assert!(!file.path().exists());
    }
}
