//! What is written to a store is sealed with a key derived from the credential itself, and named
//! by a hash: who has the disk and not the credential learns nothing.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// Separates our keys from any other use of the same credential.
const SALT: &[u8] = b"emnify-auth store";

/// Marks a file as ours and says how it is sealed: ChaCha20-Poly1305 with a random nonce.
const MAGIC: &[u8; 8] = b"EMNIFY\0\x01";

/// The key and the name for one credential at one API.
pub(crate) struct Seal {
    prk: Prk,
    name: String,
}

impl Seal {
    /// HKDF-SHA256 (RFC 5869) of the credential; the base URL keeps two APIs apart.
    #[inline(never)] // Many ask for one: a copy for each would be ten kilobytes of flash.
    pub(crate) fn new(credential: &Secret, base_url: &str) -> Result<Self> {
        let ikm = Zeroizing::new(format!("{base_url}\n{}", credential.reveal()));
        let prk = Salt::new(HKDF_SHA256, SALT).extract(ikm.as_bytes());
        let mut name = [0; 16];
        derive(&prk, b"name", &mut name)?;
        let name = name.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Seal { prk, name })
    }

    /// 32 hexadecimal digits.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Seals `plain` for `purpose`, which must be said again to open it.
    pub(crate) fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| failed())?;
        let mut sealed = Zeroizing::new(plain.to_vec());
        let tag = self
            .key(purpose)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(MAGIC),
                &mut sealed,
            )
            .map_err(|_| failed())?;
        Ok([MAGIC.as_slice(), &nonce, &sealed, tag.as_ref()].concat())
    }

    /// Opens what [`Seal::seal`] sealed; `None` if it is damaged or somebody else's.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.strip_prefix(MAGIC)?.split_first_chunk::<NONCE_LEN>()?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length =
            self.key(purpose).ok()?.open_in_place(nonce, Aad::from(MAGIC), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    #[inline(never)]
    fn key(&self, purpose: &str) -> Result<LessSafeKey> {
        let mut key = Zeroizing::new([0; 32]);
        derive(&self.prk, purpose.as_bytes(), key.as_mut())?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).map_err(|_| failed())?;
        Ok(LessSafeKey::new(key))
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive(prk: &Prk, info: &[u8], out: &mut [u8]) -> Result<()> {
    prk.expand(&[info], Length(out.len())).and_then(|okm| okm.fill(out)).map_err(|_| failed())
}

fn failed() -> Error {
    Error::new(ErrorKind::Internal, "the store's contents could not be sealed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(credential: &str) -> Seal {
        Seal::new(&credential.into(), "https://cdn.emnify.net").unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_credential_and_purpose_only() {
        let sealed = seal("canary").seal("session", b"text").unwrap();
        assert_eq!(seal("canary").open("session", &sealed).unwrap().as_slice(), b"text");
        assert!(seal("another").open("session", &sealed).is_none());
        assert!(seal("canary").open("rotation", &sealed).is_none());
    }

    #[test]
    fn damage_anywhere_is_noticed() {
        let sealed = seal("canary").seal("session", b"some text").unwrap();
        for position in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[position] ^= 1;
            assert!(seal("canary").open("session", &damaged).is_none(), "{position}");
            assert!(seal("canary").open("session", &sealed[..position]).is_none(), "{position}");
        }
    }

    #[test]
    fn the_name_tells_nothing_and_differs_by_credential_and_api() {
        let name = seal("canary").name().to_owned();
        assert_eq!(name.len(), 32);
        assert_ne!(name, seal("another").name());
        assert_ne!(name, Seal::new(&"canary".into(), "https://other.example").unwrap().name());
    }
}
