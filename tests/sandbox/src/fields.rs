//! The fields that a request body may have, and their types.

use serde_json::{Map, Value, json};

use crate::request::Request;
use crate::response::{
    BAD_REQUEST, ErrorCode, INVALID_FORMAT, INVALID_REFERENCE, REQUIRED, Response,
};

/// The type of a field, which may also be null.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// Text or a number, which becomes text.
    Digits,
    Flag,
    /// An object with the id of something that exists. All ids from 1 do.
    Reference,
    /// An object with an id from a list.
    OneOf(&'static [(u64, &'static str)]),
}

/// The fields of a body by name.
pub(crate) type Fields = &'static [(&'static str, Kind)];

pub(crate) const ENDPOINT_STATUS: &[(u64, &str)] = &[(0, "Enabled"), (1, "Disabled")];
pub(crate) const SIM_STATUS: &[(u64, &str)] =
    &[(0, "Issued"), (1, "Activated"), (2, "Suspended"), (3, "Deleted"), (4, "Factory test")];

pub(crate) const ENDPOINT: Fields = &[
    ("name", Kind::Text),
    ("tags", Kind::Text),
    ("status", Kind::OneOf(ENDPOINT_STATUS)),
    ("service_profile", Kind::Reference),
    ("tariff_profile", Kind::Reference),
    ("ip_address", Kind::Text),
    ("ip_address_space", Kind::Reference),
    ("sim", Kind::Reference),
    ("imei", Kind::Text),
    ("imei_lock", Kind::Flag),
];

pub(crate) const SIM: Fields = &[
    ("status", Kind::OneOf(SIM_STATUS)),
    ("customer_org", Kind::Reference),
    ("issuer_org", Kind::Reference),
    ("endpoint", Kind::Reference),
    ("label", Kind::Text),
];

pub(crate) const SMS: Fields = &[("payload", Kind::Text), ("source_address", Kind::Digits)];

/// Reads the body of a request, or returns the refusal. Required fields must have a value.
pub(crate) fn read(
    request: &Request,
    fields: Fields,
    required: &[&str],
) -> Result<Map<String, Value>, Response> {
    let mut body = request
        .object()
        .ok_or_else(|| Response::error(400, BAD_REQUEST, "Malformed request body"))?;
    let mut errors: Vec<(ErrorCode, String)> = required
        .iter()
        .filter(|field| body.get(**field).is_none_or(Value::is_null))
        .map(|field| (REQUIRED, format!("{field}: is required")))
        .collect();
    for (name, value) in &mut body {
        match fields.iter().find(|(field, _)| field == name) {
            None => errors.push((INVALID_REFERENCE, format!("{name}: unknown field"))),
            Some(_) if value.is_null() => {}
            Some((_, kind)) => {
                if let Err((code, message)) = check(*kind, value) {
                    errors.push((code, format!("{name}: {message}")));
                }
            }
        }
    }
    if errors.is_empty() { Ok(body) } else { Err(Response::invalid(&errors)) }
}

/// Checks a value and converts it to the form that a row contains.
fn check(kind: Kind, value: &mut Value) -> Result<(), (ErrorCode, String)> {
    let id = value.get("id").and_then(Value::as_i64);
    let fits = match kind {
        Kind::Text => value.is_string(),
        Kind::Digits => {
            if value.is_u64() {
                *value = Value::from(value.to_string());
            }
            value.is_string()
        }
        Kind::Flag => value.is_boolean(),
        Kind::Reference | Kind::OneOf(_) => id.is_some(),
    };
    if !fits {
        return Err((INVALID_FORMAT, "wrong type".to_owned()));
    }
    let unknown = || (INVALID_REFERENCE, format!("Id '{}' not found.", id.unwrap_or_default()));
    match kind {
        Kind::Reference if id.is_none_or(|id| id < 1) => Err(unknown()),
        Kind::OneOf(known) => {
            let found = known.iter().find(|(known, _)| i64::try_from(*known).ok() == id);
            let (id, description) = found.ok_or_else(unknown)?;
            *value = json!({ "id": id, "description": description });
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(body: &Value) -> Vec<u64> {
        let Err(response) = read(&Request::test("PATCH", "/x", body), ENDPOINT, &[]) else {
            return Vec::new();
        };
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, body["error_code"].as_u64()), (422, Some(1400)));
        let errors = body["errors"].as_array().unwrap();
        errors.iter().map(|error| error["error_code"].as_u64().unwrap()).collect()
    }

    #[test]
    fn unknown_fields_and_wrong_types() {
        assert_eq!(
            codes(&json!({"name": "a", "tags": null, "status": {"id": 1}})),
            Vec::<u64>::new()
        );
        assert_eq!(codes(&json!({"nickname": "a"})), [1401]);
        assert_eq!(codes(&json!({"service_profile": {"id": -1}})), [1401]);
        assert_eq!(codes(&json!({"status": {"id": 9}})), [1401]);
        assert_eq!(codes(&json!({"name": 7})), [1403]);
        assert_eq!(codes(&json!({"status": 1})), [1403]);
        assert_eq!(codes(&json!({"imei_lock": "yes"})), [1403]);
    }
}
