//! Dates and instants, in the forms that the API and people write.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emnify_core::parsers::{instant, readable, wire};

use crate::text::check_text;

/// Checks the date `data`, and the instant whose milliseconds its bytes are.
pub fn check(data: &[u8]) {
    let read = std::str::from_utf8(data).ok().and_then(instant);
    let (bytes, _) = data.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let number = UNIX_EPOCH.checked_add(Duration::from_millis(u64::from_le_bytes(*bytes)));
    for instant in [read, number].into_iter().flatten() {
        check_instant(instant);
    }
}

fn check_instant(at: SystemTime) {
    check_text(&readable(at));
    let Some(text) = wire(at) else { return };
    assert_eq!(text.len(), "2027-05-29T00:00:00.000Z".len(), "{text}");
    let again = instant(&text).unwrap();
    let cut = at.duration_since(again).unwrap();
    assert!(cut < Duration::from_millis(1), "{text} is {cut:?} early");
}
