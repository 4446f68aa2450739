//! The properties of an application token, and what can be set when one is created or changed. The
//! calls are in [`ApplicationTokens`](crate::ApplicationTokens).

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::api::json;
use crate::api::list::read_all;
use crate::api::paging::Page;
use crate::types::date;
use crate::types::error::Result;
use crate::types::expiry_date::ExpiryDate;
use crate::types::secret::Secret;

/// A row of the list of application tokens. It never contains the token's value, which only
/// [`ApplicationTokens::create`](crate::ApplicationTokens::create) returns.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// for token in client.application_tokens().list()? {
///     println!("{} {:?} by {:?}", token.id(), token.description(), token.creator());
///     // As the server wrote them, and as instants.
///     println!("created {:?} {:?}", token.created(), token.created_at());
///     println!("expires {:?} {:?}", token.expiry_date(), token.expires_at());
///     println!("for {}, {:?}", token.ip().unwrap_or("any address"), token.status());
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApplicationToken {
    id: u64,
    description: Option<String>,
    status: Option<ApplicationTokenStatus>,
    created: Option<String>,
    expiry_date: Option<String>,
    ip: Option<String>,
    creator: Option<String>,
}

/// Whether an application token can be used. As text it is in lower case, unlike in emnify's
/// responses.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::ApplicationTokenStatus;
///
/// let mut tokens = client.application_tokens().list()?;
/// tokens.retain(|token| token.status() == Some(ApplicationTokenStatus::Activated));
/// # assert_eq!(tokens.len(), 1);
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApplicationTokenStatus {
    /// Status 0: the token can be used until it expires.
    Activated,
    /// Status 1: the token can never be used again.
    Revoked,
    /// A status that this version does not know.
    Other(i64),
}

impl ApplicationToken {
    /// Returns the id, which `update` and `revoke` need.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the description.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the status, if the server sent one. An expired token may still be `Activated`.
    #[must_use]
    pub fn status(&self) -> Option<ApplicationTokenStatus> {
        self.status
    }

    /// Returns when the token was created, as the server wrote it.
    #[must_use]
    pub fn created(&self) -> Option<&str> {
        self.created.as_deref()
    }

    /// Returns when the token was created. `None` if that is unknown or cannot be read.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.created.as_deref().and_then(date::instant)
    }

    /// Returns when the token expires, as the server wrote it (as JSON if it is not a string).
    /// `None` if the token does not expire.
    #[must_use]
    pub fn expiry_date(&self) -> Option<&str> {
        self.expiry_date.as_deref()
    }

    /// Returns when the token expires. `None` if it does not expire or the date cannot be read. A
    /// date without a time of day means 00:00 UTC on that day.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expiry_date.as_deref().and_then(date::instant)
    }

    /// Returns the address or range from which the token may be used. `None` means any address.
    #[must_use]
    pub fn ip(&self) -> Option<&str> {
        self.ip.as_deref()
    }

    /// Returns the name of the user who created the token.
    #[must_use]
    pub fn creator(&self) -> Option<&str> {
        self.creator.as_deref()
    }
}

impl ApplicationToken {
    /// Reads a row of the list. Returns `None` if it has no id. Any other field may be missing or
    /// have an unexpected type.
    pub(crate) fn read(json: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Row<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            description: Option<&'a RawValue>,
            status: Option<&'a RawValue>,
            created: Option<&'a RawValue>,
            expiry_date: Option<&'a RawValue>,
            ip: Option<&'a RawValue>,
            creator: Option<&'a RawValue>,
        }
        let row: Row<'_> = object(json)?;
        Some(ApplicationToken {
            id: row.id.and_then(json::whole)?,
            description: row.description.and_then(text),
            status: row.status.and_then(status),
            created: row.created.map(text_or_json),
            // emnify sends null for a token without expiry. An empty string counts as null, and a
            // value that cannot be read as an expiry.
            expiry_date: row.expiry_date.map(text_or_json).filter(|date| !date.is_empty()),
            ip: row.ip.map(text_or_json).filter(|ip| !ip.is_empty()),
            creator: row.creator.and_then(name),
        })
    }
}

/// Reads an object, but not an array of the same values, which serde would accept.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    json.starts_with('{').then(|| json::part(json))?
}

fn text(json: &RawValue) -> Option<String> {
    json::part(json.get())
}

fn text_or_json(json: &RawValue) -> String {
    text(json).unwrap_or_else(|| json.get().to_owned())
}

fn status(json: &RawValue) -> Option<ApplicationTokenStatus> {
    #[derive(Deserialize)]
    struct Status<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let status: Status<'_> = object(json.get())?;
    Some(match status.id.and_then(json::whole)? {
        0 => ApplicationTokenStatus::Activated,
        1 => ApplicationTokenStatus::Revoked,
        other => ApplicationTokenStatus::Other(other),
    })
}

fn name(json: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Creator<'a> {
        #[serde(borrow)]
        name: Option<&'a RawValue>,
        username: Option<&'a RawValue>,
        email: Option<&'a RawValue>,
    }
    let creator: Creator<'_> = object(json.get())?;
    [creator.name, creator.username, creator.email].into_iter().flatten().find_map(text)
}

impl fmt::Display for ApplicationTokenStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplicationTokenStatus::Activated => f.write_str("activated"),
            ApplicationTokenStatus::Revoked => f.write_str("revoked"),
            ApplicationTokenStatus::Other(id) => write!(f, "status {id}"),
        }
    }
}

impl Serialize for ApplicationTokenStatus {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

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

/// What the call does, to follow "cannot" in a message.
pub(crate) const LIST: &str = "list the application tokens";

/// Reads all rows, each once. `fetch` gets the query of a page. A row without an id is skipped,
/// since no call can refer to it.
pub(crate) fn list(
    fetch: impl Fn(&[(&str, String)]) -> Result<Page>,
) -> Result<Vec<ApplicationToken>> {
    read_all(LIST, &[], fetch, ApplicationToken::read)
}
