//! The journal of a rotation: what is about to be done, written down before it is done. Each
//! application token has a page of its own, sealed with a key derived from it. The page of the old
//! one leads to the new one; from there on the new one's page tells what is left to do.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::json;
use crate::store::Store;
use crate::store::encryption::Seal;
use crate::sys::timestamp::Moment;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// What the pages are sealed for.
const PURPOSE: &str = "rotation";

/// The layout of a page.
const VERSION: u32 = 1;

/// The page of one application token.
#[derive(Serialize, Deserialize)]
pub(crate) enum Page {
    /// It is being replaced.
    Leaving(Leaving),
    /// It was replaced, by this one.
    Successor(Zeroizing<String>),
    /// It replaces another one.
    Arriving(Arriving),
}

/// What is left to do until the new application token is the one to use.
#[derive(Serialize, Deserialize)]
pub(crate) struct Leaving {
    pub(crate) step: Leave,
    pub(crate) plan: Plan,
}

/// The steps on the way there.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) enum Leave {
    /// Nothing is under way: the server refused to create one, or the new one was given up.
    Idle,
    Intent,
    Created {
        value: Zeroizing<String>,
    },
    Identified {
        value: Zeroizing<String>,
        id: u64,
    },
}

/// What is left to do since then.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Arriving {
    /// From `Committed` on.
    pub(crate) state: RotationState,
    pub(crate) plan: Plan,
    /// To go back to, until it is revoked.
    pub(crate) old_value: Option<Zeroizing<String>>,
    /// The name under which the store knows the old one.
    pub(crate) old: String,
    pub(crate) new_id: u64,
    /// When the grace period began.
    pub(crate) grace_since: Option<Moment>,
}

/// What shall replace what.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Plan {
    pub(crate) old_id: u64,
    /// Which row the old one's auth token hinted at, and which one the caller named.
    pub(crate) hinted: Option<u64>,
    pub(crate) named: Option<u64>,
    /// What the new one shall be like.
    pub(crate) description: String,
    pub(crate) expiry_date: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) grace_seconds: u64,
    /// By which its row is found.
    pub(crate) mark: String,
    /// Since when the new one is refused. What was created a moment ago may not be known
    /// everywhere, so once is not for good.
    pub(crate) refused_since: Option<Moment>,
    pub(crate) orphans: Vec<Orphan>,
    /// Whether the old one is left alone.
    #[serde(default)]
    pub(crate) keep_old: bool,
}

/// An application token that was made, perhaps, and shall not stay.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Orphan {
    pub(crate) mark: Option<String>,
    /// Its row, where one was seen.
    pub(crate) id: Option<u64>,
    /// From when on the list must show it, if it exists.
    #[serde(default)]
    pub(crate) since: Option<Moment>,
}

impl Orphan {
    /// One that bears that marker, if it was made at all.
    pub(crate) fn marked(mark: &str) -> Self {
        Orphan { mark: Some(mark.to_owned()), id: None, since: None }
    }

    /// The row of that id.
    pub(crate) fn row(id: u64) -> Self {
        Orphan { mark: None, id: Some(id), since: None }
    }
}

impl Leave {
    /// How far it has come.
    pub(crate) fn state(&self) -> RotationState {
        match self {
            Leave::Idle | Leave::Intent => RotationState::Intent,
            Leave::Created { .. } => RotationState::Created,
            Leave::Identified { .. } => RotationState::Identified,
        }
    }
}

/// A page, and what it was written with.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    page: T,
}

/// Reads the page of the application token. Who holds the lock of rotations has a damaged one set
/// aside.
pub(crate) fn read(store: &Store, seal: &Seal, locked: bool) -> Result<Option<Page>> {
    let Some(plain) = store.read(seal, PURPOSE, locked)? else { return Ok(None) };
    match serde_json::from_slice::<Versioned<Page>>(&plain) {
        Ok(Versioned { version: VERSION, page }) => Ok(Some(page)),
        _ => {
            let message = "the journal of a rotation is not of this version of the library: finish \
                           the rotation with the version that began it";
            Err(Error::new(ErrorKind::Store, message))
        }
    }
}

/// Writes the page in place of the one that was there. It is durable when this returns.
pub(crate) fn write(store: &Store, seal: &Seal, page: &Page) -> Result<()> {
    store.write(seal, PURPOSE, &json::body(&Versioned { version: VERSION, page })?)
}

/// Leads from one application token to the one that is to be used in its place.
pub(crate) fn lead(store: &Store, from: &Seal, to: &Secret) -> Result<()> {
    write(store, from, &Page::Successor(Zeroizing::new(to.reveal().to_owned())))
}

/// The application token that is to be used in place of this one: itself, unless it was rotated.
pub(crate) fn newest(store: &Store, token: &Secret, base_url: &str) -> Result<Secret> {
    if !store.is_durable() {
        return Ok(token.clone());
    }
    follow(token, |token| Seal::new(token, base_url), |seal| read(store, seal, false))
}

/// Goes from each application token to its successor, as `read` finds it in the entries.
pub(crate) fn follow(
    token: &Secret,
    seal: impl Fn(&Secret) -> Result<Seal>,
    read: impl Fn(&Seal) -> Result<Option<Page>>,
) -> Result<Secret> {
    let (mut newest, mut passed) = (token.clone(), HashSet::new());
    loop {
        let seal = seal(&newest)?;
        match read(&seal)? {
            Some(Page::Successor(value)) if passed.insert(seal.name().to_owned()) => {
                newest = Secret::from(value.as_str());
            }
            Some(Page::Successor(_)) => {
                let message = "the journal of rotations leads in a circle";
                return Err(Error::new(ErrorKind::Store, message));
            }
            _ => return Ok(newest),
        }
    }
}
