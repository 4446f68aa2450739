//! The list of application tokens, all pages of it.

use std::cell::Cell;

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::api::application_token::ApplicationToken;
use crate::api::bodies::{self, APPLICATION_TOKEN};
use crate::api::paging::{Page, Paging};
use crate::http::{Answer, Call};
use crate::types::error::Result;

/// For a list over all its pages: the decoded bodies, and the rows that are kept of them. A workspace
/// with 100,000 application tokens needs half of it; a lying server gets no more.
const LONGEST_LIST: usize = 64 * 1024 * 1024;

/// Reads all rows, each once. `send` makes a call. A row without an id is passed over, since no call
/// can name it.
pub(crate) fn read(send: impl Fn(&Call<'_>) -> Result<Answer>) -> Result<Vec<ApplicationToken>> {
    const ACTION: &str = "list the application tokens";
    let size = Cell::new(0_usize);
    let grow = |bytes| {
        size.set(size.get().saturating_add(bytes));
        if size.get() > LONGEST_LIST {
            return Err(bodies::nonsense(ACTION, "the list is longer than 64 MiB"));
        }
        Ok(())
    };
    let fetch = |page: u64| {
        // The first page is asked for plainly: the list may have no pages at all.
        let query = [("page", page.to_string())];
        let answer = send(&Call {
            action: ACTION,
            method: Method::GET,
            path: APPLICATION_TOKEN,
            query: if page == 1 { &[] } else { &query },
            headers: &HeaderMap::new(),
            body: None,
            secrets: &[],
        })?;
        grow(answer.body.len())?;
        Ok(Page { headers: answer.headers, body: answer.body })
    };
    let mut rows = Vec::new();
    let mut paging = Paging::new(ACTION, None);
    while !paging.ended {
        paging.next_page(fetch, |row| {
            if let Some(row) = ApplicationToken::read(row) {
                grow(size_of::<ApplicationToken>())?;
                rows.push(row);
            }
            Ok(())
        })?;
    }
    Ok(rows)
}
