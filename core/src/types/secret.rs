//! Text that must not leak. Whatever holds a credential holds it as a [`Secret`], so that printing
//! it by accident prints nothing and freeing it wipes it.

use std::fmt;

use zeroize::Zeroizing;

/// What `Debug` shows in place of a secret.
const REDACTED: &str = "[redacted]";

/// A secret text: an application token, a password, an auth token.
///
/// It has no `Display`, its `Debug` is redacted, it is never serialised, and its memory is wiped
/// when it is dropped. [`Secret::reveal`] is the only way to the text.
///
/// ```
/// let secret = emnify_core::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret([redacted])");
/// assert_eq!(secret.reveal(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself. Keep it no longer than the one use that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({REDACTED})")
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

/// `text` with every occurrence of `secrets` replaced: for what a server wrote, which may quote
/// what it was sent.
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
    fn redact_replaces_each_occurrence_of_each_secret() {
        assert_eq!(
            redact("a k1 b k2 c k1", &["k1", "k2", ""]),
            "a [redacted] b [redacted] c [redacted]"
        );
    }
}
