//! Chooses a store by a location given as text.

use std::env;
use std::path::PathBuf;
#[cfg(feature = "redis")]
use std::sync::Arc;

use crate::store::Store;
#[cfg(feature = "redis")]
use crate::store::redis::Redis;
use crate::types::error::{Error, Result};

/// The environment variable with the user's directory.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

impl Store {
    /// Keeps the session at a location given as text: in Redis for a URL that starts with
    /// `redis://`, `rediss://` or `redis+unix://`, otherwise in a directory. `~/` at the beginning
    /// is the directory in the environment variable `HOME`. For settings from a file or a user.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a URL that this build does not support, or if `HOME` is needed and not
    /// set.
    pub fn at(location: &str) -> Result<Self> {
        Store::named("store", location)
    }

    /// Like [`Store::at`], for a location from the setting `name`.
    pub(crate) fn named(name: &str, location: &str) -> Result<Self> {
        let refuse = |problem: &str| Err(Error::invalid_input(name, problem));
        match location.split_once("://") {
            #[cfg(feature = "redis")]
            Some(("redis" | "rediss" | "redis+unix", _)) => {
                Ok(Store(Some(Arc::new(Redis::new(name, location)?))))
            }
            #[cfg(not(feature = "redis"))]
            Some(("redis" | "rediss" | "redis+unix", _)) => {
                refuse("this build does not support Redis")
            }
            Some(_) => refuse("is neither a directory nor a URL such as redis://host:6379/0"),
            None => match (location.strip_prefix('~'), env::var_os(HOME)) {
                (None, _) => Ok(Store::directory(location)),
                (Some(rest), _) if !(rest.is_empty() || rest.starts_with('/')) => {
                    refuse("begins with ~, but only ~/ is supported; write the whole path")
                }
                (Some(rest), Some(home)) if !home.is_empty() => {
                    Ok(Store::directory(PathBuf::from(home).join(rest.trim_start_matches('/'))))
                }
                _ => refuse(&format!("begins with ~, but {HOME} is not set; write the whole path")),
            },
        }
    }
}
