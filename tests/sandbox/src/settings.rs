//! What a test can change about the sandbox: lifetimes, limits, and behaviour of the live service
//! that is not known outside emnify. The defaults are the documented behaviour.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the sandbox behaves. In JSON, over the control path, the fields have the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Seconds between `iat` and `exp` of an auth token. Default: 240 minutes.
    pub auth_token_lifetime: i64,
    /// Seconds for which a refresh token is valid. Default: 350 minutes.
    pub refresh_token_lifetime: i64,
    /// Whether the response to a refresh token contains the next refresh token.
    pub refresh_token_renewed: bool,
    /// Whether the response to an application token contains a refresh token, which it should not.
    pub application_token_with_refresh_token: bool,
    /// Whether `esc.app` is the id of the application token. Otherwise it is another number.
    pub esc_app_is_token_id: bool,
    /// Whether revoking an application token also revokes the auth tokens obtained with it.
    pub revocation_reaches_auth_tokens: bool,
    /// The form of the values of created application tokens.
    pub application_token_shape: TokenShape,
    /// The status of the response to the creation of an application token: 200, or 201.
    pub create_status: u16,
    /// Whether that response also contains the `id`.
    pub create_with_id: bool,
    /// Whether updating an application token fails with 403, as for a caller without the right.
    pub update_forbidden: bool,
    /// Whether rows leave out fields without a value, instead of sending `null`.
    pub omit_nulls: bool,
    /// Whether the list of application tokens is paged. Otherwise it is sent whole, without the
    /// headers of pages.
    pub application_tokens_paged: bool,
    /// Rows on a page if the request does not specify it.
    pub default_per_page: u64,
    /// The most rows on a page. A collection may allow fewer.
    pub maximum_per_page: u64,
    /// Whether responses are compressed for clients that accept it.
    pub gzip: bool,
    /// The address from which requests appear to come; `None`: the real one.
    pub peer_address: Option<IpAddr>,
    /// Failures in a row after which an account is locked; 0: never.
    pub lockout_after: u32,
    /// Seconds for which an account stays locked.
    pub lockout_seconds: i64,
    /// Whether the rate limits apply.
    pub limits: bool,
    /// The window of the rate limits, in seconds.
    pub limit_window: i64,
    /// Calls of `authenticate` from one address within the window.
    pub authenticate_limit: usize,
    /// All calls from one address within the window.
    pub general_limit: usize,
    /// Whether `authenticate` calls that failed count.
    pub count_refused: bool,
    /// Whether `authenticate` calls whose response is a 429 count.
    pub count_limited: bool,
    /// The `Retry-After` header of a 429.
    pub retry_after: RetryAfter,
}

/// The form of an application token's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenShape {
    /// A JWT of 490 characters.
    Jwt,
    /// Eighty random characters.
    Opaque,
}

/// The `Retry-After` header of a 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds,
    /// A date on the sandbox's clock.
    HttpDate,
    /// The header is missing.
    None,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            auth_token_lifetime: 240 * 60,
            refresh_token_lifetime: 350 * 60,
            refresh_token_renewed: true,
            application_token_with_refresh_token: false,
            esc_app_is_token_id: true,
            revocation_reaches_auth_tokens: false,
            application_token_shape: TokenShape::Jwt,
            create_status: 200,
            create_with_id: false,
            update_forbidden: false,
            omit_nulls: true,
            application_tokens_paged: true,
            default_per_page: 100,
            maximum_per_page: 2000,
            gzip: true,
            peer_address: None,
            lockout_after: 3,
            lockout_seconds: 300,
            limits: true,
            limit_window: 300,
            authenticate_limit: 100,
            general_limit: 2000,
            count_refused: true,
            count_limited: false,
            retry_after: RetryAfter::Seconds,
        }
    }
}

impl Settings {
    /// Returns these settings with the fields of a JSON object replaced.
    pub(crate) fn changed_by(&self, change: &Value) -> Result<Settings, String> {
        let Value::Object(change) = change else { return Err("not a JSON object".to_owned()) };
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Value::Object(all) = &mut all {
            all.extend(change.clone());
        }
        serde_json::from_value(all).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_partial_change_leaves_the_rest() {
        let changed = Settings::default()
            .changed_by(&json!({"auth_token_lifetime": 5, "retry_after": "http_date"}))
            .unwrap();
        assert_eq!(changed.auth_token_lifetime, 5);
        assert_eq!(changed.retry_after, RetryAfter::HttpDate);
        assert_eq!(changed.general_limit, 2000);
    }

    #[test]
    fn a_misspelt_name_is_an_error() {
        assert!(Settings::default().changed_by(&json!({"lifetime": 5})).is_err());
        assert!(Settings::default().changed_by(&json!([])).is_err());
    }
}
