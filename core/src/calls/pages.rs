//! Iterates over the rows of a list, as the server wrote them.

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::json;
use crate::api::paging::{Paging, push_compact};
use crate::calls::request::Request;
use crate::calls::retry::Transport;
use crate::types::error::{ErrorKind, Result};

/// The default number of rows for each call.
const PER_PAGE: u64 = 100;

/// An iterator over the rows of a collection, each row once, created by
/// [`Client::paginate`](crate::Client::paginate).
///
/// A page is fetched when its first row is needed; each fetch takes at most the client's timeout.
/// Only one page is in memory, at most 16 MiB. After an error the iteration ends.
///
/// A list is an array, or an object with an array in `data`. There is another page if the headers
/// `X-Total-Pages` or `Link` say so; without these headers, if the page had as many rows as
/// requested. A row that was on an earlier page is skipped; it is recognised by its `id`, or by all
/// its fields if it is an object without an `id`. A page that repeats the previous one ends the
/// list.
///
/// The iterator's rows are `serde_json::Value`s, which do not keep the order of fields and turn
/// numbers beyond 64 bits into floats; [`next_text`](Pages::next_text) keeps both.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// let sims = client.paginate("/api/v1/sim").per_page(250).query("sort", "iccid");
/// for sim in sims.header("X-Trace", "7") {
///     println!("{}", sim?["iccid"]);
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[must_use = "nothing is fetched before the first row is needed"]
#[derive(Debug)]
pub struct Pages {
    request: Request,
    /// `None` before the first page.
    paging: Option<Paging>,
    ended: bool,
    /// The remaining rows of the page, joined, and the position where each of them ends.
    text: String,
    ends: VecDeque<usize>,
    /// The position where the next row begins.
    start: usize,
}

impl Pages {
    pub(crate) fn new(request: Request) -> Self {
        let (text, ends) = (String::new(), VecDeque::new());
        Pages { request, paging: None, ended: false, text, ends, start: 0 }
    }

    /// Sets the number of rows for each call. A larger number means fewer calls. Default: 100.
    pub fn per_page(mut self, rows: u64) -> Self {
        self.request = self.request.query("per_page", rows);
        self
    }

    /// Adds a parameter to the query. The parameter is percent-encoded as needed.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.request = self.request.query(name, value);
        self
    }

    /// Adds a header, like [`Request::header`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Returns an iterator that reads each row into a type of your own.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// #[derive(serde::Deserialize)]
    /// struct Sim {
    ///     iccid: String,
    /// }
    ///
    /// for sim in client.paginate("/api/v1/sim").typed::<Sim>() {
    ///     println!("{}", sim?.iccid);
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn typed<T: DeserializeOwned>(self) -> TypedPages<T> {
        TypedPages { pages: self, row: PhantomData }
    }

    /// Whether the next row is in memory, so that taking it makes no call.
    #[cfg(feature = "__faces")]
    #[doc(hidden)]
    #[must_use]
    pub fn is_buffered(&self) -> bool {
        self.ended || !self.ends.is_empty()
    }

    /// Returns the next row as the JSON that the server sent, on one line. The order of fields and
    /// all digits of numbers are kept.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let mut rows = client.paginate("/api/v1/sim").per_page(250);
    /// while let Some(row) = rows.next_text() {
    ///     println!("{}", row?);
    /// }
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn next_text(&mut self) -> Option<Result<String>> {
        self.next_row().map(|row| row.inspect_err(|_| self.end()))
    }

    /// Returns the next row as `next_text` does, by a call of `transport`. If that is cancelled, the
    /// row can be asked for again.
    pub(crate) fn next_text_by(&mut self, transport: &Arc<Transport>) -> Option<Result<String>> {
        // An interrupt is for this call alone.
        let own = self.request.go_by(transport);
        let row = self.next_row();
        self.request.go_by(&own);
        let row = row?;
        if row.as_ref().is_err_and(|error| error.kind() != ErrorKind::Cancelled) {
            self.end();
        }
        Some(row)
    }

    fn next_row(&mut self) -> Option<Result<String>> {
        if self.ends.is_empty() && !self.ended {
            if let Err(error) = self.fetch() {
                return Some(Err(error));
            }
        }
        let end = self.ends.pop_front()?;
        let row = self.text.get(self.start..end).unwrap_or_default().to_owned();
        self.start = end;
        Some(Ok(row))
    }

    fn fetch(&mut self) -> Result<()> {
        let Pages { request, paging, text, ends, .. } = self;
        let paging = paging.get_or_insert_with(|| {
            let per_page = match request.parameter("per_page") {
                Some(given) => given.parse().ok(),
                None => {
                    request.add_parameter("per_page", PER_PAGE);
                    Some(PER_PAGE)
                }
            };
            Paging::new(request.action(), per_page)
        });
        (self.start, *text) = (0, String::new());
        let fetch = |page: u64| {
            let page = [("page", page.to_string())];
            Ok(request.send_within(&page, &request.wait())?.into_page())
        };
        paging.next_page(fetch, |row| {
            push_compact(text, row);
            ends.push_back(text.len());
            Ok(())
        })?;
        self.ended = paging.ended;
        Ok(())
    }

    /// Returns the next row as a value of `T`.
    fn next_as<T: DeserializeOwned>(&mut self) -> Option<Result<T>> {
        let row = self.next_text()?;
        let row = row.and_then(|row| json::read_own(&self.request.action(), row.as_bytes()));
        Some(row.inspect_err(|_| self.end()))
    }

    fn end(&mut self) {
        (self.ended, self.paging) = (true, None);
        (self.text, self.ends) = (String::new(), VecDeque::new());
    }
}

impl FusedIterator for Pages {}

impl Iterator for Pages {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_as()
    }
}

/// An iterator over the rows of a collection as values of `T`, created by [`Pages::typed`]. After an
/// error the iteration ends. If a row does not match `T`, the error has the kind `Protocol`; serde's
/// error is its [`source`](std::error::Error::source) and may quote a value of the row.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// #[derive(serde::Deserialize)]
/// struct Sim {
///     id: u64,
/// }
///
/// let sims = client.paginate("/api/v1/sim").typed::<Sim>();
/// let ids: Vec<u64> = sims.map(|sim| Ok(sim?.id)).collect::<emnify_core::Result<_>>()?;
/// assert!(ids.contains(&500_001));
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[must_use = "nothing is fetched before the first row is needed"]
pub struct TypedPages<T> {
    pages: Pages,
    row: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> FusedIterator for TypedPages<T> {}

impl<T: DeserializeOwned> Iterator for TypedPages<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pages.next_as()
    }
}

impl<T> fmt::Debug for TypedPages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedPages").field("pages", &self.pages).finish()
    }
}
