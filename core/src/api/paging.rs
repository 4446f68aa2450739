//! Reads lists page by page. emnify takes `page` and `per_page` in the query and reports the number
//! of pages in headers. This code decides which rows belong to a list and where the list ends. The
//! caller's closures fetch a page and take its rows.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use reqwest::header::{HeaderMap, LINK};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;

use crate::api::json;
use crate::api::json::Body;
use crate::types::error::{Error, Result};

/// The most pages of a list. A longer list is taken for an endless one.
const MOST_PAGES: u64 = 10_000;

/// The most rows of a list. Their hashes take about 64 MiB.
const MOST_ROWS: usize = 4_000_000;

/// The relations of a `Link` header that are about pages (RFC 8288).
const PAGE_LINKS: [&str; 5] = ["next", "prev", "previous", "first", "last"];

/// A page as the server sent it.
pub(crate) struct Page {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// The position in a list.
#[derive(Debug)]
pub(crate) struct Paging {
    /// What the call does, to follow "cannot" in a message.
    action: String,
    /// The value of `per_page` in the query, if there is one.
    per_page: Option<u64>,
    page: u64,
    /// The hash of the previous page.
    previous: Option<u64>,
    /// The hashes of the rows so far, since a row may move to a later page meanwhile.
    seen: HashSet<u64>,
    hasher: RandomState,
    /// Whether there are no more pages.
    pub(crate) ended: bool,
}

impl Paging {
    pub(crate) fn new(action: impl Into<String>, per_page: Option<u64>) -> Self {
        Paging {
            action: action.into(),
            per_page,
            page: 0,
            previous: None,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            ended: false,
        }
    }

    /// Reads the next page. `fetch` gets its number, counted from 1. `keep` gets the JSON of each
    /// row that was not on an earlier page. If `fetch` fails, the same page can
    /// be read again.
    pub(crate) fn next_page(
        &mut self,
        fetch: impl FnOnce(u64) -> Result<Page>,
        mut keep: impl FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        let Page { headers, body } = fetch(self.page + 1)?;
        self.page += 1;
        let hash = self.hasher.hash_one(&*body);
        if self.previous.replace(hash) == Some(hash) {
            // Some servers repeat the last page for a page number beyond it.
            self.ended = true;
            return Ok(());
        }
        let (mut rows, mut new) = (0, 0_u64);
        // Equal rows without an id may be different rows on one page, but are repeated rows on a
        // later page.
        let mut without_id = Vec::new();
        each_row(&self.action, &body, |row| {
            rows += 1;
            let is_new = match Key::of(row) {
                Key::Id(id) => self.seen.insert(self.hasher.hash_one(id)),
                Key::Row => {
                    let hash = self.hasher.hash_one(row);
                    without_id.push(hash);
                    !self.seen.contains(&hash)
                }
                Key::None => true,
            };
            if self.seen.len() + without_id.len() > MOST_ROWS {
                return Err(json::nonsense(&self.action, "the list has more than 4,000,000 rows"));
            }
            if is_new {
                new += 1;
                keep(row)?;
            }
            Ok(())
        })?;
        self.seen.extend(without_id);
        self.ended = new == 0 || !self.continues(&headers, rows);
        if self.page >= MOST_PAGES && !self.ended {
            return Err(json::nonsense(&self.action, "the list has more than 10,000 pages"));
        }
        Ok(())
    }

    /// Whether there is another page, according to the headers. Without these headers, a full page
    /// is followed by another one.
    fn continues(&self, headers: &HeaderMap, rows: u64) -> bool {
        let total = headers.get("X-Total-Pages").and_then(|value| value.to_str().ok());
        let total = total.and_then(|text| text.trim().parse::<u64>().ok());
        match (total, links_next(headers)) {
            (None, None) => self.per_page == Some(rows),
            (total, next) => total.is_some_and(|total| self.page < total) || next == Some(true),
        }
    }
}

/// Whether the `Link` headers contain a next page. `None` if they contain no links to pages.
fn links_next(headers: &HeaderMap) -> Option<bool> {
    let mut next = None;
    for text in headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()) {
        // The parameters of a link are between its `>` and the `<` of the next link.
        let parameters = text.split('>').skip(1).filter_map(|rest| rest.split('<').next());
        let relations = parameters
            .flat_map(|parameters| parameters.split([';', ',']))
            .filter_map(|parameter| parameter.split_once('='))
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("rel"))
            .flat_map(|(_, value)| value.trim().trim_matches('"').split_whitespace());
        for relation in relations.map(str::to_ascii_lowercase) {
            if PAGE_LINKS.contains(&relation.as_str()) {
                next = Some(next == Some(true) || relation == "next");
            }
        }
    }
    next
}

/// How a row is recognised on a later page.
enum Key<'a> {
    /// By its id.
    Id(&'a str),
    /// By its whole text: it is an object without an id.
    Row,
    /// Not at all: a number or a string may occur any number of times.
    None,
}

impl<'a> Key<'a> {
    fn of(row: &'a str) -> Self {
        #[derive(Deserialize)]
        struct Row<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
        }
        if !row.starts_with('{') {
            return Key::None;
        }
        match json::part(row) {
            Some(Row { id: Some(id) }) => Key::Id(id.get()),
            _ => Key::Row,
        }
    }
}

/// Passes the JSON of each row to `keep`. A list is an array, or an object with an array in `data`.
fn each_row(action: &str, body: &[u8], mut keep: impl FnMut(&str) -> Result<()>) -> Result<()> {
    if json::is_too_deep(body) {
        return Err(json::nonsense(action, "the response is nested too deeply"));
    }
    let mut failure = None;
    let mut json = serde_json::Deserializer::from_slice(array(action, body)?);
    let rows = Rows { keep: &mut keep, failure: &mut failure };
    let read = json.deserialize_seq(rows).and_then(|()| json.end());
    match failure {
        Some(error) => Err(error),
        None => read.map_err(|error| json::unreadable(action, &error)),
    }
}

/// Returns the part of a response that is the list.
fn array<'a>(action: &str, body: &'a [u8]) -> Result<&'a [u8]> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let found = match first {
        Some(b'[') => return Ok(body),
        None => "an empty response",
        Some(b'{') => {
            let wrapped: Wrapped<'a> =
                serde_json::from_slice(body).map_err(|error| json::unreadable(action, &error))?;
            match wrapped.data.map(RawValue::get) {
                Some(data) if data.starts_with('[') => return Ok(data.as_bytes()),
                _ => r#"an object without a list in "data""#,
            }
        }
        Some(first) => {
            serde_json::from_slice::<&RawValue>(body)
                .map_err(|error| json::unreadable(action, &error))?;
            match first {
                b'"' => "a string",
                b't' | b'f' => "a boolean",
                b'n' => "null",
                _ => "a number",
            }
        }
    };
    Err(json::nonsense(action, &format!("expected a list, got {found}")))
}

/// Reads an array row by row, so that many small rows take no more memory than one.
struct Rows<'f, F> {
    keep: &'f mut F,
    /// The error of `keep`.
    failure: &'f mut Option<Error>,
}

impl<'de, F: FnMut(&str) -> Result<()>> Visitor<'de> for Rows<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> std::result::Result<(), A::Error> {
        while let Some(row) = rows.next_element::<&RawValue>()? {
            if let Err(error) = (self.keep)(row.get()) {
                *self.failure = Some(error);
                return Err(de::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// Appends JSON on one line, without the white space between its tokens.
pub(crate) fn push_compact(line: &mut String, json: &str) {
    let (mut in_text, mut escaped) = (false, false);
    line.extend(json.chars().filter(|character| {
        if in_text {
            in_text = escaped || *character != '"';
            escaped = !escaped && *character == '\\';
            return true;
        }
        in_text = *character == '"';
        !character.is_ascii_whitespace()
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_put_on_one_line_and_its_strings_stay() {
        let mut line = String::new();
        push_compact(&mut line, "{ \"a b\" : [ 1.50 ,\n\t\"\\\" c \\\\\" , { } ] }\r\n");
        assert_eq!(line, r#"{"a b":[1.50,"\" c \\",{}]}"#);
    }

    #[test]
    fn links_are_read_with_any_other_parameters() {
        for (link, next) in [
            ("", None),
            ("</x>; rel=help", None),
            (r#"</x>; rel="next""#, Some(true)),
            ("</x>;title=a;REL=Next", Some(true)),
            (r#"</a?x=1,2>; rel="first", </b>; rel="last next""#, Some(true)),
            ("</x>; rel=next, </y>; rel=last", Some(true)),
            ("</next>; rel=prev", Some(false)),
            ("rel=next", None),
        ] {
            let headers = [(LINK, link.parse().unwrap())].into_iter().collect();
            assert_eq!(links_next(&headers), next, "{link}");
        }
    }
}
