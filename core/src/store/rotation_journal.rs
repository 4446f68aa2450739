//! The journal of rotations, in which each step is written down before it is taken. Each
//! application token has its own entry, encrypted with a key derived from the token. The entry of
//! the old token describes the preparation of the new one, and then leads to it. The entry of the
//! new token describes the steps that remain.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::api::fields::Fields;
use crate::api::json;
use crate::store::Store;
use crate::store::encryption::EntryKey;
use crate::sys::timestamp::Timestamp;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// The purpose that the entries are encrypted for.
const PURPOSE: &str = "rotation";

/// The version of an entry's layout.
const VERSION: u32 = 3;

/// The entry of one application token.
#[derive(Serialize)]
pub(crate) enum Entry {
    /// The token is being replaced.
    Preparing(Preparing),
    /// The token was replaced by this one.
    Successor(Zeroizing<String>),
    /// The token replaces another one.
    Switching(Switching),
}

/// The state of a rotation until the new application token is the one to use.
#[derive(Serialize)]
pub(crate) struct Preparing {
    pub(crate) step: PreparingStep,
    pub(crate) plan: Plan,
}

/// The steps until then.
#[derive(Serialize, Clone)]
pub(crate) enum PreparingStep {
    /// No creation is under way: the server refused it, or the new token was given up.
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

/// The state of a rotation since the new application token is the one to use.
#[derive(Serialize, Clone)]
pub(crate) struct Switching {
    /// From `Committed` on.
    #[serde(serialize_with = "write_state")]
    pub(crate) state: RotationState,
    pub(crate) plan: Plan,
    /// The old token, kept until it is revoked in case the new one fails.
    pub(crate) old_value: Option<Zeroizing<String>>,
    /// The old token's name in the store.
    pub(crate) old: String,
    pub(crate) new_id: u64,
    /// When the grace period began.
    pub(crate) grace_since: Option<Timestamp>,
}

/// Which application token replaces which.
#[derive(Serialize, Clone)]
pub(crate) struct Plan {
    pub(crate) old_id: u64,
    /// The old token's id according to its auth token, and according to the caller.
    pub(crate) hinted: Option<u64>,
    pub(crate) named: Option<u64>,
    /// The properties of the new token.
    pub(crate) description: String,
    pub(crate) expiry_date: Option<String>,
    /// The lifetime from which the caller had the date computed.
    pub(crate) expires_in: Option<Duration>,
    pub(crate) ip: Option<String>,
    pub(crate) grace_seconds: u64,
    /// The marker in the new token's description, by which its row is found.
    pub(crate) marker: String,
    /// Since when the new token has been refused. Not every server may know a new token at once, so
    /// one refusal is not final.
    pub(crate) refused_since: Option<Timestamp>,
    pub(crate) orphans: Vec<Orphan>,
    /// Whether the old token is kept instead of revoked.
    pub(crate) keep_old: bool,
}

/// An application token that may exist and must be revoked.
#[derive(Serialize, Clone)]
pub(crate) struct Orphan {
    pub(crate) marker: Option<String>,
    /// The id of its row, if one was found.
    pub(crate) id: Option<u64>,
    /// The time from which the list must contain it, if it exists.
    pub(crate) since: Option<Timestamp>,
}

impl Orphan {
    /// Returns the orphan with that marker, which may not exist.
    pub(crate) fn marked(marker: &str) -> Self {
        Orphan { marker: Some(marker.to_owned()), id: None, since: None }
    }

    /// Returns the orphan with that id.
    pub(crate) fn row(id: u64) -> Self {
        Orphan { marker: None, id: Some(id), since: None }
    }
}

impl PreparingStep {
    /// Returns the public state of this step.
    pub(crate) fn state(&self) -> RotationState {
        match self {
            PreparingStep::Idle | PreparingStep::Intent => RotationState::Intent,
            PreparingStep::Created { .. } => RotationState::Created,
            PreparingStep::Identified { .. } => RotationState::Identified,
        }
    }
}

/// An entry and the version of its layout.
#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    entry: &'a Entry,
}

/// The names of states in an entry. They never change, since a journal outlives a version.
const STATES: [(&str, RotationState); 7] = [
    ("Intent", RotationState::Intent),
    ("Created", RotationState::Created),
    ("Identified", RotationState::Identified),
    ("Committed", RotationState::Committed),
    ("Grace", RotationState::Grace),
    ("Revoking", RotationState::Revoking),
    ("Done", RotationState::Done),
];

fn write_state<S: Serializer>(
    state: &RotationState,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    STATES.iter().find(|(_, named)| named == state).map(|(name, _)| name).serialize(to)
}

fn read_state(name: &str) -> Option<RotationState> {
    STATES.iter().find(|(known, _)| *known == name).map(|(_, state)| *state)
}

impl Entry {
    fn read(mut entry: Fields) -> Option<Self> {
        if let Some(successor) = entry.secret("Successor") {
            return Some(Entry::Successor(successor));
        }
        if let Some(mut preparing) = entry.object("Preparing") {
            let plan = Plan::read(preparing.object("plan")?)?;
            let step = PreparingStep::read(preparing)?;
            return Some(Entry::Preparing(Preparing { step, plan }));
        }
        let mut switching = entry.object("Switching")?;
        Some(Entry::Switching(Switching {
            state: read_state(&switching.text("state")?)?,
            plan: Plan::read(switching.object("plan")?)?,
            old_value: switching.secret("old_value"),
            old: switching.text("old")?,
            new_id: switching.number("new_id")?,
            grace_since: switching.timestamp("grace_since"),
        }))
    }
}

impl PreparingStep {
    fn read(mut preparing: Fields) -> Option<Self> {
        match preparing.text("step").as_deref() {
            Some("Idle") => return Some(PreparingStep::Idle),
            Some("Intent") => return Some(PreparingStep::Intent),
            _ => {}
        }
        let mut step = preparing.object("step")?;
        if let Some(mut created) = step.object("Created") {
            return Some(PreparingStep::Created { value: created.secret("value")? });
        }
        let mut identified = step.object("Identified")?;
        let (value, id) = (identified.secret("value")?, identified.number("id")?);
        Some(PreparingStep::Identified { value, id })
    }
}

impl Plan {
    fn read(mut plan: Fields) -> Option<Self> {
        let orphans = plan.array("orphans").into_iter();
        Some(Plan {
            old_id: plan.number("old_id")?,
            hinted: plan.number("hinted"),
            named: plan.number("named"),
            description: plan.text("description")?,
            expiry_date: plan.text("expiry_date"),
            expires_in: plan.duration("expires_in"),
            ip: plan.text("ip"),
            grace_seconds: plan.number("grace_seconds")?,
            marker: plan.text("marker")?,
            refused_since: plan.timestamp("refused_since"),
            orphans: orphans
                .map(|orphan| Orphan::read(Fields::of(orphan)?))
                .collect::<Option<_>>()?,
            keep_old: plan.flag("keep_old")?,
        })
    }
}

impl Orphan {
    fn read(mut orphan: Fields) -> Option<Self> {
        Some(Orphan {
            marker: orphan.text("marker"),
            id: orphan.number("id"),
            since: orphan.timestamp("since"),
        })
    }
}

/// Reads the entry of the application token. If the caller holds the lock of rotations (`locked`),
/// a damaged entry is set aside.
pub(crate) fn read(store: &Store, key: &EntryKey, locked: bool) -> Result<Option<Entry>> {
    let Some(plain) = store.read(key, PURPOSE, locked)? else { return Ok(None) };
    let versioned = Fields::parse(&plain).filter(|entry| entry.small("version") == Some(VERSION));
    match versioned.and_then(|mut versioned| Entry::read(versioned.object("entry")?)) {
        Some(entry) => Ok(Some(entry)),
        None => {
            let message = "another version of this library wrote the journal of a rotation: finish \
                           the rotation with that version";
            Err(Error::new(ErrorKind::Store, message))
        }
    }
}

/// Writes the entry in place of the previous one. It is durable when this returns.
pub(crate) fn write(store: &Store, key: &EntryKey, entry: &Entry) -> Result<()> {
    store.write(key, PURPOSE, &json::body(&Versioned { version: VERSION, entry })?)
}

/// Records that the application token was replaced by `to`.
pub(crate) fn lead(store: &Store, from: &EntryKey, to: &Secret) -> Result<()> {
    write(store, from, &Entry::Successor(Zeroizing::new(to.reveal().to_owned())))
}

/// Returns the newest successor of the application token, or the token itself if it was not
/// rotated.
pub(crate) fn newest(store: &Store, token: &Secret, base_url: &str) -> Result<Secret> {
    if !store.is_durable() {
        return Ok(token.clone());
    }
    follow(token, |token| EntryKey::new(token, base_url), |key| read(store, key, false))
}

/// Follows the entries from each application token to its successor.
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
                let message = "the journal of rotations is damaged: its entries lead in a circle";
                return Err(Error::new(ErrorKind::Store, message));
            }
            _ => return Ok(newest),
        }
    }
}
