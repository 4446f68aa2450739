//! Which handler answers which request, behind the checks that stand before all of them: limits
//! first, then the bearer token.

use std::time::{Duration, UNIX_EPOCH};

use crate::answer::{Answer, NOT_ALLOWED, NOT_FOUND, TOO_MANY_REQUESTS};
use crate::request::Request;
use crate::settings::RetryAfter;
use crate::state::State;
use crate::{application_tokens, authenticate, resources};

const AUTHENTICATE: &str = "/api/v1/authenticate";

/// The right answer to a request of the API.
pub(crate) fn handle(state: &mut State, request: &Request) -> Answer {
    let authenticates = request.path == AUTHENTICATE;
    if let Some(wait) = over_limit(state, request, authenticates) {
        return too_many(state, wait);
    }
    let answer =
        if authenticates { unauthenticated(state, request) } else { routed(state, request) };
    count(state, request, authenticates, answer.status);
    answer
}

fn unauthenticated(state: &mut State, request: &Request) -> Answer {
    match request.method.as_str() {
        "POST" => authenticate::authenticate(state, request),
        _ => not_allowed(),
    }
}

fn routed(state: &mut State, request: &Request) -> Answer {
    let caller = match authenticate::caller(state, request) {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Some(path) = request.path.strip_prefix("/api/v1/") else { return not_found() };
    let parts: Vec<&str> = path.split('/').collect();
    let now = state.clock.now();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["authenticate", "workspace"]) => {
            authenticate::switch_workspace(state, &caller, request)
        }
        ("GET", ["application_token"]) => application_tokens::list(state, &caller, request),
        ("POST", ["application_token"]) => application_tokens::create(state, &caller, request),
        ("PATCH", ["application_token", id]) => {
            with_id(id, |id| application_tokens::update(state, &caller, id, request))
        }
        ("GET", ["endpoint"]) => resources::list(state, &state.endpoints, &caller, request),
        ("POST", ["endpoint"]) => resources::create_endpoint(state, &caller, request),
        ("GET", ["endpoint", id]) => {
            with_id(id, |id| resources::get(&state.endpoints, &caller, id))
        }
        ("PATCH", ["endpoint", id]) => {
            with_id(id, |id| resources::update(&mut state.endpoints, &caller, id, request, now))
        }
        ("DELETE", ["endpoint", id]) => {
            with_id(id, |id| resources::delete(&mut state.endpoints, &caller, id))
        }
        ("GET", ["endpoint", id, "event"]) => {
            with_id(id, |id| resources::endpoint_events(state, &caller, id, request))
        }
        ("GET", ["sim"]) => resources::list(state, &state.sims, &caller, request),
        ("GET", ["sim", id]) => with_id(id, |id| resources::get(&state.sims, &caller, id)),
        ("PATCH", ["sim", id]) => {
            with_id(id, |id| resources::update(&mut state.sims, &caller, id, request, now))
        }
        ("GET", ["event"]) => resources::list(state, &state.events, &caller, request),
        (_, ["application_token" | "endpoint" | "sim" | "event", ..]) => not_allowed(),
        _ => not_found(),
    }
}

fn with_id(id: &str, handler: impl FnOnce(u64) -> Answer) -> Answer {
    id.parse().map_or_else(|_| not_found(), handler)
}

fn not_found() -> Answer {
    Answer::error(404, NOT_FOUND, "Resource not found")
}

fn not_allowed() -> Answer {
    Answer::error(405, NOT_ALLOWED, "Method not allowed")
}

/// Milliseconds until the caller may call again, where it may not now.
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

/// Counts a call that was let through. A 429 counts for nothing, or who waits would never be free.
fn count(state: &mut State, request: &Request, authenticates: bool, status: u16) {
    // Without limits nothing would ever leave the windows.
    if !state.settings.limits {
        return;
    }
    let (peer, now) = (state.peer(request), state.clock.now_milliseconds());
    state.all_calls.count(peer, now);
    if authenticates && (state.settings.count_refused || status < 400) {
        state.authenticate_calls.count(peer, now);
    }
}

fn too_many(state: &State, wait: i64) -> Answer {
    let mut answer = Answer::error(429, TOO_MANY_REQUESTS, "Too many requests");
    let seconds = u64::try_from(wait).unwrap_or(0).div_ceil(1000);
    match state.settings.retry_after {
        RetryAfter::Seconds => answer.set_header("Retry-After", &seconds.to_string()),
        RetryAfter::HttpDate => {
            let now = u64::try_from(state.clock.now()).unwrap_or(0);
            // One more second, since a date has no fractions.
            answer.set_header("Retry-After", &http_date(now + seconds + 1));
        }
        RetryAfter::None => {}
    }
    answer
}

/// Seconds of Unix time as HTTP writes a date.
pub(crate) fn http_date(unix_seconds: u64) -> String {
    // What comes after the year 9999 cannot be written.
    let capped = unix_seconds.min(253_402_300_799);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(capped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sign_in(state: &mut State) -> (u16, Value) {
        let body = json!({"application_token": state.seeded_token.clone()});
        let answer = handle(state, &Request::test("POST", AUTHENTICATE, &body));
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    #[test]
    fn a_bearer_token_is_asked_for_everywhere_else() {
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
    fn the_limit_opens_again() {
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
            ("PATCH", "/api/v1/application_token/x", 404),
            ("GET", AUTHENTICATE, 405),
        ] {
            let request = Request::test(method, path, &Value::Null).with_bearer(&token);
            assert_eq!(handle(&mut state, &request).status, status, "{method} {path}");
        }
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
