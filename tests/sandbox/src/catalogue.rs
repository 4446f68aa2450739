//! Data that all Workspaces share: types of events, states of SIMs, operators.

use serde_json::{Value, json};

use crate::authenticate::Caller;
use crate::fields::SIM_STATUS;
use crate::response::Response;
use crate::state::organisation_name;

/// The types of events; emnify has some more.
const EVENT_TYPES: &[(u64, &str)] = &[
    (0, "Generic"),
    (1, "Update location"),
    (2, "Update GPRS location"),
    (3, "Create PDP Context"),
    (4, "Update PDP Context"),
    (5, "Delete PDP Context"),
    (6, "User authentication failed"),
    (7, "Application authentication failed"),
    (30, "OpenVPN authentication"),
    (67, "Workspace switched"),
];

/// Ids, names and countries of operators.
const OPERATORS: &[(u64, &str, &str, &str)] = &[
    (3, "Telekom", "Germany", "49"),
    (4, "Vodafone", "Germany", "49"),
    (24, "Vodafone", "Albania", "355"),
    (553, "Orange", "France", "33"),
];

/// Returns an event's type in the form that a row contains.
pub(crate) fn event_type(id: u64) -> Value {
    let found = EVENT_TYPES.iter().find(|(known, _)| *known == id);
    json!({ "id": id, "description": found.map(|(_, description)| description) })
}

/// `GET /api/v1/event/type`
pub(crate) fn event_types() -> Response {
    described(EVENT_TYPES)
}

/// `GET /api/v1/sim/status`
pub(crate) fn sim_statuses() -> Response {
    described(SIM_STATUS)
}

fn described(entries: &[(u64, &str)]) -> Response {
    let entries = entries.iter().map(|(id, text)| json!({ "id": id, "description": text }));
    Response::json(200, &Value::Array(entries.collect()))
}

/// Returns an operator; `None` if this id is unknown.
pub(crate) fn operator(id: u64) -> Option<Value> {
    let (id, name, country, code) = OPERATORS.iter().find(|(known, ..)| *known == id)?;
    Some(json!({ "id": id, "name": name,
                 "country": { "name": country, "country_code": code } }))
}

/// `GET /api/v1/operator`, which is not paged.
pub(crate) fn operators() -> Response {
    Response::json(200, &OPERATORS.iter().filter_map(|(id, ..)| operator(*id)).collect())
}

/// `GET /api/v1/organisation/my`
pub(crate) fn organisation(caller: &Caller) -> Response {
    let id = caller.organisation;
    Response::json(
        200,
        &json!({ "id": id, "name": organisation_name(id), "country": { "id": 74 },
                 "type": { "id": 4, "description": "Enterprise" } }),
    )
}
