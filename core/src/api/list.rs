//! Reads a whole list, page by page, within a limit on its size.

use std::cell::Cell;

use crate::api::json;
use crate::api::paging::{Page, Paging};
use crate::types::error::Result;

/// The limit for a list over all its pages, in bytes: the decoded bodies and the rows that are
/// kept. A workspace with 100,000 application tokens needs half of it.
const LONGEST_LIST: usize = 64 * 1024 * 1024;

/// Fetches the page with this query.
type Fetch<'a> = dyn Fn(&[(&str, String)]) -> Result<Page> + 'a;

/// Reads all rows, each once. `action` follows "cannot" in a message. `fetch` gets the query of a
/// page: `query` and the number of the page. A row for which `read` returns `None` is skipped.
pub(crate) fn read_all<T>(
    action: &str,
    query: &[(&'static str, String)],
    fetch: impl Fn(&[(&str, String)]) -> Result<Page>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>> {
    read_pages(u64::MAX, action, query, fetch, read).map(|(rows, _)| rows)
}

/// Like [`read_all`], but reads at most so many pages. Returns whether these were all, too.
pub(crate) fn read_pages<T>(
    most: u64,
    action: &str,
    query: &[(&'static str, String)],
    fetch: impl Fn(&[(&str, String)]) -> Result<Page>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(Vec<T>, bool)> {
    let mut rows = Vec::new();
    let mut keep = |row: &str| {
        let read = read(row);
        let size = read.as_ref().map_or(0, size_of_val);
        rows.extend(read);
        size
    };
    let are_all = each_row(most, action, query, &fetch, &mut keep)?;
    Ok((rows, are_all))
}

/// Passes each row of at most so many pages to `keep`, which returns how much memory it takes.
/// Returns whether there are no more pages. Not generic, so that the code is in the binary once.
fn each_row(
    most: u64,
    action: &str,
    query: &[(&'static str, String)],
    fetch: &Fetch<'_>,
    keep: &mut dyn FnMut(&str) -> usize,
) -> Result<bool> {
    let size = Cell::new(0_usize);
    let grow = |bytes| {
        size.set(size.get().saturating_add(bytes));
        if size.get() > LONGEST_LIST {
            return Err(json::nonsense(action, "the list is longer than 64 MiB"));
        }
        Ok(())
    };
    let fetch = |page: u64| {
        let mut query = query.to_vec();
        // The first request has no page number, since the list may have no pages at all.
        if page > 1 {
            query.push(("page", page.to_string()));
        }
        let page = fetch(&query)?;
        grow(page.body.len())?;
        Ok(page)
    };
    let per_page = query.iter().find(|(name, _)| *name == "per_page");
    let mut paging = Paging::new(action, per_page.and_then(|(_, rows)| rows.parse().ok()));
    for _ in 0..most {
        paging.next_page(fetch, |row| grow(keep(row)))?;
        if paging.ended {
            break;
        }
    }
    Ok(paging.ended)
}
