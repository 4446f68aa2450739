//! What no text for people may contain.

use std::fmt::{Debug, Display};

/// Checks a text that a program may log or print: it is on one line, and nothing in it is hidden or
/// changes the order of what is shown.
pub(crate) fn check_text(text: &str) {
    let harmful = text.chars().find(|c| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
    });
    assert!(harmful.is_none(), "{harmful:?} in {text:?}");
}

/// Checks what a program may log of a value, such as an error. It contains none of the secrets.
pub(crate) fn check_shown(value: &(impl Display + Debug), secrets: &[&str]) {
    let text = value.to_string();
    check_text(&text);
    check_secrets(&text, secrets);
    check_secrets(&format!("{value:?}"), secrets);
}

/// Checks that a text contains none of the secrets.
pub(crate) fn check_secrets(text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text:?}");
    }
}
