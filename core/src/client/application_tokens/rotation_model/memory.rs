//! A store in memory whose process can be killed.

use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use crate::store::Store;
use crate::store::backend::{Backend, Lock};

pub(super) type Entries = BTreeMap<String, Vec<u8>>;

/// Entries in memory that count as durable.
#[derive(Debug)]
struct Memory {
    entries: Arc<Mutex<Entries>>,
    /// How many entries of the journal were written.
    written: Arc<Mutex<usize>>,
    kill: Option<(usize, bool)>,
}

/// What a run that is killed unwinds with.
pub(super) struct Killed;

impl Backend for Memory {
    fn location(&self) -> String {
        "memory".into()
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.entries.lock().unwrap().get(name).cloned())
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let is_killed = |after| {
            let written = *self.written.lock().unwrap();
            self.kill == Some((written, after)) && name.ends_with(".rotation")
        };
        *self.written.lock().unwrap() += usize::from(name.ends_with(".rotation"));
        if is_killed(false) {
            resume_unwind(Box::new(Killed));
        }
        self.entries.lock().unwrap().insert(name.into(), bytes.into());
        if is_killed(true) {
            resume_unwind(Box::new(Killed));
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.entries.lock().unwrap().remove(name);
        Ok(())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        panic!("{name} is damaged")
    }

    fn try_lock(&self, _: &str) -> io::Result<Option<Lock>> {
        Ok(Some(Box::new(())))
    }
}

/// Returns a store of these entries. `kill` is when its process is killed.
pub(super) fn store(
    entries: &Arc<Mutex<Entries>>,
    written: &Arc<Mutex<usize>>,
    kill: Option<(usize, bool)>,
) -> Store {
    let (entries, written) = (Arc::clone(entries), Arc::clone(written));
    Store::directory("unused").with_backend(|_| Arc::new(Memory { entries, written, kill }))
}
