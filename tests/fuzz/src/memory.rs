//! A store whose entries a check can read and damage.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use emnify_core::{Backend, Lock, Store};

/// The entries of a store, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(pub(crate) Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Memory {
    /// Returns a store with these entries.
    pub(crate) fn store(&self) -> Store {
        let own: Arc<dyn Backend> = Arc::new(self.clone());
        Store::directory("fuzz").with_backend(|_| own)
    }
}

impl Backend for Memory {
    fn location(&self) -> String {
        "fuzz".into()
    }

    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        self.remove(name)
    }

    /// Only one client at a time uses the store.
    fn try_lock(&self, _name: &str) -> io::Result<Option<Lock>> {
        Ok(Some(Box::new(())))
    }
}
