//! Decompresses gzip responses (RFC 1952). The framing is read here instead of by flate2, which
//! puts 43 kB of state on the stack, where a caller's thread may have 64 kB, and has a checksum
//! table of 20 kB. Checksums are not verified, since TLS already protects the response.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress as inflate};
use zeroize::Zeroizing;

/// The first bytes of a member: the two magic bytes, and deflate as the method.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Flags for the optional fields before the data.
const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// What is wrong with a compressed response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is not gzip, or it is damaged.
    Damaged,
    /// It contains more than the limit.
    TooLong,
}

/// Returns the decompressed text of all members, at most `limit` bytes.
pub(crate) fn decompress(bytes: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut text = Text::new(limit);
    let mut rest = bytes;
    while !rest.is_empty() {
        let data = after_header(rest).ok_or(Problem::Damaged)?;
        let began = text.length;
        let trailer = text.append(data)?;
        let (_checksum, trailer) = trailer.split_first_chunk::<4>().ok_or(Problem::Damaged)?;
        let (length, after) = trailer.split_first_chunk::<4>().ok_or(Problem::Damaged)?;
        if (text.length - began) as u32 != u32::from_le_bytes(*length) {
            return Err(Problem::Damaged);
        }
        rest = after;
    }
    text.bytes.truncate(text.length);
    if text.bytes.len() > limit { Err(Problem::TooLong) } else { Ok(text.bytes) }
}

/// A buffer of which the first `length` bytes are text.
struct Text {
    bytes: Zeroizing<Vec<u8>>,
    length: usize,
    /// One byte over the limit, to distinguish a text that is too long from one that just fits.
    most: usize,
}

impl Text {
    fn new(limit: usize) -> Self {
        let most = limit.saturating_add(1);
        Text { bytes: Zeroizing::new(vec![0; most.min(16 * 1024)]), length: 0, most }
    }

    /// Appends the text of a member. Returns the bytes after its data.
    fn append<'a>(&mut self, mut data: &'a [u8]) -> Result<&'a [u8], Problem> {
        let mut state = Box::<DecompressorOxide>::default();
        loop {
            let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            let (status, read, written) =
                inflate(&mut state, data, &mut self.bytes, self.length, flags);
            data = data.get(read..).ok_or(Problem::Damaged)?;
            self.length += written;
            match status {
                TINFLStatus::Done => return Ok(data),
                TINFLStatus::HasMoreOutput if self.bytes.len() < self.most => self.grow(),
                TINFLStatus::HasMoreOutput => return Err(Problem::TooLong),
                _ => return Err(Problem::Damaged),
            }
        }
    }

    /// Doubles the buffer, and wipes the old one.
    fn grow(&mut self) {
        let size = self.bytes.len().saturating_mul(2).min(self.most);
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        bytes.extend_from_slice(&self.bytes);
        bytes.resize(size, 0);
        self.bytes = bytes;
    }
}

/// Skips the header of a member.
fn after_header(bytes: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = bytes.split_first_chunk::<10>()?;
    let [magic @ .., flags, _, _, _, _, _, _] = header;
    if *magic != MAGIC {
        return None;
    }
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HEADER_CHECKSUM != 0 { rest.get(2..) } else { Some(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "text text text text\n", as `gzip -n` writes it.
    const PLAIN: [u8; 28] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x2b, 0x49, 0xad, 0x28, 0x51, 0x28, 0x41, 0x21, 0xb8,
        0x00, 0xc9, 0xe7, 0x99, 0xb8, 20, 0, 0, 0,
    ];

    /// Returns a member with these flags and the optional fields that they announce.
    fn member(flags: u8, fields: &[u8]) -> Vec<u8> {
        let mut member = PLAIN.to_vec();
        member[3] = flags;
        member.splice(10..10, fields.iter().copied());
        member
    }

    #[test]
    fn several_members_with_any_optional_fields_are_decompressed() {
        let all = [&[2, 0, 7, 7][..], b"name\0", b"comment\0", &[1, 1]].concat();
        let mut bytes = Vec::new();
        for (count, (flags, fields)) in
            [(0, &[][..]), (NAME, b"name\0"), (31, &all)].into_iter().enumerate()
        {
            bytes.extend(member(flags, fields));
            let text = decompress(&bytes, 100).unwrap();
            assert_eq!(text.as_slice(), b"text text text text\n".repeat(count + 1), "{flags}");
        }
    }

    #[test]
    fn a_response_that_is_too_long_is_distinguished_from_a_damaged_one() {
        for end in 1..PLAIN.len() {
            assert_eq!(decompress(&PLAIN[..end], 100).unwrap_err(), Problem::Damaged, "{end}");
        }
        assert!(decompress(&PLAIN, 20).is_ok());
        assert_eq!(decompress(&PLAIN, 19).unwrap_err(), Problem::TooLong);
        assert_eq!(decompress(&PLAIN.repeat(2), 39).unwrap_err(), Problem::TooLong);
        for bytes in [&b"plain text"[..], &member(NAME, b""), &[&PLAIN[..], b"x"].concat()] {
            assert_eq!(decompress(bytes, 100).unwrap_err(), Problem::Damaged);
        }
    }
}
