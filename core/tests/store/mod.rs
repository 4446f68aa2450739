//! A session survives its process, and continues if its store fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use emnify_core::{Client, ClientBuilder, EventKind, Store, SystemClock};
use emnify_sandbox::Sandbox;

use crate::common::builder;

mod directory;
#[cfg(unix)]
mod processes;
#[cfg(all(feature = "redis", unix))]
mod redis;
#[cfg(all(feature = "redis", unix))]
mod redis_access;
#[cfg(all(feature = "redis", unix))]
mod redis_faults;
#[cfg(all(feature = "redis", unix))]
mod redis_hostile;

fn with_store(sandbox: &Sandbox, path: &Path) -> Client {
    builder(sandbox).store(Store::directory(path)).clock(Arc::new(SystemClock)).build().unwrap()
}

/// Builds a client, and returns it with the problems that it reports about its store.
fn watched(builder: ClientBuilder) -> (Client, Arc<Mutex<Vec<String>>>) {
    let reports = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&reports);
    let client = builder.observer(move |event| {
        if event.kind() == EventKind::StoreError {
            seen.lock().unwrap().push(event.to_string());
        }
    });
    (client.build().unwrap(), reports)
}

/// Returns the files in the store's directory except the lock files.
fn files(path: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_none_or(|e| e != "lock")).collect()
}
