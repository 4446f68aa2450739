//! Endpoints, SIMs and events: list, read, create, change and delete.

use serde_json::{Map, Value};

use crate::authenticate::Caller;
use crate::date::with_offset;
use crate::fields::{self, Fields};
use crate::paging::page;
use crate::query::{Collection, EVENTS};
use crate::request::Request;
use crate::response::{INVALID_REFERENCE, Response};
use crate::seed::FIRST_ENDPOINT;
use crate::settings::Settings;
use crate::state::{Rows, State};

/// Returns a page of a collection.
pub(crate) fn list(
    state: &State,
    rows: &Rows,
    collection: &Collection,
    caller: &Caller,
    request: &Request,
) -> Response {
    let mine = rows.values().filter(|(organisation, _)| *organisation == caller.organisation);
    let mine = mine.map(|(_, row)| shown(&state.settings, row)).collect();
    page(state, collection, request, mine)
}

/// Returns a page of the events of one endpoint.
pub(crate) fn endpoint_events(
    state: &State,
    caller: &Caller,
    id: u64,
    request: &Request,
) -> Response {
    if find(&state.endpoints, caller, id).is_none() {
        return unknown("Endpoint", id);
    }
    let of_endpoint = |row: &Value| row.pointer("/endpoint/id") == Some(&Value::from(id));
    let rows = state.events.values().map(|(_, row)| row).filter(|row| of_endpoint(row));
    let rows = rows.map(|row| shown(&state.settings, row)).collect();
    page(state, &EVENTS, request, rows)
}

/// Returns one row. `what` names it in the message that it was not found.
pub(crate) fn get(state: &State, rows: &Rows, what: &str, caller: &Caller, id: u64) -> Response {
    find(rows, caller, id)
        .map_or_else(|| unknown(what, id), |row| Response::json(200, &shown(&state.settings, row)))
}

/// `POST /api/v1/endpoint`
pub(crate) fn create_endpoint(state: &mut State, caller: &Caller, request: &Request) -> Response {
    let required = ["name", "service_profile", "status", "tariff_profile"];
    let mut body = match fields::read(request, fields::ENDPOINT, &required) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let id = state.endpoints.keys().next_back().map_or(FIRST_ENDPOINT, |last| last + 1);
    let now = with_offset(state.clock.now());
    body.insert("id".to_owned(), Value::from(id));
    body.insert("created".to_owned(), Value::from(now.clone()));
    body.insert("last_updated".to_owned(), Value::from(now));
    state.endpoints.insert(id, (caller.organisation, Value::Object(body)));
    created(state, &format!("/api/v1/endpoint/{id}"))
}

/// Returns the response to a `POST`, with the location of the new row.
pub(crate) fn created(state: &State, path: &str) -> Response {
    let mut response = Response::empty(201);
    response.set_header("Location", &format!("{}{path}", state.base_url));
    response
}

/// `PATCH` of a row: the fields of the body replace those of the row.
pub(crate) fn update(
    rows: &mut Rows,
    (what, fields): (&str, Fields),
    caller: &Caller,
    id: u64,
    request: &Request,
    now: i64,
) -> Response {
    let Some((_, Value::Object(row))) =
        rows.get_mut(&id).filter(|(organisation, _)| *organisation == caller.organisation)
    else {
        return unknown(what, id);
    };
    let body = match fields::read(request, fields, &[]) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    row.extend(body);
    if row.contains_key("last_updated") {
        row.insert("last_updated".to_owned(), Value::from(with_offset(now)));
    }
    Response::empty(204)
}

/// `DELETE` of a row.
pub(crate) fn delete(rows: &mut Rows, what: &str, caller: &Caller, id: u64) -> Response {
    if find(rows, caller, id).is_none() {
        return unknown(what, id);
    }
    rows.remove(&id);
    Response::empty(204)
}

/// Returns a row as it is sent: without fields that are null, unless a setting includes them.
pub(crate) fn shown(settings: &Settings, row: &Value) -> Value {
    match row {
        Value::Object(fields) if settings.omit_nulls => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Map<String, Value> =
                fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            Value::Object(fields)
        }
        _ => row.clone(),
    }
}

pub(crate) fn find<'a>(rows: &'a Rows, caller: &Caller, id: u64) -> Option<&'a Value> {
    let (organisation, row) = rows.get(&id)?;
    (*organisation == caller.organisation).then_some(row)
}

/// Returns the response for an unknown row: a 404 with the code of an invalid reference.
pub(crate) fn unknown(what: &str, id: impl std::fmt::Display) -> Response {
    Response::error(404, INVALID_REFERENCE, &format!("{what} with Id '{id}' not found."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::ENDPOINTS;
    use serde_json::json;

    const HERE: Caller = Caller { organisation: 1234, user: None };

    fn patch(state: &mut State, id: u64, body: &Value) -> u16 {
        let request = Request::test("PATCH", "", body);
        let fields = ("Endpoint", fields::ENDPOINT);
        update(&mut state.endpoints, fields, &HERE, id, &request, 0).status
    }

    #[test]
    fn an_endpoint_is_created_changed_and_deleted() {
        let mut state = State::new().unwrap();
        state.base_url = "https://here".to_owned();
        let body = json!({"name": "new", "status": {"id": 0}, "service_profile": {"id": 1},
                          "tariff_profile": {"id": 2}});
        let created = create_endpoint(&mut state, &HERE, &Request::test("POST", "", &body));
        assert_eq!(created.status, 201);
        let id = created.headers[0].1.strip_prefix("https://here/api/v1/endpoint/").unwrap();
        let id: u64 = id.parse().unwrap();
        let change = json!({"name": "newer", "status": {"id": 1}, "tariff_profile": null});
        assert_eq!(patch(&mut state, id, &change), 204);
        assert_eq!(patch(&mut state, id, &json!({"nickname": "n"})), 422);
        let row = get(&state, &state.endpoints, "Endpoint", &HERE, id);
        let row: Value = serde_json::from_slice(&row.body).unwrap();
        assert_eq!(row["name"], "newer");
        assert_eq!(row["status"]["description"], "Disabled");
        assert!(row.get("tariff_profile").is_none());
        assert_eq!(delete(&mut state.endpoints, "Endpoint", &HERE, id).status, 204);
        assert_eq!(get(&state, &state.endpoints, "Endpoint", &HERE, id).status, 404);
    }

    #[test]
    fn workspaces_do_not_see_each_other() {
        let state = State::new().unwrap();
        let other = Caller { organisation: 5678, user: None };
        assert_eq!(get(&state, &state.endpoints, "Endpoint", &other, FIRST_ENDPOINT).status, 404);
        let request = Request::test("GET", "/x", &Value::Null);
        let listed = list(&state, &state.endpoints, &ENDPOINTS, &other, &request);
        let rows: Vec<Value> = serde_json::from_slice(&listed.body).unwrap();
        assert_eq!(rows.len(), 12);
    }

    #[test]
    fn nulls_are_left_out_and_dates_have_an_offset() {
        let mut state = State::new().unwrap();
        // The twenty-fifth endpoint has no SIM, and the second no tags.
        let without_sim = FIRST_ENDPOINT + 24;
        let row = find(&state.endpoints, &HERE, without_sim).unwrap();
        assert!(shown(&state.settings, row).get("sim").is_none());
        assert!(row["created"].as_str().unwrap().ends_with(".000+0000"));
        state.settings.omit_nulls = false;
        assert!(shown(&state.settings, row).get("sim").unwrap().is_null());
    }
}
