//! The SMS, the connectivity and the operator blacklist of one endpoint. The live service was seen
//! to send these lists whole, without the headers of pages.

use serde_json::{Value, json};

use crate::authenticate::Caller;
use crate::catalogue::operator;
use crate::date::with_offset;
use crate::fields::{self, SMS};
use crate::request::Request;
use crate::resources::{created, find, shown, unknown};
use crate::response::{DUPLICATED, Response};
use crate::routes::not_found;
use crate::state::State;

/// Seconds for which a message is kept for a device that is offline.
const SMS_LIFETIME: i64 = 86_400;

/// Handles a call about something that belongs to an endpoint. Its id is checked first.
pub(crate) fn handle(
    state: &mut State,
    caller: &Caller,
    endpoint: u64,
    parts: &[&str],
    request: &Request,
) -> Response {
    if find(&state.endpoints, caller, endpoint).is_none() {
        return unknown("Endpoint", endpoint);
    }
    match (request.method.as_str(), parts) {
        ("GET", ["connectivity"]) => {
            Response::json(200, &json!({ "status": { "description": "OFFLINE" }, "services": [] }))
        }
        // Resets the network registration or the data session.
        ("PATCH", ["connectivity"]) => Response::empty(204),
        ("GET", ["sms"]) => list_sms(state, endpoint),
        ("POST", ["sms"]) => send_sms(state, endpoint, request),
        ("GET" | "DELETE", ["sms", id]) => one_sms(state, endpoint, id, request),
        ("GET", ["operator_blacklist"]) => blacklist(state, endpoint),
        ("PUT" | "DELETE", ["operator_blacklist", id]) => {
            change_blacklist(state, endpoint, id, request)
        }
        _ => not_found(),
    }
}

fn list_sms(state: &State, endpoint: u64) -> Response {
    let of_endpoint = state.sms.values().filter(|(owner, _)| *owner == endpoint);
    let rows = of_endpoint.map(|(_, row)| shown(&state.settings, row)).collect();
    Response::json(200, &Value::Array(rows))
}

fn send_sms(state: &mut State, endpoint: u64, request: &Request) -> Response {
    let mut row = match fields::read(request, SMS, &["payload"]) {
        Ok(row) => row,
        Err(refusal) => return refusal,
    };
    let id = state.sms.keys().next_back().map_or(1, |last| last + 1);
    let now = state.clock.now();
    let device = state.endpoints.get(&endpoint).map(|(_, row)| row);
    let field = |pointer: &str| device.and_then(|row| row.pointer(pointer)).cloned();
    for (name, value) in [
        ("id", json!(id)),
        ("submit_date", json!(with_offset(now))),
        ("delivery_date", Value::Null),
        ("expiry_date", json!(with_offset(now + SMS_LIFETIME))),
        ("endpoint", json!({ "id": endpoint, "name": field("/name") })),
        ("sim_id", json!(field("/sim/id"))),
        ("iccid", json!(field("/sim/iccid"))),
        ("imsi", json!(field("/sim/imsi"))),
        ("msisdn", json!(field("/sim/msisdn"))),
        ("status", json!({ "id": 2, "description": "PENDING" })),
        ("sms_type", json!({ "id": 1, "description": "MT" })),
    ] {
        row.insert(name.to_owned(), value);
    }
    state.sms.insert(id, (endpoint, Value::Object(row)));
    created(state, &format!("/api/v1/endpoint/{endpoint}/sms/{id}"))
}

fn one_sms(state: &mut State, endpoint: u64, id: &str, request: &Request) -> Response {
    let number: u64 = id.parse().unwrap_or_default();
    match state.sms.get(&number).filter(|(owner, _)| *owner == endpoint) {
        None => unknown("SMS", id),
        Some((_, row)) if request.method == "GET" => {
            Response::json(200, &shown(&state.settings, row))
        }
        Some(_) => {
            state.sms.remove(&number);
            Response::empty(204)
        }
    }
}

fn blacklist(state: &State, endpoint: u64) -> Response {
    let ids = state.blacklists.iter().filter(|(owner, _)| *owner == endpoint);
    Response::json(200, &ids.filter_map(|(_, id)| operator(*id)).collect())
}

fn change_blacklist(state: &mut State, endpoint: u64, id: &str, request: &Request) -> Response {
    let number: u64 = id.parse().unwrap_or_default();
    if operator(number).is_none() {
        return unknown("Operator", id);
    }
    let changed = if request.method == "PUT" {
        state.blacklists.insert((endpoint, number))
    } else {
        state.blacklists.remove(&(endpoint, number))
    };
    match (changed, request.method.as_str()) {
        (true, _) => Response::empty(204),
        (false, "PUT") => {
            Response::error(409, DUPLICATED, "The operator is already in the blacklist")
        }
        (false, _) => unknown("Operator", id),
    }
}
