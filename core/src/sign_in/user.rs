//! A user's credentials: a user name, a password and, where emnify requires it, a one-time code or
//! a trusted device in its place.

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use once_cell::race::OnceBox;
use zeroize::Zeroizing;

use crate::sys::crypto::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use crate::sys::crypto::pbkdf2;
use crate::sys::random;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// The iterations of PBKDF2 (RFC 8018), which take a tenth of a second on a gateway.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99_999);

/// Asks the user for the one-time code; `None` if they supply none. An error cancels the call.
pub(crate) type AskForCode =
    Arc<dyn Fn() -> Result<Option<Secret>, Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// A user's credentials.
pub(crate) struct User {
    pub(crate) username: String,
    /// The SHA-1 of the password in lower-case hexadecimal digits, as the API requires it.
    pub(crate) password: Secret,
    pub(crate) mfa: Option<AskForCode>,
    pub(crate) trusted_device: Option<TrustedDevice>,
    /// Derived once, since that takes time on purpose.
    key_material: OnceBox<Secret>,
}

impl User {
    pub(crate) fn new(username: &str, password: &Secret) -> Result<Self> {
        if username.is_empty() || username.chars().any(char::is_control) {
            return Err(Error::invalid_input(
                "username",
                "is empty or contains a control character",
            ));
        }
        if password.reveal().is_empty() {
            return Err(Error::invalid_input("password", "is empty"));
        }
        Ok(User {
            username: username.to_owned(),
            password: sha1(password),
            mfa: None,
            trusted_device: None,
            key_material: OnceBox::new(),
        })
    }

    /// Returns what the store's key is derived from. Deriving it takes time, so that guessing the
    /// password from a stolen store is expensive.
    pub(crate) fn key_material(&self) -> Secret {
        let make = || {
            let mut key = Zeroizing::new([0; 32]);
            pbkdf2::derive(
                pbkdf2::PBKDF2_HMAC_SHA256,
                ROUNDS,
                self.username.as_bytes(),
                self.password.reveal().as_bytes(),
                key.as_mut(),
            );
            Box::new(Secret::from(random::hex(key.as_ref())))
        };
        self.key_material.get_or_init(make).clone()
    }
}

fn sha1(password: &Secret) -> Secret {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.reveal().as_bytes());
    Secret::from(random::hex(digest.as_ref()))
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A device that needs no one-time code for 90 days after it supplied one.
///
/// emnify recognises the device by its fingerprint. Choose a text that is hard to guess, store it,
/// and use it for every sign-in on this device.
///
/// ```
/// use emnify_core::{Client, TrustedDevice};
///
/// let device = TrustedDevice::new("5f0c1d8e-a-random-text", "laptop of Ada");
/// let builder = Client::builder().user("ada@example.com", "password").trusted_device(device);
/// ```
#[derive(Debug, Clone)]
pub struct TrustedDevice {
    pub(crate) fingerprint: Secret,
    pub(crate) operating_system: String,
    pub(crate) browser: String,
    pub(crate) name: String,
}

impl TrustedDevice {
    /// Creates a device with this fingerprint, 8 to 256 visible ASCII characters. The user sees its
    /// name in emnify's portal.
    #[must_use]
    pub fn new(fingerprint: impl Into<Secret>, name: impl Into<String>) -> Self {
        TrustedDevice {
            fingerprint: fingerprint.into(),
            operating_system: std::env::consts::OS.to_owned(),
            browser: "emnify-auth".to_owned(),
            name: name.into(),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let length = self.fingerprint.reveal().len();
        if !(8..=256).contains(&length)
            || !self.fingerprint.reveal().bytes().all(|b| b.is_ascii_graphic())
        {
            let problem = "the fingerprint must have 8 to 256 visible ASCII characters";
            return Err(Error::invalid_input("trusted_device", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_sent_as_its_sha1() {
        let user = User::new("user@example.com", &"password".into()).unwrap();
        assert_eq!(user.password.reveal(), "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8");
        assert!(!format!("{user:?}").contains("5baa"));
    }

    #[test]
    fn the_error_names_the_invalid_credential() {
        for (username, password, argument) in
            [("", "password", "username"), ("a\nb", "password", "username"), ("a", "", "password")]
        {
            let error = User::new(username, &password.into()).unwrap_err();
            assert!(error.to_string().starts_with(argument), "{error}");
        }
    }
}
