//! JSON in and out: bodies are wiped, responses are bounded in depth, and messages quote neither.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::types::error::{Error, ErrorKind, Result};

/// A JSON body on its way out. It may hold a secret, so it is wiped.
pub(crate) type Body = Zeroizing<Vec<u8>>;

/// Reads a whole number, however it is written: `8`, `8.0` or `"8"`.
pub(crate) fn whole<T: TryFrom<i128>>(json: &RawValue) -> Option<T> {
    /// Beyond it a float does not tell one whole number from the next.
    const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
    let text = json.get().trim_matches('"');
    let float = || {
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && number.abs() < MOST_EXACT).then_some(number as i128)
    };
    T::try_from(text.parse().ok().or_else(float)?).ok()
}

/// More than any body has: one that grew would leave an unwiped copy behind.
const BODY_CAPACITY: usize = 32 * 1024;

/// Serialises a body.
pub(crate) fn body(value: &impl Serialize) -> Result<Body> {
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_CAPACITY));
    serde_json::to_writer(&mut *body, value)
        .map_err(|_| Error::new(ErrorKind::Internal, "a request body could not be made"))?;
    Ok(body)
}

/// No answer of the API is nested so deeply. What reads JSON takes some stack for each level, of which
/// a caller's thread may have little.
const DEEPEST: usize = 32;

/// Whether a text, if it is JSON, is nested too deeply to be read.
pub(crate) fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    json.iter().any(|byte| {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return false;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// Reads a successful answer.
pub(crate) fn read<'a, T: Deserialize<'a>>(action: &str, body: &'a [u8]) -> Result<T> {
    if is_too_deep(body) {
        return Err(nonsense(action, "the answer is nested too deeply"));
    }
    // serde_json's own message may quote what it read: only the place is told.
    serde_json::from_slice(body).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        nonsense(
            action,
            &format!("the answer is not the JSON that it should be (line {line}, column {column})"),
        )
    })
}

/// An answer that makes no sense.
pub(crate) fn nonsense(action: &str, problem: &str) -> Error {
    let message = format!(
        "cannot {action}: {problem}; is this emnify's API, or does a proxy or login page answer?"
    );
    Error::new(ErrorKind::Protocol, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deeply_is_not_read() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(!is_too_deep(nested(DEEPEST).as_bytes()));
        assert!(is_too_deep(nested(DEEPEST + 1).as_bytes()));
        // Many beside each other, and in texts, which may have quotation marks.
        assert!(!is_too_deep(nested(1).repeat(100).as_bytes()));
        let text = format!(r#""\\\"{}" "#, "[{".repeat(50));
        assert!(!is_too_deep(text.as_bytes()));
        assert!(is_too_deep(format!(r#""\\\\"{}"#, nested(50)).as_bytes()));
        let error = read::<serde_json::Value>("list", nested(100).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}
