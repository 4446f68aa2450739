//! The list of application tokens, page after page, whoever asks for it.

use std::collections::HashSet;

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::api::{self, APPLICATION_TOKEN, ApplicationTokenRow};
use crate::application_token::ApplicationToken;
use crate::error::Result;
use crate::http::{Answer, Call};

/// No workspace has as many application tokens as this many pages hold.
const MOST_PAGES: u64 = 1_000;

/// Reads all rows, each once. `send` makes a call.
pub(crate) fn read(send: impl Fn(&Call<'_>) -> Result<Answer>) -> Result<Vec<ApplicationToken>> {
    const ACTION: &str = "list the application tokens";
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    for page in 1..=MOST_PAGES {
        // The first page is asked for plainly: the collection may not be paged at all.
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
        let more: Vec<ApplicationTokenRow> = api::read(ACTION, &answer.body)?;
        let before = rows.len();
        rows.extend(more.into_iter().filter(|row| seen.insert(row.id)).map(ApplicationToken::from));
        // A page with nothing new is the end too, whatever its headers say.
        if rows.len() == before || page >= answer.total_pages() {
            return Ok(rows);
        }
    }
    Err(api::nonsense(ACTION, "the list does not end"))
}
