//! Text that must not leak. Credentials are kept as a [`Secret`], which cannot be printed by
//! accident and is wiped when it is freed.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// The text that `Debug` shows in place of a secret.
const REDACTED: &str = "[redacted]";

/// A secret text: an application token, a password, an auth token.
///
/// It has no `Display`, its `Debug` is redacted, it is never serialised, and its memory is wiped
/// when it is dropped. Only [`Secret::reveal`] returns the text.
///
/// ```
/// let secret = emnify_core::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret([redacted])");
/// assert_eq!(secret.reveal(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns the text. Do not keep it longer than you need it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({REDACTED})")
    }
}

/// For configuration files.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Zeroizing::deserialize(from).map(Secret)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret::from(text.to_owned())
    }
}

/// Returns `text` with every occurrence of `secrets` replaced. A server's text may quote what it
/// was sent.
pub(crate) fn redact(text: &str, secrets: &[&str]) -> String {
    secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_what_holds_a_secret_does_not_show_it() {
        #[derive(Debug)]
        #[allow(dead_code, reason = "only its Debug is of interest")]
        struct Holder {
            secret: Secret,
        }
        let shown = format!("{:?}", Holder { secret: Secret::from("canary") });
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_configuration_may_contain_a_secret() {
        let secrets: Vec<Secret> = serde_json::from_str(r#"["hunter2"]"#).unwrap();
        assert_eq!(secrets, [Secret::from("hunter2")]);
    }

    #[test]
    fn redact_replaces_each_occurrence_of_each_secret() {
        assert_eq!(
            redact("a k1 b k2 c k1", &["k1", "k2", ""]),
            "a [redacted] b [redacted] c [redacted]"
        );
    }
}
