//! What is known about an application token, and what one may ask for when creating or changing
//! it. Types only; [`ApplicationTokens`](crate::ApplicationTokens) has the calls.

use std::cell::Cell;
use std::fmt;
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::json;
use crate::api::paging::{Page, Paging};
use crate::types::date;
use crate::types::error::Result;
use crate::types::expiry_date::ExpiryDate;
use crate::types::secret::Secret;

/// A row of the list of application tokens. It never holds the token's value, which is shown only
/// once, by [`ApplicationTokens::create`](crate::ApplicationTokens::create).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationToken {
    id: u64,
    description: Option<String>,
    status: Option<ApplicationTokenStatus>,
    created: Option<String>,
    expiry_date: Option<String>,
    ip: Option<String>,
    creator: Option<String>,
}

/// Whether an application token can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApplicationTokenStatus {
    /// Status 0: it can be used until it expires.
    Activated,
    /// Status 1: it is refused for good.
    Revoked,
    /// A status that this version does not know.
    Other(i64),
}

impl ApplicationToken {
    /// The id by which it is updated and revoked.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its label.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Its status, where the server tells it. One that expired may still be `Activated`.
    pub fn status(&self) -> Option<ApplicationTokenStatus> {
        self.status
    }

    /// When it was created, as the server wrote it.
    pub fn created(&self) -> Option<&str> {
        self.created.as_deref()
    }

    /// When it was created; `None` too where that could not be read.
    pub fn created_at(&self) -> Option<SystemTime> {
        self.created.as_deref().and_then(date::instant)
    }

    /// When it expires, as the server wrote it (JSON if that is not text); `None` if it does not.
    pub fn expiry_date(&self) -> Option<&str> {
        self.expiry_date.as_deref()
    }

    /// When it expires; `None` too where that could not be read. A date without a time of day
    /// counts from its first moment in UTC.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expiry_date.as_deref().and_then(date::instant)
    }

    /// The address or range that it may be used from; `None` means any.
    pub fn ip(&self) -> Option<&str> {
        self.ip.as_deref()
    }

    /// The name of the user who created it.
    pub fn creator(&self) -> Option<&str> {
        self.creator.as_deref()
    }
}

impl ApplicationToken {
    /// Reads a row of the list. `None` if it has no id; any other field may be absent, or something
    /// else than expected.
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
            // Observed as null where there is none; an empty text means the same. What cannot be
            // read is a limit all the same.
            expiry_date: row.expiry_date.map(text_or_json).filter(|date| !date.is_empty()),
            ip: row.ip.map(text_or_json).filter(|ip| !ip.is_empty()),
            creator: row.creator.and_then(name),
        })
    }
}

/// Reads an object; an array of the same values is none.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    json.starts_with('{').then(|| serde_json::from_str(json).ok())?
}

fn text(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get()).ok()
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
            ApplicationTokenStatus::Activated => f.write_str("Activated"),
            ApplicationTokenStatus::Revoked => f.write_str("Revoked"),
            ApplicationTokenStatus::Other(id) => write!(f, "status {id}"),
        }
    }
}

/// What a new application token shall be like. Everything is optional; an expiry and an address
/// restriction limit what a stolen one is good for.
///
/// The values are checked by [`ApplicationTokens::create`](crate::ApplicationTokens::create),
/// before anything is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it is a description; `create` makes the token"]
pub struct NewApplicationToken {
    pub(crate) description: Option<String>,
    pub(crate) expiry_date: Option<ExpiryDate>,
    pub(crate) ip: Option<String>,
}

impl NewApplicationToken {
    /// A token with no label that does not expire and may be used from anywhere.
    pub fn new() -> Self {
        NewApplicationToken::default()
    }

    /// A label, at most 1,024 bytes, without control characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// When it shall expire: a date, an instant in RFC 3339, or a `SystemTime`; in the future.
    pub fn expiry_date(mut self, expiry_date: impl Into<ExpiryDate>) -> Self {
        self.expiry_date = Some(expiry_date.into());
        self
    }

    /// The one address, or the range in CIDR notation, that it may be used from; IPv4 or IPv6.
    pub fn ip(mut self, ip: impl Into<String>) -> Self {
        self.ip = Some(ip.into());
        self
    }
}

/// A change to an application token; what is not set stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it is a description; `update` makes the change"]
pub struct ApplicationTokenUpdate {
    pub(crate) description: Option<String>,
}

impl ApplicationTokenUpdate {
    /// A change of nothing, to be filled.
    pub fn new() -> Self {
        ApplicationTokenUpdate::default()
    }

    /// A new label, at most 1,024 bytes, without control characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// An application token that was just created. Its value is shown this once: store it before this
/// is dropped.
#[derive(Debug, Clone)]
#[must_use = "this holds the only copy of the application token"]
pub struct CreatedApplicationToken {
    pub(crate) value: Secret,
    pub(crate) id: Option<u64>,
}

impl CreatedApplicationToken {
    /// The application token itself.
    pub fn reveal(&self) -> &str {
        self.value.reveal()
    }

    /// Its id, by which it can be revoked; `None` if the server did not tell it and the list left
    /// doubt, in which case the list shows it by its description.
    pub fn id(&self) -> Option<u64> {
        self.id
    }
}

/// To follow "cannot" in a message.
pub(crate) const LIST: &str = "list the application tokens";

/// For a list over all its pages: the decoded bodies, and the rows that are kept of them. A workspace
/// with 100,000 application tokens needs half of it; a lying server gets no more.
const LONGEST_LIST: usize = 64 * 1024 * 1024;

/// Reads all rows, each once. `fetch` gets the query of a page. A row without an id is passed over,
/// since no call can name it.
pub(crate) fn list(
    fetch: impl Fn(&[(&str, String)]) -> Result<Page>,
) -> Result<Vec<ApplicationToken>> {
    let size = Cell::new(0_usize);
    let grow = |bytes| {
        size.set(size.get().saturating_add(bytes));
        if size.get() > LONGEST_LIST {
            return Err(json::nonsense(LIST, "the list is longer than 64 MiB"));
        }
        Ok(())
    };
    let fetch = |page: u64| {
        // The first page is asked for plainly: the list may have no pages at all.
        let query = [("page", page.to_string())];
        let page = fetch(if page == 1 { &[] } else { &query })?;
        grow(page.body.len())?;
        Ok(page)
    };
    let mut rows = Vec::new();
    let mut paging = Paging::new(LIST, None);
    while !paging.ended {
        paging.next_page(fetch, |row| {
            if let Some(row) = ApplicationToken::read(row) {
                grow(size_of::<ApplicationToken>())?;
                rows.push(row);
            }
            Ok(())
        })?;
    }
    Ok(rows)
}
