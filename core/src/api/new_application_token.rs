//! What can be set when an application token is created or changed, and what is returned for a new one.

use std::time::Duration;

use crate::types::expiry_date::ExpiryDate;
use crate::types::secret::Secret;

/// The properties of a new application token. All are optional. An expiry date and an address
/// restriction limit the damage if the token is stolen.
///
/// [`ApplicationTokens::create`](crate::ApplicationTokens::create) checks the values before
/// anything is sent.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use std::time::Duration;
/// use emnify_core::NewApplicationToken;
///
/// let new = NewApplicationToken::new()
///     .description("gateway 7")
///     .expires_in(Duration::from_secs(365 * 86_400)) // or .expiry_date("2027-05-29")
///     .ip("192.0.2.0/24");
/// let created = client.application_tokens().create(&new)?;
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it has no effect unless it is passed to `create`"]
pub struct NewApplicationToken {
    pub(crate) description: Option<String>,
    pub(crate) expiry_date: Option<ExpiryDate>,
    pub(crate) ip: Option<String>,
}

impl NewApplicationToken {
    /// Creates the properties of a token without a description that never expires and may be used
    /// from any address.
    pub fn new() -> Self {
        NewApplicationToken::default()
    }

    /// Sets the description: at most 1,024 bytes, without control characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets when the token expires: a date, an instant in RFC 3339 form, or a `SystemTime`. It must
    /// be in the future.
    pub fn expiry_date(mut self, expiry_date: impl Into<ExpiryDate>) -> Self {
        self.expiry_date = Some(expiry_date.into());
        self
    }

    /// Sets how long the token lives, instead of its expiry date. The time is counted on emnify's
    /// clock.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        self.expiry_date(lifetime)
    }

    /// Sets the address, or the range in CIDR notation, from which the token may be used. IPv4 or
    /// IPv6.
    pub fn ip(mut self, ip: impl Into<String>) -> Self {
        self.ip = Some(ip.into());
        self
    }
}

/// A change to an application token. Properties that are not set stay as they are.
///
/// ```
/// let update = emnify_core::ApplicationTokenUpdate::new().description("gateway 7, hall 2");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it has no effect unless it is passed to `update`"]
pub struct ApplicationTokenUpdate {
    pub(crate) description: Option<String>,
}

impl ApplicationTokenUpdate {
    /// Creates an empty change.
    pub fn new() -> Self {
        ApplicationTokenUpdate::default()
    }

    /// Sets the new description: at most 1,024 bytes, without control characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// An application token that was just created. Its value cannot be read again later: store it
/// before this is dropped.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// # let new = emnify_core::NewApplicationToken::new();
/// let created = client.application_tokens().create(&new)?;
/// println!("{} characters", created.reveal().len());
/// let id = created.id(); // to revoke it later
/// let secret = created.into_secret(); // store it
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "this holds the only copy of the application token"]
pub struct CreatedApplicationToken {
    pub(crate) value: Secret,
    pub(crate) id: Option<u64>,
}

impl CreatedApplicationToken {
    /// Returns the value of the application token.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.value.reveal()
    }

    /// Returns the value of the application token, wiped when it is dropped.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        self.value
    }

    /// Returns the id, which `revoke` needs. `None` if the server did not send it and the list did
    /// not show which row is the new one; then look for the description in the list.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        self.id
    }
}
