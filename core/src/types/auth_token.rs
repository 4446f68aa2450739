//! The auth token that a caller gets: the value for `Authorization: Bearer`, its expiry and claims.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::types::claims::Claims;
use crate::types::secret::Secret;

/// The prefix of an auth token in the `Authorization` header (RFC 6750).
pub const SCHEME: &str = "Bearer ";

/// Returns the auth token in the value of an `Authorization` header, or in its own text. Upper and
/// lower case of the scheme do not matter (RFC 9110, section 11.1).
#[must_use]
pub fn without_scheme(text: &str) -> &str {
    match text.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token.trim(),
        _ => text,
    }
}

/// Returns the value of the `Authorization` header with this auth token.
pub(crate) fn authorization(auth_token: &Secret) -> Secret {
    Secret::from([SCHEME, auth_token.reveal()].concat())
}

/// An auth token: the JWT that emnify issues in exchange for an application token.
///
/// Cloning is cheap. Two are equal if their tokens are. `Debug` does not show the token, and its
/// memory is wiped when the last clone is dropped.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// let auth_token = client.authenticate()?;
/// let header = auth_token.authorization(); // "Bearer …", for your own HTTP client
/// assert_eq!(header.reveal(), format!("Bearer {}", auth_token.reveal()));
/// assert_eq!(auth_token.organisation_id(), Some(1234));
/// println!("expires at {:?}", auth_token.expires_at());
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AuthToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    secret: Secret,
    expires_at: SystemTime,
    claims: Claims,
}

impl PartialEq for AuthToken {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl Eq for AuthToken {}

impl AuthToken {
    /// `requested_at` is the wall-clock time at which the request for the token was sent.
    pub(crate) fn new(secret: Secret, requested_at: SystemTime) -> Self {
        let claims = Claims::read(secret.reveal());
        let expires_at = claims
            .expires_at
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .or_else(|| requested_at.checked_add(claims.lifetime()))
            .unwrap_or(requested_at);
        AuthToken(Arc::new(Inner { secret, expires_at, claims }))
    }

    /// Creates an auth token from the text and the expiry that a store kept.
    pub(crate) fn restored(secret: Secret, expires_at: SystemTime) -> Self {
        let claims = Claims::read(secret.reveal());
        AuthToken(Arc::new(Inner { secret, expires_at, claims }))
    }

    /// Creates an auth token for a test of your own code. No server accepts it.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// use emnify_core::AuthToken;
    ///
    /// let auth_token = AuthToken::for_tests("a.b.c", SystemTime::now());
    /// assert_eq!(auth_token.authorization().reveal(), "Bearer a.b.c");
    /// ```
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn for_tests(text: impl Into<Secret>, expires_at: SystemTime) -> Self {
        AuthToken::restored(text.into(), expires_at)
    }

    /// Returns the text of the token, without `Bearer`.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.secret.reveal()
    }

    /// Returns the value of the header `Authorization`: `Bearer …`.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// let header = client.authenticate()?.authorization();
    /// println!("Authorization: {}", header.reveal());
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    #[must_use]
    pub fn authorization(&self) -> Secret {
        authorization(&self.0.secret)
    }

    /// Returns when the token expires, on the server's clock.
    ///
    /// Do not compare it with a local clock that may be wrong.
    /// [`Client::authenticate`](crate::Client::authenticate) always returns a valid token.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.0.expires_at
    }

    /// Returns the id of the organisation (workspace) that the token is for, if the token contains
    /// it. The id is not verified; use it for display only.
    #[must_use]
    pub fn organisation_id(&self) -> Option<u64> {
        self.0.claims.organisation_id
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0.secret
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// Whether `self` and `other` are the same token.
    pub(crate) fn is(&self, other: &AuthToken) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.secret == other.0.secret
    }
}
