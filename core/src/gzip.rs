//! Responses that came compressed (RFC 1952).

use std::io::Read;

use flate2::read::MultiGzDecoder;
use zeroize::Zeroizing;

/// What is wrong with a compressed response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is not gzip, or damaged.
    Damaged,
    /// It holds more than the limit.
    TooLong,
}

/// The text of all members; at most `limit` bytes.
pub(crate) fn decompress(bytes: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
    // One that grew would leave an unwiped copy behind; most responses are shorter than this.
    let mut text = Zeroizing::new(Vec::with_capacity(limit.min(64 * 1024)));
    MultiGzDecoder::new(bytes)
        .take(limit as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|_| Problem::Damaged)?;
    if text.len() > limit { Err(Problem::TooLong) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "text text text text\n", as `gzip -n` writes it.
    const PLAIN: [u8; 28] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x2b, 0x49, 0xad, 0x28, 0x51, 0x28, 0x41, 0x21, 0xb8,
        0x00, 0xc9, 0xe7, 0x99, 0xb8, 20, 0, 0, 0,
    ];

    #[test]
    fn members_may_follow_each_other() {
        let text = decompress(&PLAIN, 100).unwrap();
        assert_eq!(text.as_slice(), b"text text text text\n");
        let twice = decompress(&PLAIN.repeat(2), 100).unwrap();
        assert_eq!(twice.as_slice(), b"text text text text\n".repeat(2));
    }

    #[test]
    fn a_response_that_is_too_long_is_told_from_a_damaged_one() {
        for end in 0..PLAIN.len() {
            assert_eq!(decompress(&PLAIN[..end], 100).unwrap_err(), Problem::Damaged, "{end}");
        }
        assert_eq!(decompress(&PLAIN, 19).unwrap_err(), Problem::TooLong);
        assert_eq!(decompress(b"plain text", 100).unwrap_err(), Problem::Damaged);
    }
}
