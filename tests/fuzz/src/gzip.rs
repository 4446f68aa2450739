//! Compressed bodies, compared with another implementation.

use std::io::Read;

use emnify_core::parsers;
use flate2::read::MultiGzDecoder;

/// Checks the body `data`. Its first byte is the limit, in units of 16 bytes.
pub fn check(data: &[u8]) {
    let Some((limit, data)) = data.split_first() else { return };
    let limit = usize::from(*limit) * 16;
    let text = parsers::decompress(data, limit);
    assert!(text.as_ref().is_none_or(|text| text.len() <= limit));
    let mut expected = Vec::new();
    let read = MultiGzDecoder::new(data).take(limit as u64 + 1).read_to_end(&mut expected);
    if read.is_ok() && !data.is_empty() && expected.len() <= limit {
        assert_eq!(text.as_deref(), Some(&expected));
    }
}
