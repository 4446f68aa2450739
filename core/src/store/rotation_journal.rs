//! The journal of a rotation: what is about to be done, written down before it is done. Each
//! application token has an entry of its own, encrypted with a key derived from it. The entry of
//! the old one leads to the new one; from there on the new one's entry tells what is left to do.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::json;
use crate::store::Store;
use crate::store::encryption::EntryKey;
use crate::sys::timestamp::Timestamp;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// What the entries are encrypted for.
const PURPOSE: &str = "rotation";

/// The layout of an entry.
const VERSION: u32 = 2;

/// The entry of one application token.
#[derive(Serialize, Deserialize)]
pub(crate) enum Entry {
    /// It is being replaced.
    Preparing(Preparing),
    /// It was replaced, by this one.
    Successor(Zeroizing<String>),
    /// It replaces another one.
    Switching(Switching),
}

/// What is left to do until the new application token is the one to use.
#[derive(Serialize, Deserialize)]
pub(crate) struct Preparing {
    pub(crate) step: PreparingStep,
    pub(crate) plan: Plan,
}

/// The steps on the way there.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) enum PreparingStep {
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
pub(crate) struct Switching {
    /// From `Committed` on.
    pub(crate) state: RotationState,
    pub(crate) plan: Plan,
    /// To go back to, until it is revoked.
    pub(crate) old_value: Option<Zeroizing<String>>,
    /// The name under which the store knows the old one.
    pub(crate) old: String,
    pub(crate) new_id: u64,
    /// When the grace period began.
    pub(crate) grace_since: Option<Timestamp>,
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
    pub(crate) marker: String,
    /// Since when the new one is refused. What was created a moment ago may not be known
    /// everywhere, so once is not for good.
    pub(crate) refused_since: Option<Timestamp>,
    pub(crate) orphans: Vec<Orphan>,
    /// Whether the old one is left alone.
    #[serde(default)]
    pub(crate) keep_old: bool,
}

/// An application token that was made, perhaps, and shall not stay.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Orphan {
    pub(crate) marker: Option<String>,
    /// Its row, where one was seen.
    pub(crate) id: Option<u64>,
    /// From when on the list must show it, if it exists.
    #[serde(default)]
    pub(crate) since: Option<Timestamp>,
}

impl Orphan {
    /// One that bears that marker, if it was made at all.
    pub(crate) fn marked(marker: &str) -> Self {
        Orphan { marker: Some(marker.to_owned()), id: None, since: None }
    }

    /// The row of that id.
    pub(crate) fn row(id: u64) -> Self {
        Orphan { marker: None, id: Some(id), since: None }
    }
}

impl PreparingStep {
    /// How far it has come.
    pub(crate) fn state(&self) -> RotationState {
        match self {
            PreparingStep::Idle | PreparingStep::Intent => RotationState::Intent,
            PreparingStep::Created { .. } => RotationState::Created,
            PreparingStep::Identified { .. } => RotationState::Identified,
        }
    }
}

/// An entry, and what it was written with.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    entry: T,
}

/// Reads the entry of the application token. Who holds the lock of rotations has a damaged one set
/// aside.
pub(crate) fn read(store: &Store, key: &EntryKey, locked: bool) -> Result<Option<Entry>> {
    let Some(plain) = store.read(key, PURPOSE, locked)? else { return Ok(None) };
    match serde_json::from_slice::<Versioned<Entry>>(&plain) {
        Ok(Versioned { version: VERSION, entry }) => Ok(Some(entry)),
        _ => {
            let message = "the journal of a rotation is not of this version of the library: finish \
                           the rotation with the version that began it";
            Err(Error::new(ErrorKind::Store, message))
        }
    }
}

/// Writes the entry in place of the one that was there. It is durable when this returns.
pub(crate) fn write(store: &Store, key: &EntryKey, entry: &Entry) -> Result<()> {
    store.write(key, PURPOSE, &json::body(&Versioned { version: VERSION, entry })?)
}

/// Leads from one application token to the one that is to be used in its place.
pub(crate) fn lead(store: &Store, from: &EntryKey, to: &Secret) -> Result<()> {
    write(store, from, &Entry::Successor(Zeroizing::new(to.reveal().to_owned())))
}

/// The application token that is to be used in place of this one: itself, unless it was rotated.
pub(crate) fn newest(store: &Store, token: &Secret, base_url: &str) -> Result<Secret> {
    if !store.is_durable() {
        return Ok(token.clone());
    }
    follow(token, |token| EntryKey::new(token, base_url), |key| read(store, key, false))
}

/// Goes from each application token to its successor, as `read` finds it in the entries.
pub(crate) fn follow(
    token: &Secret,
    key: impl Fn(&Secret) -> Result<EntryKey>,
    read: impl Fn(&EntryKey) -> Result<Option<Entry>>,
) -> Result<Secret> {
    let (mut newest, mut passed) = (token.clone(), HashSet::new());
    loop {
        let key = key(&newest)?;
        match read(&key)? {
            Some(Entry::Successor(value)) if passed.insert(key.name().to_owned()) => {
                newest = Secret::from(value.as_str());
            }
            Some(Entry::Successor(_)) => {
                let message = "the journal of rotations leads in a circle";
                return Err(Error::new(ErrorKind::Store, message));
            }
            _ => return Ok(newest),
        }
    }
}
