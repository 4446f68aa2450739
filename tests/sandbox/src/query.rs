//! The parameters `q`, `sort`, `from` and `until`, which select and sort the rows of a collection.

use std::cmp::Ordering;

use serde_json::Value;

use crate::date::instant;
use crate::request::Request;
use crate::response::{INVALID_QUERY, INVALID_SORT, Response};

/// A field to filter and sort by, and its place in a row.
type Field = (&'static str, &'static str);

/// A collection that is sent in pages.
pub(crate) struct Collection {
    /// The most rows on a page.
    pub(crate) maximum: u64,
    fields: &'static [Field],
}

pub(crate) const ENDPOINTS: Collection = Collection {
    maximum: 1000,
    fields: &[
        ("id", "/id"),
        ("name", "/name"),
        ("tags", "/tags"),
        ("status", "/status/id"),
        ("service_profile", "/service_profile/id"),
        ("tariff_profile", "/tariff_profile/id"),
        ("ip_address", "/ip_address"),
        ("imei", "/imei"),
        ("sim", "/sim/id"),
        ("iccid", "/sim/iccid"),
        ("imsi", "/sim/imsi"),
        ("msisdn", "/sim/msisdn"),
        ("created", "/created"),
        ("last_updated", "/last_updated"),
    ],
};

pub(crate) const SIMS: Collection = Collection {
    maximum: 2000,
    fields: &[
        ("id", "/id"),
        ("iccid", "/iccid"),
        ("imsi", "/imsi"),
        ("msisdn", "/msisdn"),
        ("status", "/status/id"),
        ("customer_org", "/customer_org/id"),
        ("issuer_org", "/issuer_org/id"),
        ("endpoint", "/endpoint/id"),
        ("production_date", "/production_date"),
        ("activation_date", "/activation_date"),
    ],
};

pub(crate) const EVENTS: Collection = Collection {
    maximum: 100,
    fields: &[
        ("id", "/id"),
        ("type", "/event_type/id"),
        ("source", "/event_source/id"),
        ("severity", "/event_severity/id"),
        ("endpoint", "/endpoint/id"),
        ("description", "/description"),
        ("timestamp", "/timestamp"),
    ],
};

pub(crate) const APPLICATION_TOKENS: Collection = Collection {
    maximum: 1000,
    fields: &[
        ("id", "/id"),
        ("description", "/description"),
        ("status", "/status/id"),
        ("created", "/created"),
        ("expiry_date", "/expiry_date"),
    ],
};

impl Collection {
    /// Returns the rows that the query selects, in its order, and what they are sorted by.
    pub(crate) fn select(
        &self,
        request: &Request,
        mut rows: Vec<Value>,
    ) -> Result<(Vec<Value>, String), Response> {
        for criterion in request.parameter("q").iter().flat_map(|q| q.split(',')) {
            let (pointer, wanted) = self.criterion(criterion)?;
            rows.retain(|row| row.pointer(pointer).is_some_and(|value| is(value, wanted)));
        }
        for (name, kept) in [("from", Ordering::Greater), ("until", Ordering::Less)] {
            let Some(text) = request.parameter(name) else { continue };
            let bound = instant(&text).ok_or_else(|| rejected(name))?;
            let time = |row: &Value| row.get("timestamp").and_then(Value::as_str).and_then(instant);
            rows.retain(|row| {
                time(row).is_none_or(|time| time == bound || time.cmp(&bound) == kept)
            });
        }
        let sort = request.parameter("sort").unwrap_or_else(|| "id".to_owned());
        // The sort is stable, so applying the first criterion last gives it precedence.
        for criterion in sort.rsplit(',') {
            let name = criterion.strip_prefix('-').unwrap_or(criterion);
            let pointer = self.pointer(name).ok_or_else(|| {
                let message = format!("Cannot sort by '{name}'");
                Response::error(422, INVALID_SORT, &message)
            })?;
            rows.sort_by(|a, b| compare(a.pointer(pointer), b.pointer(pointer)));
            if criterion.starts_with('-') {
                rows.reverse();
            }
        }
        Ok((rows, sort))
    }

    fn criterion<'a>(&self, criterion: &'a str) -> Result<(&'static str, &'a str), Response> {
        let (name, wanted) = criterion.split_once(':').ok_or_else(|| rejected(criterion))?;
        let pointer = self.pointer(name).ok_or_else(|| rejected(criterion))?;
        let number = pointer.ends_with("/id");
        if wanted.is_empty() || (number && wanted.parse::<u64>().is_err()) {
            return Err(rejected(criterion));
        }
        Ok((pointer, wanted))
    }

    fn pointer(&self, name: &str) -> Option<&'static str> {
        let mut fields = self.fields.iter();
        fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, pointer)| *pointer)
    }
}

fn rejected(criterion: &str) -> Response {
    Response::error(422, INVALID_QUERY, &format!("Invalid query criteria '{criterion}'"))
}

/// Whether a value matches. A `*` at the end matches any continuation.
fn is(value: &Value, wanted: &str) -> bool {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_lowercase();
    let wanted = wanted.to_lowercase();
    match wanted.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => text == wanted,
    }
}

/// Compares numbers by value and text by characters. Fields without a value come first.
fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a.and_then(Value::as_u64), b.and_then(Value::as_u64)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.and_then(Value::as_str).cmp(&b.and_then(Value::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ids(query: &str) -> Result<Vec<u64>, u16> {
        let rows = vec![
            json!({"id": 1, "event_type": {"id": 7}, "timestamp": "2026-01-01T00:00:00.000Z"}),
            json!({"id": 2, "event_type": {"id": 1}, "timestamp": "2026-01-02T00:00:00.000Z"}),
            json!({"id": 10, "event_type": {"id": 7}, "timestamp": "2026-01-03T00:00:00.000Z"}),
        ];
        let request = Request::test("GET", &format!("/x?{query}"), &Value::Null);
        let (rows, _) = EVENTS.select(&request, rows).map_err(|response| {
            let body: Value = serde_json::from_slice(&response.body).unwrap();
            u16::try_from(body["error_code"].as_u64().unwrap()).unwrap()
        })?;
        Ok(rows.iter().map(|row| row["id"].as_u64().unwrap()).collect())
    }

    #[test]
    fn filters() {
        assert_eq!(ids("q=type:7"), Ok(vec![1, 10]));
        assert_eq!(ids("q=type:7,id:10"), Ok(vec![10]));
        assert_eq!(ids("q=timestamp:2026-01-02*"), Ok(vec![2]));
        assert_eq!(ids("from=2026-01-02T00:00:00Z&until=2026-01-02T12:00:00Z"), Ok(vec![2]));
        for wrong in ["q=a", "q=nothing:1", "q=type:x", "q=", "q=type:", "from=yesterday"] {
            assert_eq!(ids(wrong), Err(1301), "{wrong}");
        }
    }

    #[test]
    fn sorts() {
        assert_eq!(ids("sort=-id"), Ok(vec![10, 2, 1]));
        assert_eq!(ids("sort=TYPE,-id"), Ok(vec![2, 10, 1]));
        assert_eq!(ids("sort=nothing"), Err(1302));
        assert_eq!(ids("sort="), Err(1302));
    }
}
