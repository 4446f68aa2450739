//! Finds the handler for a request, after the checks that all requests pass: the limits first, then
//! the bearer token.

use std::time::{Duration, UNIX_EPOCH};

use crate::authenticate::Caller;
use crate::request::Request;
use crate::response::{BAD_REQUEST, NOT_ALLOWED, NOT_FOUND, Response, TOO_MANY_REQUESTS};
use crate::settings::RetryAfter;
use crate::state::State;
use crate::{application_tokens, authenticate, catalogue, device, fields, query, resources};

const AUTHENTICATE: &str = "/api/v1/authenticate";

/// Returns the right response to a request of the API.
pub(crate) fn handle(state: &mut State, request: &Request) -> Response {
    let authenticates = request.path == AUTHENTICATE;
    if let Some(wait) = over_limit(state, request, authenticates) {
        if authenticates && state.settings.count_limited {
            state.authenticate_calls.count(state.peer(request), state.clock.now_milliseconds());
        }
        return too_many(state, wait);
    }
    let response =
        if authenticates { unauthenticated(state, request) } else { routed(state, request) };
    count(state, request, authenticates, response.status);
    response
}

fn unauthenticated(state: &mut State, request: &Request) -> Response {
    match request.method.as_str() {
        "POST" => authenticate::authenticate(state, request),
        _ => not_allowed("POST"),
    }
}

fn routed(state: &mut State, request: &Request) -> Response {
    let caller = match authenticate::caller(state, request) {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Some(path) = request.path.strip_prefix("/api/v1/") else { return not_found() };
    let parts: Vec<&str> = path.split('/').collect();
    match allowed(&parts) {
        None => not_found(),
        Some(methods) if methods.split(", ").any(|method| method == request.method) => {
            dispatch(state, &caller, &parts, request)
        }
        Some(methods) => not_allowed(methods),
    }
}

/// Calls the handler for the path and method.
fn dispatch(state: &mut State, caller: &Caller, parts: &[&str], request: &Request) -> Response {
    let now = state.clock.now();
    match (request.method.as_str(), parts) {
        ("POST", ["authenticate", "workspace"]) => {
            authenticate::switch_workspace(state, caller, request)
        }
        ("GET", ["application_token"]) => application_tokens::list(state, caller, request),
        ("POST", ["application_token"]) => application_tokens::create(state, caller, request),
        ("PATCH", ["application_token", id]) => with_id("Application token", id, |id| {
            application_tokens::update(state, caller, id, request)
        }),
        ("GET", ["operator"]) => catalogue::operators(),
        ("GET", ["organisation", "my"]) => catalogue::organisation(caller),
        ("GET", ["sim", "status"]) => catalogue::sim_statuses(),
        ("GET", ["event", "type"]) => catalogue::event_types(),
        ("GET", ["endpoint"]) => {
            resources::list(state, &state.endpoints, &query::ENDPOINTS, caller, request)
        }
        ("POST", ["endpoint"]) => resources::create_endpoint(state, caller, request),
        ("GET", ["endpoint", id]) => with_id("Endpoint", id, |id| {
            resources::get(state, &state.endpoints, "Endpoint", caller, id)
        }),
        ("PATCH", ["endpoint", id]) => with_id("Endpoint", id, |id| {
            let fields = ("Endpoint", fields::ENDPOINT);
            resources::update(&mut state.endpoints, fields, caller, id, request, now)
        }),
        ("DELETE", ["endpoint", id]) => with_id("Endpoint", id, |id| {
            resources::delete(&mut state.endpoints, "Endpoint", caller, id)
        }),
        ("GET", ["endpoint", id, "event"]) => {
            with_id("Endpoint", id, |id| resources::endpoint_events(state, caller, id, request))
        }
        (_, ["endpoint", id, rest @ ..]) => {
            with_id("Endpoint", id, |id| device::handle(state, caller, id, rest, request))
        }
        ("GET", ["sim"]) => resources::list(state, &state.sims, &query::SIMS, caller, request),
        ("GET", ["sim", id]) => {
            with_id("SIM", id, |id| resources::get(state, &state.sims, "SIM", caller, id))
        }
        ("PATCH", ["sim", id]) => with_id("SIM", id, |id| {
            resources::update(&mut state.sims, ("SIM", fields::SIM), caller, id, request, now)
        }),
        ("DELETE", ["sim", id]) => {
            with_id("SIM", id, |id| resources::delete(&mut state.sims, "SIM", caller, id))
        }
        ("GET", ["event"]) => {
            resources::list(state, &state.events, &query::EVENTS, caller, request)
        }
        _ => not_found(),
    }
}

/// Returns the methods of a path, in the form of the `Allow` header.
fn allowed(parts: &[&str]) -> Option<&'static str> {
    match parts {
        ["authenticate", "workspace"] => Some("POST"),
        ["application_token" | "endpoint"] | ["endpoint", _, "sms"] => Some("GET, POST"),
        ["application_token", _] => Some("PATCH"),
        ["sim" | "event" | "operator"]
        | ["sim", "status"]
        | ["event", "type"]
        | ["organisation", "my"]
        | ["endpoint", _, "event" | "operator_blacklist"] => Some("GET"),
        ["endpoint" | "sim", _] => Some("GET, PATCH, DELETE"),
        ["endpoint", _, "connectivity"] => Some("GET, PATCH"),
        ["endpoint", _, "sms", _] => Some("GET, DELETE"),
        ["endpoint", _, "operator_blacklist", _] => Some("PUT, DELETE"),
        _ => None,
    }
}

/// Reads an id as the live service does: text that is not a number is malformed, and a negative
/// number is unknown.
fn with_id(what: &str, id: &str, handler: impl FnOnce(u64) -> Response) -> Response {
    match id.parse::<i64>().map(u64::try_from) {
        Ok(Ok(id)) => handler(id),
        Ok(Err(_)) => resources::unknown(what, id),
        Err(_) => {
            let message = format!("Cannot parse parameter id as Long: For input string: \"{id}\"");
            Response::error(400, BAD_REQUEST, &message)
        }
    }
}

pub(crate) fn not_found() -> Response {
    Response::error(404, NOT_FOUND, "Resource not found")
}

fn not_allowed(methods: &str) -> Response {
    let mut response = Response::error(405, NOT_ALLOWED, "Method not allowed");
    response.set_header("Allow", methods);
    response
}

/// Returns the milliseconds until the next call is allowed, or `None` if it is allowed now.
fn over_limit(state: &mut State, request: &Request, authenticates: bool) -> Option<i64> {
    if !state.settings.limits {
        return None;
    }
    let (peer, now) = (state.peer(request), state.clock.now_milliseconds());
    let (settings, window) = (&state.settings, state.settings.limit_window.saturating_mul(1000));
    let general = state.all_calls.wait(peer, now, window, settings.general_limit);
    let narrow = if authenticates {
        state.authenticate_calls.wait(peer, now, window, settings.authenticate_limit)
    } else {
        None
    };
    general.max(narrow)
}

/// Counts a call that was allowed.
fn count(state: &mut State, request: &Request, authenticates: bool, status: u16) {
    // Without limits, nothing would remove entries from the windows.
    if !state.settings.limits {
        return;
    }
    let (peer, now) = (state.peer(request), state.clock.now_milliseconds());
    state.all_calls.count(peer, now);
    if authenticates && (state.settings.count_refused || status < 400) {
        state.authenticate_calls.count(peer, now);
    }
}

fn too_many(state: &State, wait: i64) -> Response {
    let mut response = Response::error(429, TOO_MANY_REQUESTS, "Too many requests");
    let seconds = u64::try_from(wait).unwrap_or(0).div_ceil(1000);
    match state.settings.retry_after {
        RetryAfter::Seconds => response.set_header("Retry-After", &seconds.to_string()),
        RetryAfter::HttpDate => {
            let now = u64::try_from(state.clock.now()).unwrap_or(0);
            // Rounds up, because a date has no fractions of a second.
            response.set_header("Retry-After", &http_date(now + seconds + 1));
        }
        RetryAfter::None => {}
    }
    response
}

/// Formats seconds of Unix time as an HTTP date.
pub(crate) fn http_date(unix_seconds: u64) -> String {
    // An HTTP date cannot express years after 9999.
    let capped = unix_seconds.min(253_402_300_799);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(capped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sign_in(state: &mut State) -> (u16, Value) {
        let body = json!({"application_token": state.seeded_token.clone()});
        let response = handle(state, &Request::test("POST", AUTHENTICATE, &body));
        (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
    }

    #[test]
    fn all_other_paths_require_a_bearer_token() {
        let mut state = State::new().unwrap();
        let get = Request::test("GET", "/api/v1/sim/500001", &Value::Null);
        assert_eq!(handle(&mut state, &get).status, 401);
        assert_eq!(handle(&mut state, &get.clone().with_bearer("a.b.c")).status, 401);
        let token = sign_in(&mut state).1["auth_token"].as_str().unwrap().to_owned();
        let get = get.with_bearer(&token);
        assert_eq!(handle(&mut state, &get).status, 200);
        state.clock.advance(14_400_000);
        let expired = handle(&mut state, &get);
        assert!(String::from_utf8(expired.body).unwrap().contains("TokenExpired"));
    }

    #[test]
    fn calls_are_allowed_again_after_the_window() {
        let mut state = State::new().unwrap();
        state.settings.authenticate_limit = 2;
        assert_eq!(sign_in(&mut state).0, 200);
        assert_eq!(sign_in(&mut state).0, 200);
        assert_eq!(sign_in(&mut state).0, 429);
        state.clock.advance(300_000);
        assert_eq!(sign_in(&mut state).0, 200);
    }

    #[test]
    fn unknown_paths_and_methods() {
        let mut state = State::new().unwrap();
        let token = sign_in(&mut state).1["auth_token"].as_str().unwrap().to_owned();
        for (method, path, status) in [
            ("GET", "/api/v1/nothing", 404),
            ("GET", "/", 404),
            ("PUT", "/api/v1/endpoint", 405),
            ("PATCH", "/api/v1/application_token/x", 400),
            ("GET", "/api/v1/endpoint/None", 400),
            ("GET", "/api/v1/endpoint/-1", 404),
            ("GET", "/api/v1/endpoint/100001/nothing", 404),
            ("PUT", "/api/v1/endpoint/100001/sms", 405),
            ("GET", AUTHENTICATE, 405),
        ] {
            let request = Request::test(method, path, &Value::Null).with_bearer(&token);
            assert_eq!(handle(&mut state, &request).status, status, "{method} {path}");
        }
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
