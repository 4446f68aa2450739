//! Divides lists into pages as the live service does: the page is in the query, the counts are in
//! the response's headers, and the body is a bare array.

use serde_json::Value;

use crate::query::Collection;
use crate::request::Request;
use crate::response::{INVALID_QUERY, Response};
use crate::state::State;

/// Returns the page that the query requests, of the rows that it selects. A page past the end is
/// the last one again.
pub(crate) fn page(
    state: &State,
    collection: &Collection,
    request: &Request,
    rows: Vec<Value>,
) -> Response {
    let (rows, sort) = match collection.select(request, rows) {
        Ok(selected) => selected,
        Err(rejection) => return rejection,
    };
    let settings = &state.settings;
    let (Some(page), Some(per_page)) =
        (number(request, "page", 1), number(request, "per_page", settings.default_per_page))
    else {
        return Response::error(422, INVALID_QUERY, "page and per_page are numbers");
    };
    let per_page = per_page.min(settings.maximum_per_page.min(collection.maximum)).max(1);
    let total = rows.len() as u64;
    let pages = total.div_ceil(per_page);
    let page = page.min(pages).max(1);
    let first = usize::try_from((page - 1) * per_page).unwrap_or(usize::MAX);
    let most = usize::try_from(per_page).unwrap_or(usize::MAX);
    let shown: Vec<Value> = rows.into_iter().skip(first).take(most).collect();
    let count = shown.len();
    let mut response = Response::json(200, &Value::Array(shown));
    for (names, value) in [
        (&["X-Total-Pages", "X-Pages"] as &[_], pages.to_string()),
        (&["X-Total-Count"], total.to_string()),
        (&["X-Count-Per-Page", "X-Per-Page"], per_page.to_string()),
        (&["X-Current-Page", "X-Page"], page.to_string()),
        (&["X-Count"], count.to_string()),
        (&["X-Sort"], sort),
    ] {
        for name in names {
            response.set_header(name, &value);
        }
    }
    let mut links = Vec::new();
    for (name, number) in [("next", page + 1), ("last", pages)] {
        if page < number && number <= pages {
            links.push(format!("<{}>; rel=\"{name}\"", link(state, request, number)));
        }
    }
    if !links.is_empty() {
        response.set_header("Link", &links.join(", "));
    }
    response
}

/// Returns the number in the query, or the default if it is missing or below 1.
fn number(request: &Request, name: &str, default: u64) -> Option<u64> {
    match request.parameter(name) {
        None => Some(default),
        Some(text) => {
            let number: i64 = text.parse().ok()?;
            Some(u64::try_from(number).ok().filter(|number| *number > 0).unwrap_or(default))
        }
    }
}

/// Returns the URL of the request with another page.
fn link(state: &State, request: &Request, page: u64) -> String {
    let query = form_urlencoded::parse(request.query.as_bytes()).filter(|(name, _)| name != "page");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .append_pair("page", &page.to_string())
        .finish();
    format!("{}{}?{query}", state.base_url, request.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{APPLICATION_TOKENS, EVENTS};
    use serde_json::json;

    fn pages(target: &str) -> Response {
        let mut state = State::new().unwrap();
        state.base_url = "https://here".to_owned();
        let rows = (0..5).map(|id| json!({ "id": id })).collect();
        page(&state, &APPLICATION_TOKENS, &Request::test("GET", target, &Value::Null), rows)
    }

    fn header(response: &Response, name: &str) -> String {
        response.headers.iter().find(|(key, _)| key == name).unwrap().1.clone()
    }

    #[test]
    fn the_last_page_is_short_and_comes_again_past_the_end() {
        for page in [3, 4, 1000] {
            let last = pages(&format!("/x?per_page=2&page={page}"));
            assert_eq!(last.body, br#"[{"id":4}]"#);
            assert_eq!(header(&last, "X-Total-Pages"), "3");
            assert_eq!(header(&last, "X-Current-Page"), "3");
            assert_eq!(header(&last, "X-Count"), "1");
            assert!(last.headers.iter().all(|(name, _)| name != "Link"));
        }
        let first = pages("/x?q=id:*&per_page=2");
        assert_eq!(first.status, 422);
        let first = pages("/x?sort=id&per_page=2");
        assert_eq!(
            header(&first, "Link"),
            "<https://here/x?sort=id&per_page=2&page=2>; rel=\"next\", \
             <https://here/x?sort=id&per_page=2&page=3>; rel=\"last\""
        );
        assert_eq!(header(&pages("/x"), "X-Count-Per-Page"), "100");
        assert_eq!(header(&pages("/x"), "X-Sort"), "id");
    }

    #[test]
    fn numbers_out_of_range_are_corrected() {
        for target in ["/x?page=0", "/x?page=-3", "/x?per_page=0", "/x?per_page=-1"] {
            let response = pages(target);
            assert_eq!((response.status, header(&response, "X-Count").as_str()), (200, "5"));
        }
        assert_eq!(header(&pages("/x?per_page=9999"), "X-Count-Per-Page"), "1000");
        assert_eq!(pages("/x?page=a").status, 422);
    }

    #[test]
    fn each_collection_has_its_own_maximum() {
        let state = State::new().unwrap();
        let request = Request::test("GET", "/x?per_page=1000", &Value::Null);
        let rows = (0..150).map(|id| json!({ "id": id })).collect();
        assert_eq!(header(&page(&state, &EVENTS, &request, rows), "X-Count"), "100");
    }

    #[test]
    fn an_empty_list_has_no_pages() {
        let state = State::new().unwrap();
        let request = Request::test("GET", "/x?page=2", &Value::Null);
        let response = page(&state, &EVENTS, &request, Vec::new());
        assert_eq!((response.status, response.body.as_slice()), (200, b"[]".as_slice()));
        assert_eq!(header(&response, "X-Total-Pages"), "0");
    }
}
