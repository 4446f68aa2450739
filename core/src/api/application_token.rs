//! An application token as a row of the list. The calls are in
//! [`ApplicationTokens`](crate::ApplicationTokens).

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::api::json;
use crate::api::list::read_all;
use crate::api::paging::Page;
use crate::types::date;
use crate::types::error::Result;

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

/// What the call does, to follow "cannot" in a message.
pub(crate) const LIST: &str = "list the application tokens";

/// Reads all rows, each once. `fetch` gets the query of a page. A row without an id is skipped,
/// since no call can refer to it.
pub(crate) fn list(
    fetch: impl Fn(&[(&str, String)]) -> Result<Page>,
) -> Result<Vec<ApplicationToken>> {
    read_all(LIST, &[], fetch, ApplicationToken::read)
}
