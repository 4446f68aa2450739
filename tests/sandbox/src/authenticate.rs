//! `authenticate` with each form of its body, switching the Workspace, and the check of the auth
//! tokens issued by both.

use serde_json::{Map, Value, json};

use crate::jwt::{self, Flaw};
use crate::request::Request;
use crate::response::{
    BAD_REQUEST, FORBIDDEN, INVALID_REFERENCE, INVALID_TOKEN, Response, TOKEN_EXPIRED,
    TOO_MANY_REQUESTS,
};
use crate::seed;
use crate::settings::Settings;
use crate::state::{ORGANISATIONS, Pending, Refresh, State, organisation_name};

/// Seconds for which a one-time code is valid.
const CODE_LIFETIME: i64 = 300;
/// Seconds for which a device is trusted: 90 days.
const TRUST_LIFETIME: i64 = 90 * 24 * 3600;
/// Added to the application token's id if `esc.app` must be another number.
const OTHER_ID: u64 = 900_000;

/// The caller that the auth token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) organisation: u64,
    pub(crate) user: Option<u64>,
}

/// `POST /api/v1/authenticate`
pub(crate) fn authenticate(state: &mut State, request: &Request) -> Response {
    let Some(body) = request.object() else {
        return Response::error(400, BAD_REQUEST, "Malformed request body");
    };
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    if let Some(value) = text("application_token") {
        with_application_token(state, request, value)
    } else if let (Some(mfa_token), Some(code)) = (text("mfa_token"), text("code")) {
        with_code(state, mfa_token, code, body.get("trusted_device"))
    } else if let Some(value) = text("refresh_token") {
        with_refresh_token(state, value)
    } else if let (Some(username), Some(password)) = (text("username"), text("password")) {
        with_password(state, username, password, text("fingerprint"))
    } else {
        Response::error(400, BAD_REQUEST, "No credentials in the request body")
    }
}

fn with_application_token(state: &mut State, request: &Request, value: &str) -> Response {
    let (now, peer) = (state.clock.now(), state.peer(request));
    let account = format!("application token {value}");
    let found = state.tokens.iter().find(|row| row.value == value);
    let found = found.map(|row| (row.id, row.organisation, row.refusal(now, peer)));
    if let Some((id, _, Some(reason))) = found {
        seed::add_authentication_failure(state, id, reason, peer);
    }
    if state.lockouts.locked(&account, now) {
        return locked();
    }
    let Some((id, organisation, None)) = found else {
        return refused(state, &account);
    };
    state.lockouts.succeeded(&account);
    let esc_app = esc_app(&state.settings, id);
    let auth_token = sign(state, organisation, "esc.app", esc_app);
    let mut response = json!({ "auth_token": auth_token });
    if let (true, Value::Object(fields)) =
        (state.settings.application_token_with_refresh_token, &mut response)
    {
        fields.insert("refresh_token".to_owned(), Value::from(state.random.hex(64)));
    }
    Response::json(200, &response)
}

fn with_password(
    state: &mut State,
    username: &str,
    password: &str,
    fingerprint: Option<&str>,
) -> Response {
    let now = state.clock.now();
    let account = format!("user {username}");
    if state.lockouts.locked(&account, now) {
        return locked();
    }
    let mut users = state.users.iter_mut();
    let Some(user) = users.find(|user| user.username == username && user.password == password)
    else {
        return refused(state, &account);
    };
    let trusted = fingerprint
        .and_then(|fingerprint| user.trusted.get(fingerprint))
        .is_some_and(|until| now < *until);
    if user.mfa && !trusted {
        let (mfa_token, code) = (state.random.hex(64), state.random.code());
        user.pending =
            Some(Pending { mfa_token: mfa_token.clone(), code, expires: now + CODE_LIFETIME });
        return Response::json(200, &json!({ "mfa_token": mfa_token }));
    }
    let id = user.id;
    state.lockouts.succeeded(&account);
    logged_in(state, id)
}

fn with_code(state: &mut State, mfa_token: &str, code: &str, device: Option<&Value>) -> Response {
    let now = state.clock.now();
    let fingerprint = match device {
        None | Some(Value::Null) => None,
        Some(device) => match device.get("fingerprint").and_then(Value::as_str) {
            Some(fingerprint) => Some(fingerprint.to_owned()),
            None => {
                return Response::error(400, BAD_REQUEST, "The trusted device has no fingerprint");
            }
        },
    };
    let mut users = state.users.iter_mut();
    let pending = |pending: &Pending| pending.mfa_token == mfa_token && now < pending.expires;
    let Some(user) = users.find(|user| user.pending.as_ref().is_some_and(pending)) else {
        return Response::empty(401);
    };
    let account = format!("user {}", user.username);
    if state.lockouts.locked(&account, now) {
        return locked();
    }
    if user.pending.as_ref().is_none_or(|pending| pending.code != code) {
        return refused(state, &account);
    }
    user.pending = None;
    if let Some(fingerprint) = fingerprint {
        user.trusted.insert(fingerprint, now + TRUST_LIFETIME);
    }
    let id = user.id;
    state.lockouts.succeeded(&account);
    logged_in(state, id)
}

fn with_refresh_token(state: &mut State, value: &str) -> Response {
    let now = state.clock.now();
    let works = |refresh: &Refresh| refresh.value == value && now < refresh.expires;
    let mut users = state.users.iter_mut();
    let Some(user) = users.find(|user| user.refresh.as_ref().is_some_and(works)) else {
        return Response::empty(401);
    };
    user.refresh = None;
    let id = user.id;
    if state.settings.refresh_token_renewed {
        return logged_in(state, id);
    }
    let auth_token = sign(state, home(), "esc.user", id);
    Response::json(200, &json!({ "auth_token": auth_token }))
}

/// Returns the response to a login that succeeded. The previous refresh token is no longer valid.
fn logged_in(state: &mut State, id: u64) -> Response {
    let refresh = state.random.hex(64);
    let expires = state.clock.now() + state.settings.refresh_token_lifetime;
    if let Some(user) = state.users.iter_mut().find(|user| user.id == id) {
        user.refresh = Some(Refresh { value: refresh.clone(), expires });
    }
    let auth_token = sign(state, home(), "esc.user", id);
    Response::json(200, &json!({ "auth_token": auth_token, "refresh_token": refresh }))
}

/// `POST /api/v1/authenticate/workspace`
pub(crate) fn switch_workspace(state: &mut State, caller: &Caller, request: &Request) -> Response {
    let Some(user) = caller.user else {
        return Response::error(401, INVALID_TOKEN, "Only a user can switch the Workspace");
    };
    let body = request.object().unwrap_or_default();
    let target = body.get("target_organisation").and_then(|target| target.get("id"));
    match target.and_then(Value::as_u64) {
        None => Response::error(400, BAD_REQUEST, "No target organisation in the request body"),
        Some(id) if ORGANISATIONS.iter().any(|(known, _)| *known == id) => {
            let auth_token = sign(state, id, "esc.user", user);
            Response::json(200, &json!({ "auth_token": auth_token }))
        }
        // Low numbers are Workspaces of other customers.
        Some(1..=999) => Response::error(403, FORBIDDEN, "Not a member of this Workspace"),
        Some(_) => Response::error(404, INVALID_REFERENCE, "No such organisation"),
    }
}

/// Returns the caller that the bearer token names, or the refusal.
pub(crate) fn caller(state: &State, request: &Request) -> Result<Caller, Response> {
    let presented = request.bearer().ok_or_else(unauthorized)?;
    let token = state.opaque.get(presented).map_or(presented, String::as_str);
    let claims = jwt::verify(&state.signing_key, token).map_err(|flaw| match flaw {
        Flaw::Segments => Response::gateway(
            "token contains an invalid number of segments",
            "AccessDeniedException",
        ),
        Flaw::Signature => unauthorized(),
    })?;
    if claims.get("exp").and_then(Value::as_i64).is_none_or(|exp| exp <= state.clock.now()) {
        return Err(Response::error(401, TOKEN_EXPIRED, "The token has expired"));
    }
    let number = |claim: &str| claims.get(claim).and_then(Value::as_u64);
    if state.settings.revocation_reaches_auth_tokens && revoked(state, &claims) {
        return Err(unauthorized());
    }
    let organisation = number("esc.org").unwrap_or_default();
    Ok(Caller { organisation, user: number("esc.user") })
}

/// Returns the `esc.app` claim of the application token with this id.
pub(crate) fn esc_app(settings: &Settings, id: u64) -> u64 {
    if settings.esc_app_is_token_id { id } else { id + OTHER_ID }
}

fn unauthorized() -> Response {
    Response::gateway("Unauthorized", "UnauthorizedException")
}

fn revoked(state: &State, claims: &Map<String, Value>) -> bool {
    let id = claims.get("esc.app").and_then(Value::as_u64);
    id.is_some_and(|id| state.tokens.iter().any(|row| row.id == id % OTHER_ID && row.revoked))
}

fn sign(state: &mut State, organisation: u64, who: &str, id: u64) -> String {
    let now = state.clock.now();
    let api_key = state.random.hex(32);
    let claims = json!({
        "aud": "/api/v1/authentication",
        who: id,
        // Differs for each token, so that tests can tell tokens apart.
        "api_key": api_key,
        "esc.org": organisation,
        "esc.orgName": organisation_name(organisation),
        "iss": "spc-frontend001@sandbox",
        "exp": now + state.settings.auth_token_lifetime,
        "iat": now,
    });
    jwt::sign(&state.signing_key, &claims)
}

fn home() -> u64 {
    ORGANISATIONS.first().map_or(0, |(id, _)| *id)
}

fn refused(state: &mut State, account: &str) -> Response {
    let (now, settings) = (state.clock.now(), &state.settings);
    state.lockouts.failed(account, now, settings.lockout_after, settings.lockout_seconds);
    Response::empty(401)
}

fn locked() -> Response {
    Response::error(401, TOO_MANY_REQUESTS, "Too many failed attempts, try again in five minutes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(state: &mut State, body: &Value) -> (u16, Value) {
        let response = authenticate(state, &Request::test("POST", "/api/v1/authenticate", body));
        (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
    }

    #[test]
    fn the_claims_are_those_that_were_seen() {
        let mut state = State::new().unwrap();
        let body = json!({"application_token": state.seeded_token.clone()});
        let (status, body) = post(&mut state, &body);
        assert_eq!(status, 200);
        assert_eq!(body.as_object().unwrap().len(), 1);
        let token = body["auth_token"].as_str().unwrap();
        let claims = jwt::verify(&state.signing_key, token).unwrap();
        let mut names: Vec<&str> = claims.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["api_key", "aud", "esc.app", "esc.org", "esc.orgName", "exp", "iat", "iss"]
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 14_400);
        assert_eq!(claims["esc.app"], 4711);
    }

    #[test]
    fn bodies_without_credentials_are_malformed() {
        let mut state = State::new().unwrap();
        for body in [json!({}), json!([]), json!({"application_token": 7}), Value::Null] {
            assert_eq!(post(&mut state, &body).0, 400, "{body}");
        }
    }
}
