//! The control path, for tests that are not written in Rust: JSON over HTTP, simple enough for a C
//! program with a socket. The methods of `Sandbox` do the same.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::application_tokens::NewToken;
use crate::fault::Fault;
use crate::request::Request;
use crate::response::Response;
use crate::server::Shared;
use crate::state::{PASSWORD, State};

/// The prefix of all control paths.
pub(crate) const PREFIX: &str = "/_sandbox";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    r#move: Option<i64>,
    set: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    id: u64,
}

/// Handles a request of the control path.
pub(crate) fn handle(shared: &Shared, request: &Request) -> Response {
    let path = request.path.strip_prefix(PREFIX).unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "/state") => Response::json(200, &state(shared)),
        ("GET", "/requests") => Response::json(200, &json!(shared.state().log.entries())),
        ("GET", "/calls") => calls(shared, request),
        ("POST", "/reset") => {
            shared.reset();
            done()
        }
        ("POST", "/reset_counters") => {
            shared.state().log.reset();
            done()
        }
        ("POST", "/clock") => clock(&mut shared.state(), request),
        ("POST", "/fault") => match fault(request) {
            Ok(fault) => {
                shared.fault(fault);
                done()
            }
            Err(error) => wrong(&error),
        },
        ("DELETE", "/faults") => {
            shared.clear_faults();
            done()
        }
        ("POST", "/settings") => settings(&mut shared.state(), request),
        ("POST", "/application_token") => match request.json::<NewToken>() {
            Ok(token) => {
                let (id, value) = shared.state().seed_token(token);
                Response::json(200, &json!({ "id": id, "application_token": value }))
            }
            Err(error) => wrong(&error),
        },
        ("POST", "/revoke_application_token") => match request.json::<Revocation>() {
            Ok(Revocation { id }) if shared.state().revoke_token(id) => done(),
            Ok(Revocation { id }) => wrong(&format!("there is no application token {id}")),
            Err(error) => wrong(&error),
        },
        ("POST", "/revoke_auth_tokens") => {
            shared.state().revoke_auth_tokens();
            done()
        }
        _ => Response::json(404, &json!({ "error": "unknown control path or method" })),
    }
}

fn done() -> Response {
    Response::json(200, &json!({}))
}

fn wrong(error: &str) -> Response {
    Response::json(400, &json!({ "error": error }))
}

fn state(shared: &Shared) -> Value {
    let state = shared.state();
    let users: Vec<Value> = state
        .users
        .iter()
        .map(|user| {
            json!({ "id": user.id, "username": user.username, "password": PASSWORD,
                    "mfa": user.mfa, "one_time_code": state.one_time_code(user.username) })
        })
        .collect();
    let code = state.users.iter().find_map(|user| state.one_time_code(user.username));
    let counts: Vec<Value> = state
        .log
        .counts()
        .into_iter()
        .map(|(method, path, count)| json!({ "method": method, "path": path, "count": count }))
        .collect();
    json!({
        "url": shared.url,
        "control_url": shared.control_url,
        "ca_file": shared.ca_file.to_string_lossy(),
        "now": state.clock.now(),
        "application_token": shared.application_token,
        "application_tokens": state.tokens,
        "users": users,
        "one_time_code": code,
        "settings": state.settings,
        "faults": state.faults.all(),
        "listening": shared.is_open(),
        "connections": state.log.connections,
        "calls": counts,
    })
}

/// Returns the number of calls as text.
fn calls(shared: &Shared, request: &Request) -> Response {
    let method = request.parameter("method").unwrap_or_default();
    let path = request.parameter("path").unwrap_or_default();
    let status = match request.parameter("status").map(|text| text.parse()) {
        None => None,
        Some(Ok(status)) => Some(status),
        Some(Err(_)) => return wrong("status: not a number"),
    };
    Response::text(200, "text/plain", shared.state().log.calls(&method, &path, status).to_string())
}

/// Reads the fault in the body. Unknown fields are refused, because a misspelt `times` would let
/// the fault last for ever.
fn fault(request: &Request) -> Result<Fault, String> {
    let fault = request.json::<Fault>()?;
    let known = serde_json::to_value(&fault).map_err(|error| error.to_string())?;
    let given = request.object().unwrap_or_default();
    match given.keys().find(|field| known.get(field.as_str()).is_none()) {
        Some(field) => Err(format!("unknown field `{field}`")),
        None => Ok(fault),
    }
}

fn clock(state: &mut State, request: &Request) -> Response {
    match request.json::<ClockChange>() {
        Ok(ClockChange { r#move: Some(seconds), set: None }) => {
            state.clock.advance(seconds.saturating_mul(1000));
        }
        Ok(ClockChange { r#move: None, set: Some(seconds) }) => state.clock.set(seconds),
        Ok(_) => return wrong("pass either move or set"),
        Err(error) => return wrong(&error),
    }
    Response::json(200, &json!({ "now": state.clock.now() }))
}

fn settings(state: &mut State, request: &Request) -> Response {
    let change = request.json::<Value>();
    match change.and_then(|change| state.settings.changed_by(&change)) {
        Ok(changed) => {
            state.settings = changed;
            Response::json(200, &json!(state.settings))
        }
        Err(error) => wrong(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    fn shared() -> Shared {
        Shared::new(State::new().unwrap(), "url".into(), "control".into(), "ca".into())
    }

    fn post(shared: &Shared, path: &str, body: &Value) -> u16 {
        handle(shared, &Request::test("POST", &format!("{PREFIX}{path}"), body)).status
    }

    #[test]
    fn changes_show_in_the_state() {
        let shared = shared();
        assert_eq!(post(&shared, "/settings", &json!({"create_status": 201})), 200);
        assert_eq!(post(&shared, "/clock", &json!({"set": 1_000_000_000})), 200);
        assert_eq!(post(&shared, "/application_token", &json!({"status": 1})), 200);
        assert_eq!(post(&shared, "/fault", &json!({"kind": "html", "status": 502})), 200);
        let told = state(&shared);
        assert_eq!(told["settings"]["create_status"], 201);
        assert_eq!(told["now"], 1_000_000_000);
        assert_eq!(told["application_tokens"][1]["revoked"], true);
        assert_eq!(told["faults"][0]["kind"], "html");
        assert_eq!(told["application_tokens"][0]["revoked"], false);
        assert_eq!(post(&shared, "/revoke_application_token", &json!({"id": 4711})), 200);
        assert_eq!(state(&shared)["application_tokens"][0]["revoked"], true);
        assert_eq!(post(&shared, "/reset", &Value::Null), 200);
        let told = state(&shared);
        assert_eq!(told["application_tokens"].as_array().unwrap().len(), 1);
        assert_eq!(told["faults"], json!([]));
    }

    #[test]
    fn mistakes_are_reported() {
        let shared = shared();
        for (path, body) in [
            ("/settings", json!({"liftime": 1})),
            ("/clock", json!({})),
            ("/clock", json!({"move": 1, "set": 1})),
            ("/fault", json!({"kind": "nothing"})),
            ("/fault", json!({"kind": "refuse", "time": 1})),
            ("/application_token", json!({"expires": 1})),
            ("/revoke_application_token", json!({"id": 1})),
        ] {
            assert_eq!(post(&shared, path, &body), 400, "{path}");
        }
        assert_eq!(post(&shared, "/nothing", &Value::Null), 404);
    }

    #[test]
    fn a_refusing_fault_closes_the_listener_until_it_is_cleared() {
        let shared = shared();
        shared.fault(Fault::new("", FaultKind::Refuse { milliseconds: None }));
        assert!(!shared.is_open());
        shared.clear_faults();
        assert!(shared.is_open());
    }
}
