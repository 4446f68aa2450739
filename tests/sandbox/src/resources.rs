//! Endpoints, SIMs and events: rows enough that paging matters, so that an auth token is good for
//! something. They have the fields that emnify's own SDK reads.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::answer::{Answer, BAD_REQUEST, ErrorCode, INVALID_FORMAT, NOT_FOUND, REQUIRED};
use crate::application_tokens::utc;
use crate::authenticate::Caller;
use crate::paging::page;
use crate::request::Request;
use crate::state::{ORGANISATIONS, Rows, State, organisation_name};

/// Rows of the first Workspace and, after them, of the second.
const ENDPOINTS: (u64, u64) = (250, 12);
const SIMS: (u64, u64) = (300, 15);
const EVENTS: (u64, u64) = (400, 20);
const FIRST_ENDPOINT: u64 = 100_001;
const FIRST_SIM: u64 = 500_001;

/// Fills the collections afresh.
pub(crate) fn seed(state: &mut State) {
    let now = state.clock.now();
    state.endpoints = rows(FIRST_ENDPOINT, ENDPOINTS, |n, _| endpoint(n, now));
    state.sims = rows(FIRST_SIM, SIMS, |n, organisation| sim(n, organisation, now));
    state.events = rows(1, EVENTS, |n, organisation| event(n, organisation, now));
}

/// Adds so many events of the first Workspace.
pub(crate) fn add_events(state: &mut State, count: u64) {
    let now = state.clock.now();
    let first = state.events.keys().next_back().copied().unwrap_or_default();
    let [(organisation, _), _] = ORGANISATIONS;
    let new = (first..first + count).map(|n| (n + 1, (organisation, event(n, organisation, now))));
    state.events.extend(new);
}

/// Records that an application token was refused, as emnify does.
pub(crate) fn add_authentication_failure(
    state: &mut State,
    organisation: u64,
    name: &str,
    reason: &str,
    peer: IpAddr,
) {
    let id = state.events.keys().next_back().map_or(1, |last| last + 1);
    let description =
        format!("Failed authentication request from '{name}', Reason: {reason} from IP {peer}");
    let row = json!({
        "id": id,
        "alert": false,
        "description": description,
        "timestamp": utc(state.clock.now()),
        "event_type": { "id": 7, "description": "Application authentication failed" },
        "event_source": { "id": 2, "description": "API" },
        "event_severity": { "id": 1, "description": "WARN" },
        "organisation": { "id": organisation, "name": organisation_name(organisation) },
    });
    state.events.insert(id, (organisation, row));
}

fn rows(first_id: u64, (one, two): (u64, u64), row: impl Fn(u64, u64) -> Value) -> Rows {
    let [(here, _), (there, _)] = ORGANISATIONS;
    (0..one + two)
        .map(|n| {
            let organisation = if n < one { here } else { there };
            (first_id + n, (organisation, row(n, organisation)))
        })
        .collect()
}

fn endpoint(n: u64, now: i64) -> Value {
    let status = if n % 10 == 9 { disabled() } else { enabled() };
    // The last endpoints of a fleet wait for their SIM.
    let sim = (n % 25 != 24).then(|| {
        json!({ "id": FIRST_SIM + n, "iccid": iccid(n), "imsi": imsi(n), "msisdn": msisdn(n),
                "status": { "id": 1, "description": "Activated" } })
    });
    json!({
        "id": FIRST_ENDPOINT + n,
        "name": format!("gateway-{:04}", n + 1),
        "tags": (n % 3 == 0).then_some("sandbox,gateway"),
        "created": utc(now - 86_400 * 30 - 600 * i64::try_from(n).unwrap_or(0)),
        "last_updated": utc(now - 3600),
        "status": status,
        "service_profile": { "id": 1, "name": "Smart meter" },
        "tariff_profile": { "id": 2, "name": "Europe" },
        "ip_address": format!("10.199.{}.{}", n / 250, n % 250 + 1),
        "ip_address_space": { "id": 3 },
        "sim": sim,
        "imei": format!("35420708{:07}", n),
        "imei_lock": false,
    })
}

fn sim(n: u64, organisation: u64, now: i64) -> Value {
    let endpoint = (n < ENDPOINTS.0 + ENDPOINTS.1 && n % 25 != 24).then(|| {
        json!({ "id": FIRST_ENDPOINT + n, "name": format!("gateway-{:04}", n + 1),
                "imei_lock": false, "organisation_id": organisation,
                "created": utc(now - 86_400 * 30), "last_updated": utc(now - 3600),
                "ip_address": format!("10.199.{}.{}", n / 250, n % 250 + 1) })
    });
    let customer = json!({ "id": organisation, "name": organisation_name(organisation) });
    json!({
        "id": FIRST_SIM + n,
        "iccid": iccid(n),
        "imsi": imsi(n),
        "msisdn": msisdn(n),
        "production_date": utc(now - 86_400 * 90),
        "activation_date": utc(now - 86_400 * 30),
        "status": if endpoint.is_some() {
            json!({ "id": 1, "description": "Activated" })
        } else {
            json!({ "id": 0, "description": "Issued" })
        },
        "customer_org": customer,
        "issuer_org": { "id": 1, "name": "EMnify" },
        "endpoint": endpoint,
        "model": { "id": 1, "description": "Commercial 4FF", "memory_size": 64,
                   "formfactor": { "id": 4, "name": "4FF" } },
    })
}

fn event(n: u64, organisation: u64, now: i64) -> Value {
    let endpoint = FIRST_ENDPOINT + n % ENDPOINTS.0;
    json!({
        "id": n + 1,
        "alert": n % 50 == 0,
        "description": "New location received from the network",
        "timestamp": utc(now - 60 * i64::try_from(n).unwrap_or(0)),
        "event_type": { "id": 1, "description": "Update location" },
        "event_source": { "id": 0, "description": "Network" },
        "event_severity": { "id": 0, "description": "INFO" },
        "organisation": { "id": organisation, "name": organisation_name(organisation) },
        "endpoint": { "id": endpoint, "name": format!("gateway-{:04}", n % ENDPOINTS.0 + 1) },
    })
}

fn iccid(n: u64) -> String {
    format!("8988303000{n:09}")
}

fn imsi(n: u64) -> String {
    format!("90143{n:010}")
}

fn msisdn(n: u64) -> String {
    format!("42366{n:010}")
}

fn enabled() -> Value {
    json!({ "id": 0, "description": "Enabled" })
}

fn disabled() -> Value {
    json!({ "id": 1, "description": "Disabled" })
}

/// A collection, in pages.
pub(crate) fn list(state: &State, rows: &Rows, caller: &Caller, request: &Request) -> Answer {
    let mine = rows.values().filter(|(organisation, _)| *organisation == caller.organisation);
    page(&state.settings, request, &mine.map(|(_, row)| row).collect::<Vec<_>>())
}

/// The events of one endpoint, in pages.
pub(crate) fn endpoint_events(
    state: &State,
    caller: &Caller,
    id: u64,
    request: &Request,
) -> Answer {
    if find(&state.endpoints, caller, id).is_none() {
        return not_found();
    }
    let of_endpoint = |row: &Value| {
        row.get("endpoint").and_then(|endpoint| endpoint.get("id")) == Some(&Value::from(id))
    };
    let rows = state.events.values().map(|(_, row)| row).filter(|row| of_endpoint(row));
    page(&state.settings, request, &rows.collect::<Vec<_>>())
}

/// One row.
pub(crate) fn get(rows: &Rows, caller: &Caller, id: u64) -> Answer {
    find(rows, caller, id).map_or_else(not_found, |row| Answer::json(200, row))
}

/// `POST /api/v1/endpoint`
pub(crate) fn create_endpoint(state: &mut State, caller: &Caller, request: &Request) -> Answer {
    let Some(mut body) = request.object() else { return malformed() };
    let mut errors: Vec<(ErrorCode, String)> =
        ["name", "service_profile", "status", "tariff_profile"]
            .into_iter()
            .filter(|field| body.get(*field).is_none_or(Value::is_null))
            .map(|field| (REQUIRED, format!("{field}: is required")))
            .collect();
    errors.extend(malformed_fields(&body));
    if !errors.is_empty() {
        return Answer::invalid(&errors);
    }
    let id = state.endpoints.keys().next_back().map_or(FIRST_ENDPOINT, |last| last + 1);
    let now = utc(state.clock.now());
    body.insert("id".to_owned(), Value::from(id));
    body.insert("created".to_owned(), Value::from(now.clone()));
    body.insert("last_updated".to_owned(), Value::from(now));
    state.endpoints.insert(id, (caller.organisation, Value::Object(body)));
    let mut answer = Answer::empty(201);
    answer.set_header("Location", &format!("/api/v1/endpoint/{id}"));
    answer
}

/// `PATCH` of a row: the fields of the body go over those that are there.
pub(crate) fn update(
    rows: &mut Rows,
    caller: &Caller,
    id: u64,
    request: &Request,
    now: i64,
) -> Answer {
    let Some((_, Value::Object(row))) =
        rows.get_mut(&id).filter(|(organisation, _)| *organisation == caller.organisation)
    else {
        return not_found();
    };
    let Some(mut body) = request.object() else { return malformed() };
    let errors = malformed_fields(&body);
    if !errors.is_empty() {
        return Answer::invalid(&errors);
    }
    body.remove("id");
    row.extend(body);
    if row.contains_key("last_updated") {
        row.insert("last_updated".to_owned(), Value::from(utc(now)));
    }
    Answer::empty(204)
}

/// `DELETE` of a row.
pub(crate) fn delete(rows: &mut Rows, caller: &Caller, id: u64) -> Answer {
    if find(rows, caller, id).is_none() {
        return not_found();
    }
    rows.remove(&id);
    Answer::empty(204)
}

fn malformed_fields(body: &Map<String, Value>) -> Vec<(ErrorCode, String)> {
    let mut errors = Vec::new();
    if body.get("name").is_some_and(|name| !name.is_string()) {
        errors.push((INVALID_FORMAT, "name: not a string".to_owned()));
    }
    for field in ["service_profile", "status", "tariff_profile"] {
        if body.get(field).is_some_and(|value| !value.is_null() && value.get("id").is_none()) {
            errors.push((INVALID_FORMAT, format!("{field}: has no id")));
        }
    }
    errors
}

fn find<'a>(rows: &'a Rows, caller: &Caller, id: u64) -> Option<&'a Value> {
    let (organisation, row) = rows.get(&id)?;
    (*organisation == caller.organisation).then_some(row)
}

fn not_found() -> Answer {
    Answer::error(404, NOT_FOUND, "Resource not found")
}

fn malformed() -> Answer {
    Answer::error(400, BAD_REQUEST, "Malformed request body")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_comes_changes_and_goes() {
        let mut state = State::new().unwrap();
        let caller = Caller { organisation: 1234, user: None };
        let body = json!({"name": "new", "status": {"id": 0}, "service_profile": {"id": 1},
                          "tariff_profile": {"id": 2}});
        let created = create_endpoint(&mut state, &caller, &Request::test("POST", "", &body));
        assert_eq!(created.status, 201);
        let id: u64 = created.headers[0].1.rsplit('/').next().unwrap().parse().unwrap();
        let rename = Request::test("PATCH", "", &json!({"name": "newer"}));
        assert_eq!(update(&mut state.endpoints, &caller, id, &rename, 0).status, 204);
        assert!(find(&state.endpoints, &caller, id).unwrap().get("name").unwrap() == "newer");
        assert_eq!(delete(&mut state.endpoints, &caller, id).status, 204);
        assert_eq!(get(&state.endpoints, &caller, id).status, 404);
    }

    #[test]
    fn workspaces_do_not_see_each_other() {
        let state = State::new().unwrap();
        let other = Caller { organisation: 5678, user: None };
        assert_eq!(get(&state.endpoints, &other, FIRST_ENDPOINT).status, 404);
        let request = Request::test("GET", "/x", &Value::Null);
        let rows: Vec<Value> =
            serde_json::from_slice(&list(&state, &state.endpoints, &other, &request).body).unwrap();
        assert_eq!(rows.len(), 12);
    }
}
