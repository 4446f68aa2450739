//! Lists, cut into pages the way the live service does: the page in the query, the counts in the
//! answer's headers, a bare array in the body.

use serde_json::Value;

use crate::answer::{Answer, INVALID_QUERY};
use crate::request::Request;
use crate::settings::Settings;

/// The page of the rows that the query asks for.
pub(crate) fn page(settings: &Settings, request: &Request, rows: &[&Value]) -> Answer {
    let (Some(page), Some(per_page)) =
        (number(request, "page", 1), number(request, "per_page", settings.default_per_page))
    else {
        return Answer::error(422, INVALID_QUERY, "page and per_page are numbers from 1");
    };
    let per_page = per_page.min(settings.maximum_per_page).max(1);
    let total = rows.len() as u64;
    let first = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let most = usize::try_from(per_page).unwrap_or(usize::MAX);
    let shown = rows.iter().skip(first).take(most).copied().cloned();
    let shown: Vec<Value> = shown.collect();
    let count = shown.len();
    let mut answer = Answer::json(200, &Value::Array(shown));
    answer.set_header("X-Total-Pages", &total.div_ceil(per_page).to_string());
    answer.set_header("X-Total-Count", &total.to_string());
    answer.set_header("X-Count-Per-Page", &per_page.to_string());
    answer.set_header("X-Current-Page", &page.to_string());
    answer.set_header("X-Count", &count.to_string());
    answer
}

fn number(request: &Request, name: &str, default: u64) -> Option<u64> {
    match request.parameter(name) {
        None => Some(default),
        Some(text) => text.parse().ok().filter(|number| *number > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(target: &str) -> Answer {
        let rows: Vec<Value> = (0..5).map(Value::from).collect();
        let rows: Vec<&Value> = rows.iter().collect();
        page(&Settings::default(), &Request::test("GET", target, &Value::Null), &rows)
    }

    fn header(answer: &Answer, name: &str) -> String {
        answer.headers.iter().find(|(key, _)| key == name).unwrap().1.clone()
    }

    #[test]
    fn the_last_page_is_short_and_those_after_it_empty() {
        let last = pages("/x?per_page=2&page=3");
        assert_eq!(last.body, b"[4]");
        assert_eq!(header(&last, "X-Total-Pages"), "3");
        assert_eq!(header(&last, "X-Count"), "1");
        assert_eq!(pages("/x?per_page=2&page=4").body, b"[]");
        assert_eq!(header(&pages("/x"), "X-Count-Per-Page"), "100");
    }

    #[test]
    fn nonsense_is_refused() {
        for target in ["/x?page=0", "/x?page=a", "/x?per_page=-1"] {
            assert_eq!(pages(target).status, 422, "{target}");
        }
    }
}
