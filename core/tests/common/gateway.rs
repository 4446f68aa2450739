//! A gateway for the tests of rotation.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use emnify_core::{Client, ClientBuilder, Event, EventKind, RotateOptions, Rotation, Store};
use emnify_sandbox::{NewToken, Sandbox};

use crate::common::{Scratch, builder_without_token};

/// A gateway with its application token in a file, and a store.
pub struct Gateway<'a> {
    pub sandbox: &'a Sandbox,
    pub scratch: Scratch,
    pub old_id: u64,
    pub old: String,
}

impl<'a> Gateway<'a> {
    pub fn new(sandbox: &'a Sandbox, name: &str) -> Self {
        let new = NewToken {
            description: Some("gateway 7".into()),
            expiry_date: Some("2099-01-01T00:00:00.000+0000".into()),
            ip: Some("127.0.0.0/8".into()),
            ..NewToken::default()
        };
        Gateway::with(sandbox, name, new)
    }

    /// Creates a gateway with an application token that has these properties.
    pub fn with(sandbox: &'a Sandbox, name: &str, new: NewToken) -> Self {
        let (old_id, old) = sandbox.add_application_token(new);
        let scratch = Scratch::new(&format!("rotation-{name}"));
        fs::write(scratch.0.join("token"), &old).unwrap();
        Gateway { sandbox, scratch, old_id, old }
    }

    pub fn file(&self) -> PathBuf {
        self.scratch.0.join("token")
    }

    pub fn held(&self) -> String {
        fs::read_to_string(self.file()).unwrap().trim().to_owned()
    }

    pub fn store(&self) -> Store {
        Store::directory(self.scratch.0.join("store"))
    }

    pub fn builder(&self) -> ClientBuilder {
        builder_without_token(self.sandbox).application_token_file(self.file()).store(self.store())
    }

    /// Returns a builder that has the token as text instead of in a file.
    pub fn text_builder(&self) -> ClientBuilder {
        builder_without_token(self.sandbox).application_token(&*self.old).store(self.store())
    }

    pub fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub fn is_active(&self, id: u64) -> bool {
        self.sandbox.application_tokens().iter().any(|row| row.id == id && !row.revoked)
    }

    /// Returns the ids of the tokens that work, without the one that every sandbox has.
    pub fn active(&self) -> Vec<u64> {
        let first = self.sandbox.application_token();
        let rows = self.sandbox.application_tokens();
        rows.iter().filter(|row| !row.revoked && row.value != first).map(|row| row.id).collect()
    }
}

pub fn rotate(client: &Client) -> emnify_core::Result<Rotation> {
    client.application_tokens().rotate(&RotateOptions::new())
}

/// Returns an observer that collects the kinds of events, and the collection.
pub fn collector() -> (impl Fn(&Event) + Send + Sync + 'static, Arc<Mutex<Vec<EventKind>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    (move |event: &Event| into.lock().unwrap().push(event.kind()), seen)
}

/// Returns the paths of the gateway's journal entries.
pub fn entries(gateway: &Gateway<'_>) -> Vec<PathBuf> {
    let Ok(directory) = fs::read_dir(gateway.scratch.0.join("store")) else { return Vec::new() };
    let paths = directory.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "rotation")).collect()
}
