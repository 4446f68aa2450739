//! The part of emnify's API that signing in and rotating take, for checks in which something else is
//! hostile.

use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::server::{Received, Reply};

/// The application token of every client in the checks.
pub(crate) const TOKEN: &str = "canary-application-token";

/// The user of some clients in the checks.
pub(crate) const USERNAME: &str = "user@example.com";
pub(crate) const PASSWORD: &str = "canary-password";

/// How long an auth token is valid, in seconds.
pub(crate) const LIFETIME: u64 = 3_600;

/// With more application tokens, a process that runs for hours would become slow.
const MOST_ROWS: usize = 20;

/// The application tokens of a workspace.
pub(crate) struct Emnify(Mutex<Vec<Row>>);

struct Row {
    value: String,
    description: String,
    revoked: bool,
}

impl Emnify {
    pub(crate) fn new() -> Self {
        Emnify(Mutex::new(vec![Row {
            value: TOKEN.into(),
            description: "gateway 7".into(),
            revoked: false,
        }]))
    }

    /// Returns how many application tokens can still be used.
    pub(crate) fn active(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|row| !row.revoked).count()
    }

    /// Responds as emnify does.
    pub(crate) fn respond(&self, request: &Received) -> Reply {
        let mut rows = self.0.lock().unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let mut parts = request.line.split([' ', '?']);
        let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
        match (method, path.strip_prefix("/api/v1/application_token")) {
            ("POST", None) if is_sign_in(request) => {
                let value = text("application_token");
                if body["application_token"].is_null() {
                    let signed_in =
                        json!({"auth_token": auth_token(0), "refresh_token": "canary-refresh"});
                    return Reply::json(200, &signed_in.to_string());
                }
                match rows.iter().position(|row| row.value == value && !row.revoked) {
                    Some(index) => {
                        Reply::json(200, &json!({"auth_token": auth_token(index)}).to_string())
                    }
                    None => Reply::json(401, r#"{"message":"Unauthorized"}"#),
                }
            }
            ("GET", Some("")) => {
                let list = rows.iter().enumerate().map(|(index, row)| {
                    json!({"id": index, "description": row.description,
                           "created": "2026-11-24T12:00:00.000+0000",
                           "status": {"id": u8::from(row.revoked)}})
                });
                Reply::json(200, &Value::from_iter(list).to_string())
            }
            ("POST", Some("")) => {
                if rows.len() == MOST_ROWS {
                    rows.truncate(1);
                }
                let value = format!("canary-new-token-{}", rows.len());
                rows.push(Row { value, description: text("description"), revoked: false });
                let value = &rows.last().unwrap().value;
                Reply::json(201, &json!({"application_token": value}).to_string())
            }
            ("PATCH", Some(id)) => {
                let id: Option<usize> = id.trim_start_matches('/').parse().ok();
                let Some(row) = id.and_then(|id| rows.get_mut(id)) else {
                    return Reply::json(404, "{}");
                };
                row.revoked |= body["status"]["id"] == 1;
                row.description =
                    body["description"].as_str().map_or(row.description.clone(), Into::into);
                Reply::json(200, "{}")
            }
            _ => Reply::json(200, r#"[{"id":1}]"#),
        }
    }
}

/// Whether the request exchanges credentials for an auth token.
pub(crate) fn is_sign_in(request: &Received) -> bool {
    request.line.starts_with("POST /api/v1/authenticate ")
}

/// Returns the auth token of the application token with that id.
fn auth_token(id: usize) -> String {
    let claims = json!({"aud": "/api/v1/authentication", "esc.app": id, "esc.org": 1,
                        "iat": 1_800_000_000, "exp": 1_800_000_000 + LIFETIME});
    format!("canary.{}.canary", URL_SAFE_NO_PAD.encode(claims.to_string()))
}
