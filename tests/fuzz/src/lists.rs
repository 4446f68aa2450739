//! Lists, page by page.

use emnify_core::parsers;
use serde_json::Value;

use crate::responses::{check_compact, check_row};
use crate::text::check_shown;

/// The byte between the header `Link` and the pages of a list.
const SEPARATOR: u8 = 0x1e;

/// Checks the list in `data`: a `Link` header that every page has, and the pages.
pub fn check(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == SEPARATOR);
    let link = parts.next().unwrap_or_default();
    let pages: Vec<_> = parts.collect();
    match parsers::rows(&pages, link) {
        Ok(rows) => {
            let most = pages.iter().map(|page| page.len()).sum();
            assert!(rows.iter().map(String::len).sum::<usize>() <= most);
            for row in &rows {
                serde_json::from_str::<&serde_json::value::RawValue>(row).unwrap();
                check_row(row);
                check_compact(row);
            }
            let ids = rows
                .iter()
                .filter_map(|row| serde_json::from_str::<Value>(row).ok()?.get("id")?.as_u64());
            let (mut ids, count): (Vec<_>, _) = (ids.clone().collect(), ids.count());
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count, "a row came twice");
        }
        Err(error) => check_shown(&error, &["canary"]),
    }
}
