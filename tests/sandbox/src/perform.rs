//! What becomes of a request once a fault has its say: the right answer, a wrong one, or none.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, INPUT_VALIDATION, accepts_gzip};
use crate::fault::{Fault, FaultKind};
use crate::log::SECRET_FIELDS;
use crate::request::Request;
use crate::routes::handle;
use crate::state::State;

/// How the server is to end the exchange.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(Answer),
    /// Reset the connection.
    Reset,
    /// Promise the whole body, send half of it, close.
    Cut(Answer),
    /// Send a body without end.
    Endless {
        fast: bool,
    },
}

/// Carries a request out, as far as the fault lets it.
pub(crate) fn perform(state: &mut State, request: &Request, fault: Option<&Fault>) -> Outcome {
    let Some(fault) = fault else { return Outcome::Answer(right(state, request)) };
    match &fault.kind {
        // The server has seen to the wait.
        FaultKind::Delay { .. } | FaultKind::Refuse { .. } => {
            return Outcome::Answer(right(state, request));
        }
        FaultKind::ResetBefore => return Outcome::Reset,
        FaultKind::ResetAfter => {
            handle(state, request);
            return Outcome::Reset;
        }
        FaultKind::CutBody => return Outcome::Cut(right(state, request)),
        FaultKind::WrongContentType => {
            let mut answer = right(state, request);
            answer.set_header("Content-Type", "text/plain");
            return Outcome::Answer(answer);
        }
        FaultKind::DateOff { seconds } => {
            let mut answer = right(state, request);
            answer.date_off = *seconds;
            return Outcome::Answer(answer);
        }
        FaultKind::TokenNotJwt => {
            let answer = handle(state, request);
            let answer = with_opaque_token(state, answer);
            return Outcome::Answer(compressed(state, request, answer));
        }
        _ => {}
    }
    if fault.side_effect {
        handle(state, request);
    }
    Outcome::Answer(match &fault.kind {
        FaultKind::Status { status, body, content_type, headers } => {
            let mut answer = if body.is_empty() {
                Answer::empty(*status)
            } else {
                Answer::text(*status, content_type, body.as_bytes())
            };
            for (name, value) in headers {
                answer.set_header(name, value);
            }
            answer
        }
        FaultKind::EndlessBody { fast } => return Outcome::Endless { fast: *fast },
        FaultKind::InvalidJson => {
            Answer::text(200, "application/json; charset=UTF-8", r#"{"auth_token":"eyJhbG"#)
        }
        FaultKind::Html { status } => Answer::html(*status),
        FaultKind::EchoSecrets { status } => echo(request, *status),
        // `{}`, and what was dealt with above.
        _ => Answer::json(200, &json!({})),
    })
}

fn right(state: &mut State, request: &Request) -> Answer {
    let answer = handle(state, request);
    compressed(state, request, answer)
}

fn compressed(state: &State, request: &Request, answer: Answer) -> Answer {
    let accepted = request.header("accept-encoding").is_some_and(accepts_gzip);
    if state.settings.gzip && accepted { answer.gzip() } else { answer }
}

/// The answer with its auth token replaced by one without meaning, which works all the same.
fn with_opaque_token(state: &mut State, answer: Answer) -> Answer {
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(&answer.body) else {
        return answer;
    };
    let Some(Value::String(token)) = body.remove("auth_token") else { return answer };
    let opaque = state.random.hex(64);
    state.opaque.insert(opaque.clone(), token);
    body.insert("auth_token".to_owned(), Value::from(opaque));
    Answer::json(answer.status, &Value::Object(body))
}

/// An error object that repeats what it should not.
fn echo(request: &Request, status: u16) -> Answer {
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
    Answer::json(
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

    fn answer(outcome: Outcome) -> (Answer, Value) {
        let Outcome::Answer(answer) = outcome else { panic!("no answer") };
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer, body)
    }

    #[test]
    fn an_opaque_auth_token_works() {
        let mut state = State::new().unwrap();
        let (_, body) = answer(sign_in(&mut state, FaultKind::TokenNotJwt));
        let token = body["auth_token"].as_str().unwrap();
        assert!(!token.contains('.'));
        let get = Request::test("GET", "/api/v1/sim", &Value::Null).with_bearer(token);
        assert_eq!(handle(&mut state, &get).status, 200);
    }

    #[test]
    fn secrets_are_quoted_on_purpose() {
        let mut state = State::new().unwrap();
        let secret = state.seeded_token.clone();
        let (answer, body) = answer(sign_in(&mut state, FaultKind::EchoSecrets { status: 401 }));
        assert_eq!(answer.status, 401);
        assert!(body["message"].as_str().unwrap().contains(&secret));
    }

    #[test]
    fn a_side_effect_only_where_asked_for() {
        let mut state = State::new().unwrap();
        let (_, body) = answer(sign_in(&mut state, FaultKind::WrongContentType));
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
