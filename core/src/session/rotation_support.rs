//! What a rotation needs from its session: the credential, the store, exchanges that respect the
//! session's waits, and the change to another application token.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::session::Session;
use crate::session::backoff::error_while_backing_off;
use crate::session::state::{CachedToken, Refresh};
use crate::sign_in::credential::{Credential, Current, TokenFile};
use crate::store::Store;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorClass, ErrorKind, Result};
use crate::types::secret::Secret;

impl Session {
    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    /// Returns the name of the setting that the session signs in with.
    pub(crate) fn credential(&self) -> &'static str {
        match &self.parts.credential {
            Credential::ApplicationToken(_) => "application_token",
            Credential::ApplicationTokenFile(_) => "application_token_file",
            Credential::User(_) => "user",
            Credential::ApplicationTokenSource(_) => "application_token_source",
            Credential::Workspace(_) => "switch_workspace",
        }
    }

    /// Returns the credential file, if the application token is read from one.
    pub(crate) fn credential_file(&self) -> Option<&TokenFile> {
        match &self.parts.credential {
            Credential::ApplicationTokenFile(file) => Some(file),
            _ => None,
        }
    }

    /// Returns the application token that the client was given, which may have been rotated since;
    /// `None` if the session signs in with something else.
    pub(crate) fn given_application_token(&self) -> Result<Option<Secret>> {
        match self.parts.credential.current()? {
            (Current::ApplicationToken(token), _) => Ok(Some(token)),
            _ => Ok(None),
        }
    }

    /// Returns the newest successor of the application token, or the token itself if it was not
    /// rotated.
    pub(crate) fn newest(&self, token: &Secret) -> Result<Secret> {
        rotation_journal::newest(&self.parts.store, token, self.parts.http.base_url())
    }

    /// Derives the store's key and name for a credential.
    pub(crate) fn entry_key(&self, credential: &Secret) -> Result<EntryKey> {
        EntryKey::new(credential, self.parts.http.base_url())
    }

    /// Returns the cached auth token and when it was requested, if it is valid and was obtained
    /// with the credential of that name.
    pub(crate) fn auth_token_of(&self, name: &str) -> Option<(AuthToken, Duration)> {
        let state = self.state.load();
        let cached = state.cached.as_ref().filter(|cached| cached.credential == name)?;
        Some((state.valid(self.now())?.clone(), cached.requested_at))
    }

    /// Makes an exchange with the credential of that name, which need not be the session's own,
    /// unless an earlier failure delays it. A 429 and, for the session's own credential, a refusal
    /// delay the session's next attempt, too.
    pub(crate) fn exchange_within_budget(
        &self,
        name: &str,
        exchange: impl FnOnce() -> Result<AuthToken>,
    ) -> Result<AuthToken> {
        let state = self.state.load_full();
        let is_its_own = state.backoff.credential == name;
        let concerns_all = |error: &Error| error.class() == ErrorClass::Limited;
        let now = self.now();
        let until = match is_its_own {
            true => state.backoff.backing_off(now, || self.parts.credential.changed()),
            false => Some(state.backoff.verdict.limited_until).filter(|until| now < *until),
        };
        if let Some(until) = until {
            return Err(error_while_backing_off(&state, until.saturating_sub(now)));
        }
        self.calls_made.fetch_add(1, Ordering::Relaxed);
        exchange().inspect_err(|error| {
            let is_refused = matches!(error.kind(), ErrorKind::Rejected);
            if concerns_all(error) || (is_its_own && is_refused) {
                self.failed(error);
            }
        })
    }

    /// Returns the name of the credential that was used last; empty if none was.
    pub(crate) fn credential_in_use(&self) -> String {
        self.state.load().backoff.credential.clone()
    }

    /// Changes to the credential of that name. Waits and errors of another credential do not apply
    /// to it, except a 429; a valid auth token is still handed out.
    pub(crate) fn use_credential(&self, name: &str) {
        self.state.rcu(|state| match state.with_credential(name) {
            Some(fresh) => Arc::new(fresh),
            None => Arc::clone(state),
        });
    }

    /// Continues with an auth token that was obtained elsewhere with the credential of that key, and
    /// saves it for the next process.
    pub(crate) fn continue_with(
        &self,
        auth_token: &AuthToken,
        key: &EntryKey,
        requested_at: Duration,
        wait: &Wait,
    ) {
        let name = key.name();
        self.use_credential(name);
        let (now, draw) = (self.now(), self.parts.clock.jitter());
        let cached = CachedToken::new(auth_token.clone(), name, requested_at, draw);
        self.state.rcu(|state| state.succeeded(cached.clone(), Refresh::default(), now));
        if let Ok(lock) = self.lock_store(key, wait) {
            self.adopt(key, wait);
            self.save(key, &lock, wait);
        }
    }
}
