//! Reads and writes JSON. Bodies are wiped, responses are limited in depth, and messages quote
//! neither.

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::types::error::{Error, ErrorKind, Result};

/// A JSON body. It is wiped when dropped, since it may contain a secret.
pub(crate) type Body = Zeroizing<Vec<u8>>;

/// Reads a whole number, however it is written: `8`, `8.0` or `"8"`.
pub(crate) fn whole<T: TryFrom<i128>>(json: &RawValue) -> Option<T> {
    /// From here on a float cannot represent every whole number.
    const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
    let text = json.get().trim_matches('"');
    let float = || {
        // The standard library's parser would add 16 kB to the library.
        let number: f64 = part(text)?;
        (number.fract() == 0.0 && number.abs() < MOST_EXACT).then_some(number as i128)
    };
    T::try_from(text.parse().ok().or_else(float)?).ok()
}

/// Reads a part of a response. From bytes, like everything else: serde's parser is generic, and would
/// be in the library twice.
pub(crate) fn part<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_slice(text.as_bytes()).ok()
}

/// The capacity of a body, in bytes. No body is longer: growing would leave an unwiped copy.
const BODY_CAPACITY: usize = 32 * 1024;

/// Serialises a body.
///
/// # Errors
///
/// `InvalidInput` if the program's value cannot be serialised.
pub(crate) fn body<T: Serialize>(value: &T) -> Result<Body> {
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_CAPACITY));
    serde_json::to_writer(&mut *body, value)
        .map_err(|error| unserialisable(std::any::type_name::<T>(), error))?;
    Ok(body)
}

#[cold]
fn unserialisable(type_name: &str, error: serde_json::Error) -> Error {
    let problem = format!("the value of type {type_name} cannot be serialised");
    Error::invalid_input("json", problem).caused_by(Box::new(error))
}

/// How deeply a response may be nested. The API's responses are less deep, and a JSON parser needs
/// stack for each level, of which a caller's thread may have little.
const DEEPEST: usize = 32;

/// Whether a JSON text is nested too deeply to be read.
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

/// Reads the body of a successful response.
pub(crate) fn read<'a, T: Deserialize<'a>>(action: &str, body: &'a [u8]) -> Result<T> {
    parse(action, body)?.map_err(|error| unreadable(action, &error))
}

/// Reads a response into a type of the program's, which may see what serde's error quotes.
pub(crate) fn read_own<'a, T: Deserialize<'a>>(action: &str, body: &'a [u8]) -> Result<T> {
    parse(action, body)?.map_err(|error| unreadable(action, &error).caused_by(Box::new(error)))
}

fn parse<'a, T: Deserialize<'a>>(action: &str, body: &'a [u8]) -> Result<serde_json::Result<T>> {
    if body.is_empty() {
        return Err(nonsense(action, "the response has no body"));
    }
    if is_too_deep(body) {
        return Err(nonsense(action, "the response is nested too deeply"));
    }
    Ok(serde_json::from_slice(body))
}

/// Creates the error for a response that cannot be read as JSON. The message gives only the
/// position, since serde_json's own message may quote the body.
pub(crate) fn unreadable(action: &str, error: &serde_json::Error) -> Error {
    let problem = match error.classify() {
        Category::Data => "does not have the expected fields",
        Category::Io | Category::Syntax | Category::Eof => "is not valid JSON",
    };
    let (line, column) = (error.line(), error.column());
    nonsense(action, &format!("the response {problem} (line {line}, column {column})"))
}

/// Creates the error for a response that emnify's API would not send.
pub(crate) fn nonsense(action: &str, problem: &str) -> Error {
    let message = format!(
        "cannot {action}: {problem}; check that base_url leads to emnify's API, and not to a proxy \
         or a login page"
    );
    Error::new(ErrorKind::Protocol, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_is_nested_too_deeply_is_not_read() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(!is_too_deep(nested(DEEPEST).as_bytes()));
        assert!(is_too_deep(nested(DEEPEST + 1).as_bytes()));
        // Brackets next to each other, and in strings with escaped quotation marks.
        assert!(!is_too_deep(nested(1).repeat(100).as_bytes()));
        let text = format!(r#""\\\"{}" "#, "[{".repeat(50));
        assert!(!is_too_deep(text.as_bytes()));
        assert!(is_too_deep(format!(r#""\\\\"{}"#, nested(50)).as_bytes()));
        let error = read::<serde_json::Value>("list", nested(100).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }

    #[test]
    fn the_message_says_why_a_response_cannot_be_read() {
        for (body, problem) in [
            ("", "cannot list: the response has no body; check"),
            ("<p>", "cannot list: the response is not valid JSON (line 1, column 1); check"),
            (
                "[7]",
                "cannot list: the response does not have the expected fields (line 1, column 2)",
            ),
        ] {
            let error = read::<Vec<String>>("list", body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().starts_with(problem), "{error}");
        }
    }
}
