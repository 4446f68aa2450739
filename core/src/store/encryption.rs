//! Encrypts the entries of a store with a key derived from the credential, and names them by a
//! hash, so that the disk alone reveals nothing.

use zeroize::Zeroizing;

use crate::sys::crypto::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use crate::sys::crypto::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use crate::sys::random;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// Makes our keys differ from any that are derived from the same credential for another use.
const SALT: &[u8] = b"emnify-auth store";

/// The start of an entry. It identifies the encryption: ChaCha20-Poly1305 with a random nonce.
const MAGIC: &[u8; 8] = b"EMNIFY\0\x01";

/// The key and the name of the entries of one credential at one API.
pub(crate) struct EntryKey {
    prk: Prk,
    name: String,
}

impl EntryKey {
    /// Derives them from the credential with HKDF-SHA256 (RFC 5869). The base URL makes those of
    /// two APIs differ.
    #[inline(never)] // A copy for each caller would take ten kilobytes of flash.
    pub(crate) fn new(credential: &Secret, base_url: &str) -> Result<Self> {
        let ikm = Zeroizing::new(format!("{base_url}\n{}", credential.reveal()));
        let prk = Salt::new(HKDF_SHA256, SALT).extract(ikm.as_bytes());
        let mut name = [0; 16];
        derive(&prk, b"name", &mut name)?;
        Ok(EntryKey { prk, name: random::hex(&name) })
    }

    /// Returns the name, 32 hexadecimal digits.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Encrypts `plain` for `purpose`, which is needed again to decrypt it.
    pub(crate) fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        random::fill(&mut nonce).map_err(|_| failed())?;
        let mut encrypted = Zeroizing::new(plain.to_vec());
        let tag = self
            .key(purpose)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(MAGIC),
                &mut encrypted,
            )
            .map_err(|_| failed())?;
        Ok([MAGIC.as_slice(), &nonce, &encrypted, tag.as_ref()].concat())
    }

    /// Decrypts the result of [`EntryKey::encrypt`]; `None` if it is damaged or was encrypted with
    /// another key.
    pub(crate) fn decrypt(&self, purpose: &str, encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = encrypted.strip_prefix(MAGIC)?.split_first_chunk::<NONCE_LEN>()?;
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
    Error::new(ErrorKind::Internal, "the store's contents could not be encrypted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(credential: &str) -> EntryKey {
        EntryKey::new(&credential.into(), "https://cdn.emnify.net").unwrap()
    }

    #[test]
    fn only_the_same_credential_and_purpose_decrypt() {
        let encrypted = key("canary").encrypt("session", b"text").unwrap();
        assert_eq!(key("canary").decrypt("session", &encrypted).unwrap().as_slice(), b"text");
        assert!(key("another").decrypt("session", &encrypted).is_none());
        assert!(key("canary").decrypt("rotation", &encrypted).is_none());
    }

    #[test]
    fn damage_at_any_byte_is_detected() {
        let encrypted = key("canary").encrypt("session", b"some text").unwrap();
        for position in 0..encrypted.len() {
            let mut damaged = encrypted.clone();
            damaged[position] ^= 1;
            assert!(key("canary").decrypt("session", &damaged).is_none(), "{position}");
            assert!(
                key("canary").decrypt("session", &encrypted[..position]).is_none(),
                "{position}"
            );
        }
    }

    #[test]
    fn the_name_is_a_hash_that_differs_by_credential_and_api() {
        let name = key("canary").name().to_owned();
        // The same with every library for cryptography, and in every version: stores outlive them.
        assert_eq!(name, "342efe2e18ae3512c4c2666da331a314");
        assert_ne!(name, key("another").name());
        assert_ne!(name, EntryKey::new(&"canary".into(), "https://other.example").unwrap().name());
    }
}
