//! Finds out which application token a value is.

use std::ffi::c_char;

use emnify_core::{ApplicationTokens, Secret, TokenClaims};

use super::token::emnify_token;
use crate::boundary::{Out, call, counted_text, emnify_error, free, read, unix_seconds};
use crate::client::{emnify_client, produce};

/// Reads the properties of the application token with this value into `*token`, to revoke one that
/// was found in public; free it with emnify_token_free(). It signs in with the value once, because
/// only emnify knows whether the id that the value claims is right; a token that the list shows as
/// revoked is returned without that.
///
/// Check emnify_token_findings() before you revoke it: with EMNIFY_FINDING_OWN it is the token that
/// `client` signs in with.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT if the value cannot be an application token or is an auth
/// token, EMNIFY_ERR_REJECTED if emnify refuses it because it is expired, restricted to other
/// addresses or none of emnify's, EMNIFY_ERR_NOT_FOUND if it belongs to another workspace or emnify
/// does not tell its id, and like emnify_token_list(). Blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_identify(
    client: *const emnify_client,
    value: *const c_char,
    length: usize,
    token: *mut *mut emnify_token,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract.
        let value = Secret::from(unsafe { counted_text("value", value, length) }?);
        let found = client.core.application_tokens().identify(&value)?;
        Ok(emnify_token::new(&found))
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("token", token), error, body) }
}

/// What an application token says about itself. Nothing of it is verified: anyone can write such a
/// text.
///
/// Created by emnify_token_inspect(); free it with emnify_token_claims_free().
pub struct emnify_token_claims(TokenClaims);

/// Reads what the value of an application token says about itself into `*claims`, without a
/// connection. `*claims` is set to NULL if the value is opaque; emnify_token_identify() asks emnify.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_inspect(
    value: *const c_char,
    length: usize,
    claims: *mut *mut emnify_token_claims,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let out = unsafe { Out::new("claims", claims) }?;
        // SAFETY: the contract.
        let value = Secret::from(unsafe { counted_text("value", value, length) }?);
        out.give_optional(ApplicationTokens::inspect(&value).map(emnify_token_claims));
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Returns the id of the application token, or of the one that an auth token was obtained with; 0 if
/// it is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_claims_id(claims: *const emnify_token_claims) -> u64 {
    // SAFETY: the contract.
    unsafe { read(claims, 0, |claims| claims.0.id.unwrap_or(0)) }
}

/// Returns the id of the workspace; 0 if it is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_claims_organisation_id(
    claims: *const emnify_token_claims,
) -> u64 {
    // SAFETY: the contract.
    unsafe { read(claims, 0, |claims| claims.0.organisation_id.unwrap_or(0)) }
}

/// Returns when the token was created, in seconds of Unix time; 0 if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_claims_issued_at(claims: *const emnify_token_claims) -> i64 {
    // SAFETY: the contract.
    unsafe { read(claims, 0, |claims| claims.0.issued_at.map_or(0, unix_seconds)) }
}

/// Returns when the token expires, in seconds of Unix time; 0 if it does not expire.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_claims_expires_at(claims: *const emnify_token_claims) -> i64 {
    // SAFETY: the contract.
    unsafe { read(claims, 0, |claims| claims.0.expires_at.map_or(0, unix_seconds)) }
}

/// Whether the token is an auth token, which cannot be revoked and expires by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_claims_is_auth_token(
    claims: *const emnify_token_claims,
) -> bool {
    // SAFETY: the contract.
    unsafe { read(claims, false, |claims| claims.0.is_auth_token) }
}

/// Frees what emnify_token_inspect() returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_token_claims_free(claims: *mut emnify_token_claims) {
    // SAFETY: the contract.
    unsafe { free(claims) }
}
