//! The rows of the collections at the start: enough to need pages, with the fields that emnify's
//! SDK reads. Fields without a value are null here, and are left out of responses.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::catalogue::event_type;
use crate::date::{utc, with_offset};
use crate::state::{ORGANISATIONS, Rows, State, organisation_name};

/// The type of events about a refused application token.
const APPLICATION_FAILED: u64 = 7;
/// The number of rows of the first and of the second Workspace.
const ENDPOINTS: (u64, u64) = (250, 12);
const SIMS: (u64, u64) = (300, 15);
const EVENTS: (u64, u64) = (400, 20);
pub(crate) const FIRST_ENDPOINT: u64 = 100_001;
const FIRST_SIM: u64 = 500_001;

/// Fills the collections.
pub(crate) fn seed(state: &mut State) {
    let now = state.clock.now();
    state.endpoints = rows(FIRST_ENDPOINT, ENDPOINTS, |n, _| endpoint(n, now));
    state.sims = rows(FIRST_SIM, SIMS, |n, organisation| sim(n, organisation, now));
    state.events = rows(1, EVENTS, |n, organisation| event(n, organisation, now));
}

/// Adds `count` events to the first Workspace.
pub(crate) fn add_events(state: &mut State, count: u64) {
    let now = state.clock.now();
    let first = state.events.keys().next_back().copied().unwrap_or_default();
    let [(organisation, _), _] = ORGANISATIONS;
    let new = (first..first + count).map(|n| (n + 1, (organisation, event(n, organisation, now))));
    state.events.extend(new);
}

/// Adds the event that emnify records when it refuses an application token.
pub(crate) fn add_authentication_failure(
    state: &mut State,
    token: u64,
    reason: &str,
    peer: IpAddr,
) {
    let Some(row) = state.tokens.iter().find(|row| row.id == token) else { return };
    let (organisation, name) = (row.organisation, row.description.as_deref().unwrap_or_default());
    let id = state.events.keys().next_back().map_or(1, |last| last + 1);
    let description =
        format!("Failed authentication request from '{name}', Reason: {reason} from IP {peer}");
    let row = json!({
        "id": id,
        "alert": false,
        "description": description,
        "timestamp": utc(state.clock.now()),
        "event_type": event_type(APPLICATION_FAILED),
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
    // The last endpoints have no SIM yet.
    let sim = (n % 25 != 24).then(|| {
        json!({ "id": FIRST_SIM + n, "iccid": iccid(n), "imsi": imsi(n), "msisdn": msisdn(n),
                "status": { "id": 1, "description": "Activated" } })
    });
    json!({
        "id": FIRST_ENDPOINT + n,
        "name": format!("gateway-{:04}", n + 1),
        "tags": (n % 3 == 0).then_some("sandbox,gateway"),
        "created": with_offset(now - 86_400 * 30 - 600 * i64::try_from(n).unwrap_or(0)),
        "last_updated": with_offset(now - 3600),
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
                "created": with_offset(now - 86_400 * 30), "last_updated": with_offset(now - 3600),
                "ip_address": format!("10.199.{}.{}", n / 250, n % 250 + 1) })
    });
    let customer = json!({ "id": organisation, "name": organisation_name(organisation) });
    json!({
        "id": FIRST_SIM + n,
        "iccid": iccid(n),
        "imsi": imsi(n),
        "msisdn": msisdn(n),
        "production_date": with_offset(now - 86_400 * 90),
        "activation_date": with_offset(now - 86_400 * 30),
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
        "event_type": event_type(1),
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
