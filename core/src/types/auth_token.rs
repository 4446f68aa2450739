//! The auth token that a caller gets: what goes into `Authorization: Bearer`, and what is known
//! about it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::types::claims::Claims;
use crate::types::secret::Secret;

/// What stands before an auth token in the header `Authorization` (RFC 6750).
#[doc(hidden)] // For the other faces of this library.
pub const SCHEME: &str = "Bearer ";

/// An auth token: the JWT that an application token is exchanged for.
///
/// Cloning is cheap. `Debug` does not show the token; its memory is wiped with the last clone.
#[derive(Debug, Clone)]
pub struct AuthToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    secret: Secret,
    expires_at: SystemTime,
    claims: Claims,
}

impl AuthToken {
    /// `requested_at`: the time of day at which the request for it was sent.
    pub(crate) fn new(secret: Secret, requested_at: SystemTime) -> Self {
        let claims = Claims::read(secret.reveal());
        let expires_at = claims
            .expires_at
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .or_else(|| requested_at.checked_add(claims.lifetime()))
            .unwrap_or(requested_at);
        AuthToken(Arc::new(Inner { secret, expires_at, claims }))
    }

    /// One that was read back from a store, with its expiry.
    pub(crate) fn restored(secret: Secret, expires_at: SystemTime) -> Self {
        let claims = Claims::read(secret.reveal());
        AuthToken(Arc::new(Inner { secret, expires_at, claims }))
    }

    /// The token itself, for the header `Authorization: Bearer …`.
    pub fn reveal(&self) -> &str {
        self.0.secret.reveal()
    }

    /// When it expires, on the server's clock. A machine whose clock is wrong should not compare it
    /// with that clock: [`Client::authenticate`](crate::Client::authenticate) hands out what is
    /// valid.
    pub fn expires_at(&self) -> SystemTime {
        self.0.expires_at
    }

    /// The id of the organisation (workspace) that it is for, if the token tells. It is not
    /// verified: for display only.
    pub fn organisation_id(&self) -> Option<u64> {
        self.0.claims.organisation_id
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0.secret
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// Whether both are the same token.
    pub(crate) fn is(&self, other: &AuthToken) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.secret == other.0.secret
    }
}
