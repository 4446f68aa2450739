//! Answers that came compressed (RFC 1952). What they hold is as it was sent, TLS sees to that, so
//! the checksum at the end is not looked at.

use miniz_oxide::inflate::decompress_slice_iter_to_slice;
use zeroize::Zeroizing;

/// How a member begins: the two magic bytes, and deflate as the method.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Flags: what else stands before the data.
const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// The text of one member; `None` if it is none, damaged, or longer than `limit`.
pub(crate) fn decompress(bytes: &[u8], limit: usize) -> Option<Zeroizing<Vec<u8>>> {
    let (header, rest) = bytes.split_first_chunk::<10>()?;
    let [magic @ .., flags, _, _, _, _, _, _] = header;
    if *magic != MAGIC {
        return None;
    }
    let mut rest = rest;
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
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    let (rest, length) = rest.split_last_chunk::<4>()?;
    let (deflated, _checksum) = rest.split_last_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|n| *n <= limit)?;
    // As long as it will be: one that grew would leave an unwiped copy behind.
    let mut text = Zeroizing::new(vec![0; length]);
    let once = std::iter::once(deflated);
    let written = decompress_slice_iter_to_slice(&mut text, once, false, true).ok()?;
    (written == length).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "text text text text\n", as `gzip -n` writes it.
    const PLAIN: [u8; 28] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x2b, 0x49, 0xad, 0x28, 0x51, 0x28, 0x41, 0x21, 0xb8,
        0x00, 0xc9, 0xe7, 0x99, 0xb8, 20, 0, 0, 0,
    ];

    /// The same member with these flags and what they announce.
    fn member(flags: u8, fields: &[u8]) -> Vec<u8> {
        let mut member = PLAIN.to_vec();
        member[3] = flags;
        member.splice(10..10, fields.iter().copied());
        member
    }

    #[test]
    fn a_member_is_read_whatever_stands_before_its_data() {
        let all = [&[2, 0, 7, 7][..], b"name\0", b"comment\0", &[1, 1]].concat();
        for (flags, fields) in [(0, &[][..]), (NAME, b"name\0"), (31, &all)] {
            let text = decompress(&member(flags, fields), 100).unwrap();
            assert_eq!(text.as_slice(), b"text text text text\n", "{flags}");
        }
    }

    #[test]
    fn what_is_damaged_or_too_long_is_none() {
        for end in 0..PLAIN.len() {
            assert!(decompress(&PLAIN[..end], 100).is_none(), "{end}");
        }
        assert!(decompress(&PLAIN, 19).is_none());
        assert!(decompress(&member(NAME, b""), 100).is_none());
        assert!(decompress(b"plain text, and enough of it to be a member", 100).is_none());
    }
}
