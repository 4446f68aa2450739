//! Application tokens: create, list, update and revoke, as the live service does. The value of a
//! created one is shown only in that response, which contains no id unless a setting requests it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::authenticate::{Caller, esc_app};
use crate::date::{instant, utc};
use crate::jwt;
use crate::paging::page;
use crate::query::APPLICATION_TOKENS;
use crate::request::Request;
use crate::resources::{self, unknown};
use crate::response::{
    BAD_REQUEST, ErrorCode, FORBIDDEN, INVALID_FORMAT, INVALID_REFERENCE, NOT_ALLOWED, Response,
};
use crate::state::{ORGANISATIONS, State, organisation_name};

/// The id of the user that application tokens name as their creator.
const CREATOR: u64 = 42;

/// An application token that a test adds. Dates and addresses are not checked, so that a list can
/// contain values that a client does not expect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewToken {
    /// Its value; `None`: a new one is generated.
    pub value: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// When it expires: a date, or a date with time and zone.
    pub expiry_date: Option<String>,
    /// The address or range that it works from.
    pub ip: Option<String>,
    /// 0 is Activated, 1 is Revoked.
    pub status: u8,
    /// When it was created; `None`: now.
    pub created: Option<String>,
    /// Whether the row names no creator.
    pub without_creator: bool,
    /// Whether the row has no `created`.
    pub without_created: bool,
}

/// An application token with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenRow {
    /// Its id.
    pub id: u64,
    /// The secret.
    pub value: String,
    /// Its Workspace.
    pub organisation: u64,
    /// Its description.
    pub description: Option<String>,
    /// When it was made.
    pub created: Option<String>,
    /// When it ends.
    pub expiry_date: Option<String>,
    /// The address or range that it works from.
    pub ip: Option<String>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The user that it names as its creator.
    pub creator: Option<u64>,
}

impl TokenRow {
    /// Returns why the token cannot be exchanged now from this address, in the words of an event.
    pub(crate) fn refusal(&self, now: i64, peer: IpAddr) -> Option<&'static str> {
        let ended = self.expiry_date.as_deref().and_then(instant).is_some_and(|end| end <= now);
        let elsewhere = self.ip.as_deref().and_then(range).is_some_and(|ip| !ip.contains(&peer));
        if self.revoked {
            Some("TokenStatus Revoked")
        } else if ended {
            Some("TokenStatus Expired")
        } else {
            elsewhere.then_some("IP not allowed")
        }
    }
}

impl State {
    /// Adds a token in the first Workspace.
    pub(crate) fn seed_token(&mut self, token: NewToken) -> (u64, String) {
        let [(organisation, _), _] = ORGANISATIONS;
        self.add_token(organisation, token)
    }

    /// Revokes the token with this id, in whichever Workspace it is. Returns whether it exists.
    pub(crate) fn revoke_token(&mut self, id: u64) -> bool {
        let row = self.tokens.iter_mut().find(|row| row.id == id);
        row.map(|row| row.revoked = true).is_some()
    }

    fn add_token(&mut self, organisation: u64, token: NewToken) -> (u64, String) {
        let id = self.next_token;
        self.next_token += 1;
        let now = self.clock.now();
        let shape = self.settings.application_token_shape;
        let expires = token.expiry_date.as_deref().and_then(instant);
        let value = token.value.unwrap_or_else(|| {
            let claims = claims(esc_app(&self.settings, id), organisation, now, expires);
            jwt::application_token(&mut self.random, shape, claims)
        });
        self.tokens.push(TokenRow {
            id,
            value: value.clone(),
            organisation,
            description: token.description,
            created: (!token.without_created).then(|| token.created.unwrap_or(utc(now))),
            expiry_date: token.expiry_date,
            ip: token.ip,
            revoked: token.status == 1,
            creator: (!token.without_creator).then_some(CREATOR),
        });
        (id, value)
    }
}

/// Returns the claims that were seen in application tokens. Only a token that expires has `exp`.
pub(crate) fn claims(
    esc_app: u64,
    organisation: u64,
    now: i64,
    expires: Option<i64>,
) -> Map<String, Value> {
    let mut claims = Map::from_iter([
        ("esc.appsecret".to_owned(), json!("c0ffee00-0000-4000-8000-000000000000")),
        ("sub".to_owned(), json!("user@example.com")),
        ("aud".to_owned(), json!("/api/v1/application_token")),
        ("esc.app".to_owned(), json!(esc_app)),
        ("esc.user".to_owned(), json!(CREATOR)),
        ("esc.org".to_owned(), json!(organisation)),
        ("esc.orgName".to_owned(), json!(organisation_name(organisation))),
        ("iss".to_owned(), json!("spc-frontend001@sandbox")),
        ("iat".to_owned(), json!(now)),
    ]);
    if let Some(expires) = expires {
        claims.insert("exp".to_owned(), json!(expires));
    }
    claims
}

/// `POST /api/v1/application_token`
pub(crate) fn create(state: &mut State, caller: &Caller, request: &Request) -> Response {
    let body = match (request.body.is_empty(), request.object()) {
        (_, Some(body)) => body,
        (true, None) => Map::new(),
        (false, None) => return Response::error(400, BAD_REQUEST, "Malformed request body"),
    };
    let mut errors = Vec::new();
    let description = text(&body, "description", &mut errors);
    let mut expiry_date = text(&body, "expiry_date", &mut errors);
    if let Some(given) = &expiry_date {
        match instant(given) {
            Some(end) if end > state.clock.now() => expiry_date = Some(utc(end)),
            Some(_) => errors.push((INVALID_FORMAT, "expiry_date: is in the past".to_owned())),
            None => errors.push((INVALID_FORMAT, "expiry_date: not a date".to_owned())),
        }
    }
    let ip = text(&body, "ip", &mut errors);
    if ip.as_deref().is_some_and(|ip| range(ip).is_none()) {
        errors.push((INVALID_FORMAT, "ip: not an address or range".to_owned()));
    }
    if !errors.is_empty() {
        return Response::invalid(&errors);
    }
    let token = NewToken { description, expiry_date, ip, ..NewToken::default() };
    let (id, value) = state.add_token(caller.organisation, token);
    if let Some(row) = state.tokens.last_mut() {
        row.creator = caller.user.or(row.creator);
    }
    let response = if state.settings.create_with_id {
        json!({ "application_token": value, "id": id })
    } else {
        json!({ "application_token": value })
    };
    Response::json(state.settings.create_status, &response)
}

/// `GET /api/v1/application_token`
pub(crate) fn list(state: &State, caller: &Caller, request: &Request) -> Response {
    let rows = state.tokens.iter().filter(|row| row.organisation == caller.organisation);
    let rows: Vec<Value> = rows.map(|row| shown(state, row)).collect();
    if state.settings.application_tokens_paged {
        page(state, &APPLICATION_TOKENS, request, rows)
    } else {
        Response::json(200, &Value::Array(rows))
    }
}

/// `PATCH /api/v1/application_token/{id}`
pub(crate) fn update(state: &mut State, caller: &Caller, id: u64, request: &Request) -> Response {
    if state.settings.update_forbidden {
        return Response::error(403, FORBIDDEN, "No right to update application tokens");
    }
    let known = |row: &&mut TokenRow| row.id == id && row.organisation == caller.organisation;
    let Some(row) = state.tokens.iter_mut().find(known) else {
        return unknown("Application token", id);
    };
    let Some(body) = request.object() else {
        return Response::error(400, BAD_REQUEST, "Malformed request body");
    };
    let mut errors: Vec<(ErrorCode, String)> = body
        .keys()
        .filter(|field| !["description", "status"].contains(&field.as_str()))
        .map(|field| (INVALID_REFERENCE, format!("{field}: unknown field")))
        .collect();
    let description = text(&body, "description", &mut errors);
    let status = match body.get("status") {
        None => None,
        Some(status) => match status.get("id").and_then(Value::as_u64) {
            Some(id @ (0 | 1)) => Some(id == 1),
            Some(_) => {
                errors.push((INVALID_REFERENCE, "status: no such status".to_owned()));
                None
            }
            None => {
                errors.push((INVALID_FORMAT, "status: has no id".to_owned()));
                None
            }
        },
    };
    if !errors.is_empty() {
        return Response::invalid(&errors);
    }
    if row.revoked && status == Some(false) {
        return Response::error(422, NOT_ALLOWED, "A revoked application token stays revoked");
    }
    if body.contains_key("description") {
        row.description = description;
    }
    row.revoked = status.unwrap_or(row.revoked);
    Response::empty(204)
}

/// Returns a row as the list shows it, without its value.
fn shown(state: &State, row: &TokenRow) -> Value {
    let creator = row.creator.and_then(|id| state.users.iter().find(|user| user.id == id));
    let status = if row.revoked {
        json!({ "id": 1, "description": "Revoked" })
    } else {
        json!({ "id": 0, "description": "Activated" })
    };
    let row = json!({
        "id": row.id,
        "description": row.description,
        "created": row.created,
        "status": status,
        "expiry_date": row.expiry_date,
        "ip": row.ip,
        "creator": creator.map(|user| {
            json!({ "id": user.id, "name": user.name, "username": user.username })
        }),
    });
    resources::shown(&state.settings, &row)
}

fn text(
    body: &Map<String, Value>,
    field: &str,
    errors: &mut Vec<(ErrorCode, String)>,
) -> Option<String> {
    match body.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            errors.push((INVALID_FORMAT, format!("{field}: not a string")));
            None
        }
    }
}

fn range(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ranges() {
        assert!(range("10.0.0.0/8").unwrap().contains(&IpAddr::from([10, 1, 2, 3])));
        assert!(range("::1").is_some() && range("2001:db8::/32").is_some());
        assert!(range("10.0.0").is_none() && range("10.0.0.0/33").is_none());
    }
}
