//! What the program tells the process of the machine, and what that reports: a line of JSON each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Create the clients.
    Start(Settings),
    /// Call in several threads, and in forked children.
    Round(Round),
    /// Call without faults: everything must succeed.
    Recover { pass: u64, wall: i64 },
    /// Drop the clients.
    End,
}

/// What the clients are created with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) application_token: String,
    /// With the credential file, which contains another application token.
    pub(crate) directory: PathBuf,
    pub(crate) redis: Option<String>,
    /// What the wall clock shows.
    pub(crate) wall: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) seed: u64,
    /// Seconds that pass before it.
    pub(crate) pass: u64,
    /// What the wall clock is set to, if it is.
    pub(crate) wall: Option<i64>,
    /// Whether the clients are created again; with a reboot, also the clock.
    pub(crate) restart: bool,
    pub(crate) reboot: bool,
    pub(crate) rotate: bool,
    pub(crate) children: u32,
}

/// What happened.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// How far the steady clock has moved, in milliseconds.
    pub(crate) moved: u64,
    /// How often each result was returned: "ok" or a kind of error.
    pub(crate) results: BTreeMap<String, u64>,
    pub(crate) children: u64,
    pub(crate) killed: u64,
    pub(crate) rotations: u64,
    /// What must not happen.
    pub(crate) broken: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, other: Report) {
        self.moved += other.moved;
        for (result, count) in other.results {
            *self.results.entry(result).or_default() += count;
        }
        self.children += other.children;
        self.killed += other.killed;
        self.rotations += other.rotations;
        self.broken.extend(other.broken);
    }
}
