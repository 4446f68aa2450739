//! A collection, row by row. emnify pages its collections: `page` and `per_page` in the query, how
//! many there are in the headers of the answer.

use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use crate::api;
use crate::error::Result;
use crate::request::Request;

/// Rows asked for with each call, where the caller does not say.
const PER_PAGE: u64 = 100;

/// A collection that has more pages is not one: it does not end.
const MOST_PAGES: u64 = 10_000;

/// The rows of a collection, each once. Made by [`Client::paginate`](crate::Client::paginate).
///
/// A page is fetched when its first row is asked for, each within the client's timeout. After an
/// error the iteration ends.
#[must_use = "nothing is fetched before the first row is asked for"]
#[derive(Debug)]
pub struct Pages {
    request: Request,
    page: u64,
    rows: VecDeque<Value>,
    /// Rows may move to a later page while we read: each id is handed out once.
    seen: HashSet<String>,
    ended: bool,
}

impl Pages {
    pub(crate) fn new(request: Request) -> Self {
        Pages { request, page: 0, rows: VecDeque::new(), seen: HashSet::new(), ended: false }
    }

    /// Rows with each call; more of them are fewer calls. Default: 100.
    pub fn per_page(mut self, rows: u64) -> Self {
        self.request = self.request.query("per_page", rows);
        self
    }

    /// Adds a parameter to the query; it is encoded as it must be.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.request = self.request.query(name, value);
        self
    }

    /// Adds a header, as [`Request::header`] does.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Whether the next row is there already, so that asking for it makes no call.
    #[doc(hidden)] // For the other faces of this library.
    pub fn is_buffered(&self) -> bool {
        self.ended || !self.rows.is_empty()
    }

    fn fetch(&mut self) -> Result<()> {
        self.page += 1;
        let action = self.request.action();
        let page = [("page", self.page.to_string())];
        let response = self.request.send_until(&page, self.request.deadline())?;
        let rows: Vec<Value> = api::read(&action, response.body())?;
        let before = self.rows.len();
        let new = rows.into_iter().filter(|row| match row.get("id") {
            Some(id) => self.seen.insert(id.to_string()),
            None => true,
        });
        self.rows.extend(new);
        // Without headers a collection has one page; a page with nothing new is the end too.
        self.ended = self.rows.len() == before || self.page >= response.total_pages();
        if self.page >= MOST_PAGES && !self.ended {
            return Err(api::nonsense(&action, "the collection does not end"));
        }
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() && !self.ended {
            if self.page == 0 && !self.request.asks("per_page") {
                self.request.ask("per_page", PER_PAGE);
            }
            if let Err(error) = self.fetch() {
                self.ended = true;
                return Some(Err(error));
            }
        }
        self.rows.pop_front().map(Ok)
    }
}
