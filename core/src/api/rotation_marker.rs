//! The marker that a rotation puts into the description of the application token that it creates.
//! The response has the token's value but not its id, so the marker is how its row in the list is
//! found, even after a power failure.

use crate::sys::random;
use crate::types::error::{Error, ErrorKind, Result};

/// How long a description with a marker may be. emnify documents no limit; a short one is safe.
const LONGEST: usize = 100;

const OPENS: &str = "[rotation ";
const CLOSES: char = ']';

/// Creates a marker that no other rotation has.
pub(crate) fn new() -> Result<String> {
    let nonce = random::name()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot rotate: {error}")))?;
    Ok(format!("{OPENS}{nonce}{CLOSES}"))
}

/// Returns the description with the marker appended, shortened to the length that is safe.
pub(crate) fn on(description: &str, marker: &str) -> String {
    let room = LONGEST.saturating_sub(marker.len() + 1);
    let end =
        (0..=room.min(description.len())).rev().find(|end| description.is_char_boundary(*end));
    let (text, _) = description.split_at(end.unwrap_or_default());
    format!("{text} {marker}").trim_start().to_owned()
}

/// Returns the description without its marker, if it has one.
pub(crate) fn off(description: &str) -> &str {
    match description.rsplit_once(OPENS) {
        Some((text, _)) if is_on(description) => text.trim_end(),
        _ => description,
    }
}

/// Whether the description has a marker: a rotation created the token and did not finish.
pub(crate) fn is_on(description: &str) -> bool {
    description.rsplit_once(OPENS).is_some_and(|(_, rest)| {
        rest.strip_suffix(CLOSES).is_some_and(|nonce| {
            nonce.len() == 32 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_recognised_and_other_text_is_not_taken_for_one() {
        let marker = new().unwrap();
        assert_ne!(marker, new().unwrap());
        let long = "ü".repeat(LONGEST);
        for text in ["", "gateway 7", &long] {
            let marked = on(text, &marker);
            assert!(is_on(&marked) && marked.ends_with(&marker), "{marked}");
            assert!(text.starts_with(off(&marked)), "{marked}");
            assert!(marked.len() <= LONGEST);
        }
        for text in ["", "gateway 7", "[rotation ]", "[rotation of crops]", "rotation"] {
            assert!(!is_on(text) && off(text) == text, "{text}");
        }
    }
}
