//! Carries requests out and applies faults: the right response, a wrong one, or none.

use serde_json::{Map, Value, json};

use crate::fault::{Fault, FaultKind};
use crate::log::SECRET_FIELDS;
use crate::request::Request;
use crate::response::{INPUT_VALIDATION, Response, accepts_gzip};
use crate::routes::handle;
use crate::state::State;

/// How the server ends the exchange.
#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Response),
    /// Reset the connection.
    Reset,
    /// Promise the whole body, send half of it, close.
    Cut(Response),
    /// Send a body without end.
    Endless {
        fast: bool,
    },
}

/// Carries a request out, as far as the fault allows.
pub(crate) fn perform(state: &mut State, request: &Request, fault: Option<&Fault>) -> Outcome {
    let Some(fault) = fault else { return Outcome::Response(right(state, request)) };
    match &fault.kind {
        // The server has already waited.
        FaultKind::Delay { .. } | FaultKind::Refuse { .. } => {
            return Outcome::Response(right(state, request));
        }
        FaultKind::ResetBefore => return Outcome::Reset,
        FaultKind::ResetAfter => {
            handle(state, request);
            return Outcome::Reset;
        }
        FaultKind::CutBody => return Outcome::Cut(right(state, request)),
        FaultKind::WrongContentType => {
            let mut response = right(state, request);
            response.set_header("Content-Type", "text/plain");
            return Outcome::Response(response);
        }
        FaultKind::DateOff { seconds } => {
            let mut response = right(state, request);
            response.date_off = *seconds;
            return Outcome::Response(response);
        }
        FaultKind::TokenNotJwt => {
            let response = handle(state, request);
            let response = with_opaque_token(state, response);
            return Outcome::Response(compressed(state, request, response));
        }
        _ => {}
    }
    if fault.side_effect {
        handle(state, request);
    }
    Outcome::Response(match &fault.kind {
        FaultKind::Status { status, body, content_type, headers } => {
            let mut response = if body.is_empty() {
                Response::empty(*status)
            } else {
                Response::text(*status, content_type, body.as_bytes())
            };
            for (name, value) in headers {
                response.set_header(name, value);
            }
            response
        }
        FaultKind::EndlessBody { fast } => return Outcome::Endless { fast: *fast },
        FaultKind::InvalidJson => {
            Response::text(200, "application/json; charset=UTF-8", r#"{"auth_token":"eyJhbG"#)
        }
        FaultKind::Html { status } => Response::html(*status),
        FaultKind::EchoSecrets { status } => echo(request, *status),
        // `{}`, and the kinds that were handled above.
        _ => Response::json(200, &json!({})),
    })
}

fn right(state: &mut State, request: &Request) -> Response {
    let response = handle(state, request);
    compressed(state, request, response)
}

fn compressed(state: &State, request: &Request, response: Response) -> Response {
    let accepted = request.header("accept-encoding").is_some_and(accepts_gzip);
    if state.settings.gzip && accepted { response.gzip() } else { response }
}

/// Replaces the auth token in a response with one that is not a JWT, but works.
fn with_opaque_token(state: &mut State, response: Response) -> Response {
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(&response.body) else {
        return response;
    };
    let Some(Value::String(token)) = body.remove("auth_token") else { return response };
    let opaque = state.random.hex(64);
    state.opaque.insert(opaque.clone(), token);
    body.insert("auth_token".to_owned(), Value::from(opaque));
    Response::json(response.status, &Value::Object(body))
}

/// Returns an error object that quotes the secrets in the request.
fn echo(request: &Request, status: u16) -> Response {
    let mut secrets: Vec<String> = Vec::new();
    secrets.extend(request.bearer().map(str::to_owned));
    let body = request.object().unwrap_or_default();
    let texts = body.iter().filter(|(name, _)| SECRET_FIELDS.contains(&name.as_str()));
    secrets.extend(texts.filter_map(|(_, value)| value.as_str().map(str::to_owned)));
    let errors: Vec<Value> = secrets
        .iter()
        .map(|secret| {
            json!({ "error_code": 1401, "error_token": "InvalidReference",
                    "message": format!("The value '{secret}' is not acceptable") })
        })
        .collect();
    let message = format!("Input validation failed for '{}'", secrets.join("', '"));
    Response::json(
        status,
        &json!({ "error_code": INPUT_VALIDATION.0, "error_token": INPUT_VALIDATION.1,
                 "message": message, "errors": errors }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(state: &mut State, fault: FaultKind) -> Outcome {
        let body = json!({"application_token": state.seeded_token.clone()});
        let request = Request::test("POST", "/api/v1/authenticate", &body);
        perform(state, &request, Some(&Fault::once("", fault)))
    }

    fn unwrapped(outcome: Outcome) -> (Response, Value) {
        let Outcome::Response(response) = outcome else { panic!("no response") };
        let body = serde_json::from_slice(&response.body).unwrap_or_default();
        (response, body)
    }

    #[test]
    fn an_opaque_auth_token_works() {
        let mut state = State::new().unwrap();
        let (_, body) = unwrapped(sign_in(&mut state, FaultKind::TokenNotJwt));
        let token = body["auth_token"].as_str().unwrap();
        assert!(!token.contains('.'));
        let get = Request::test("GET", "/api/v1/sim", &Value::Null).with_bearer(token);
        assert_eq!(handle(&mut state, &get).status, 200);
    }

    #[test]
    fn an_echo_quotes_the_secrets_of_the_request() {
        let mut state = State::new().unwrap();
        let secret = state.seeded_token.clone();
        let (response, body) =
            unwrapped(sign_in(&mut state, FaultKind::EchoSecrets { status: 401 }));
        assert_eq!(response.status, 401);
        assert!(body["message"].as_str().unwrap().contains(&secret));
    }

    #[test]
    fn a_failed_request_takes_effect_only_on_request() {
        let mut state = State::new().unwrap();
        let (_, body) = unwrapped(sign_in(&mut state, FaultKind::WrongContentType));
        let token = body["auth_token"].as_str().unwrap();
        let create = Request::test("POST", "/api/v1/application_token", &json!({}));
        let create = create.with_bearer(token);
        let fault = Fault::once("", FaultKind::status(500, ""));
        perform(&mut state, &create, Some(&fault));
        assert_eq!(state.tokens.len(), 1);
        perform(&mut state, &create, Some(&fault.clone().with_side_effect()));
        assert_eq!(state.tokens.len(), 2);
        perform(&mut state, &create, Some(&Fault::once("", FaultKind::ResetBefore)));
        assert_eq!(state.tokens.len(), 2);
        perform(&mut state, &create, Some(&Fault::once("", FaultKind::ResetAfter)));
        assert_eq!(state.tokens.len(), 3);
    }
}
