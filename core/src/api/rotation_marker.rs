//! The mark that an application token bears in its description while a rotation makes it. Its value
//! is shown once and its id not at all; by the mark its row is found, also after a power failure.

use crate::sys::random;
use crate::types::error::{Error, ErrorKind, Result};

/// A marked description is there for a moment, and nobody knows how long one may be.
const LONGEST: usize = 100;

const OPENS: &str = "[rotation ";
const CLOSES: char = ']';

/// A new mark; no other rotation's is like it.
pub(crate) fn new() -> Result<String> {
    let nonce = random::name()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot rotate: {error}")))?;
    Ok(format!("{OPENS}{nonce}{CLOSES}"))
}

/// A description that bears the mark behind as much of the text as there is room for.
pub(crate) fn on(description: &str, mark: &str) -> String {
    let room = LONGEST.saturating_sub(mark.len() + 1);
    let end =
        (0..=room.min(description.len())).rev().find(|end| description.is_char_boundary(*end));
    let (text, _) = description.split_at(end.unwrap_or_default());
    format!("{text} {mark}").trim_start().to_owned()
}

/// The description without a mark that it may bear.
pub(crate) fn off(description: &str) -> &str {
    match description.rsplit_once(OPENS) {
        Some((text, _)) if is_on(description) => text.trim_end(),
        _ => description,
    }
}

/// Whether a rotation made the token and did not finish.
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
    fn a_mark_is_found_again_and_nothing_else_is_taken_for_one() {
        let mark = new().unwrap();
        assert_ne!(mark, new().unwrap());
        let long = "ü".repeat(LONGEST);
        for text in ["", "gateway 7", &long] {
            let marked = on(text, &mark);
            assert!(is_on(&marked) && marked.ends_with(&mark), "{marked}");
            assert!(text.starts_with(off(&marked)), "{marked}");
            assert!(marked.len() <= LONGEST);
        }
        for text in ["", "gateway 7", "[rotation ]", "[rotation of crops]", "rotation"] {
            assert!(!is_on(text) && off(text) == text, "{text}");
        }
    }
}
