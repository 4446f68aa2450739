//! The second part of a rotation: puts the new application token into use and revokes the old one.
//! Each step can be repeated. If the new one is refused permanently, the old one is restored.

use std::error::Error as StdError;
use std::time::Duration;

use super::plan::ignored;
use super::prepare::{Successor, is_refusal};
use super::{Rotator, refused_for_now, stopped};
use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::bodies::UpdateApplicationToken;
use crate::http::status_error;
use crate::rotation::options::{RotateOptions, Rotation};
use crate::sign_in::credential::TokenFile;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal::{
    self, Entry, Orphan, Plan, Preparing, PreparingStep, Switching,
};
use crate::sys::clock::is_before_release;
use crate::types::auth_token::AuthToken;
use crate::types::date;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::EventKind;
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

impl Rotator<'_> {
    /// Continues from the journal entry of the new application token.
    pub(super) fn switch(&self, successor: Successor) -> Result<Rotation> {
        let Successor { token, key, mut entry, auth_token: mut proof } = successor;
        let expires_at = entry.plan.expiry_date.as_deref().and_then(date::instant);
        self.transport.session.learn_expiry(key.name(), expires_at);
        let RotateOptions { hand_over, read_back, .. } = self.options;
        // After a grace period, this may be another function than the one that was called before it.
        let again = entry.plan.grace_seconds != 0 && hand_over.is_some() && read_back.is_none();
        loop {
            let state = entry.state;
            let next = match state {
                RotationState::Committed => self.hand_over(&token, &entry, &mut proof),
                RotationState::Grace => match self.grace_left(&key, &mut entry) {
                    Ok(Some(left)) => {
                        self.transport.session.use_credential(key.name());
                        return Ok(Rotation { grace_left: Some(left), ..self.result(&entry) });
                    }
                    Ok(None) => Ok(RotationState::Revoking),
                    Err(error) => Err(error),
                },
                RotationState::Revoking => {
                    let kept = match again {
                        true => self.hand_over(&token, &entry, &mut proof),
                        false => Ok(state),
                    };
                    kept.and_then(|_| self.revoke_old(&token, &key, &mut entry))
                }
                _ => {
                    self.transport.session.use_credential(key.name());
                    return Ok(self.result(&entry));
                }
            };
            entry.state = match next {
                Ok(next) => {
                    // It works: an earlier refusal was not permanent.
                    entry.plan.refused_since = None;
                    next
                }
                Err(error) if error.kind() != ErrorKind::Rejected => {
                    return Err(stopped(entry.state, error));
                }
                Err(error) if self.is_permanent(&error, &mut entry.plan) => {
                    return Err(self.fall_back(&token, entry, error));
                }
                Err(error) => {
                    self.write_switching(&key, entry).map_err(|error| stopped(state, error))?;
                    return Err(refused_for_now(state, error));
                }
            };
            if entry.state == RotationState::Grace {
                entry.grace_since = Some(self.timestamp());
            }
            entry = self.write_switching(&key, entry).map_err(|error| stopped(state, error))?;
            if entry.state == RotationState::Done {
                self.report_old_token(&entry)?;
            }
        }
    }

    /// Stores the new application token where the next start of the program finds it, once it has
    /// worked.
    fn hand_over(
        &self,
        new: &Secret,
        entry: &Switching,
        proof: &mut Option<AuthToken>,
    ) -> Result<RotationState> {
        self.sign_in_once(new, proof)?;
        match (&self.options.hand_over, self.transport.session.credential_file()) {
            (Some(take), _) => take(new).map_err(|error| {
                failed("hand_over did not store the new application token", error, new, entry)
            })?,
            (None, Some(file)) => self.write_to_file(file, new, entry)?,
            (None, None) => {} // `check` refuses this.
        }
        Ok(match entry.plan.grace_seconds {
            0 => RotationState::Revoking,
            _ => RotationState::Grace,
        })
    }

    /// Writes the new application token to the credential file. A token that another program wrote
    /// there meanwhile is not overwritten.
    fn write_to_file(&self, file: &TokenFile, new: &Secret, entry: &Switching) -> Result<()> {
        // A file that cannot be read, or contains no token, can be replaced.
        let Ok(found) = file.read_back() else { return file.replace(None, new) };
        if found == *new {
            return Ok(());
        }
        if self.newest(&found)? == *new {
            return file.replace(Some(&found), new);
        }
        let message = format!(
            "another program wrote another application token to the credential file, which was not \
             overwritten; revoke {} and {} if they are not in use",
            entry.plan.old_id, entry.new_id
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Returns what is left of the grace period; `None` if it is over.
    fn grace_left(&self, key: &EntryKey, entry: &mut Switching) -> Result<Option<Duration>> {
        let clock = &*self.transport.clock;
        let grace = Duration::from_secs(entry.plan.grace_seconds);
        let now = self.transport.session.now();
        let since = entry.grace_since.as_ref();
        let Some(elapsed) = since.and_then(|since| since.elapsed(now, clock)) else {
            // How much has passed is unknown. It begins again once the clock can be trusted.
            if !is_before_release(clock.wall()) {
                entry.grace_since = Some(self.timestamp());
                rotation_journal::write(self.store(), key, &Entry::Switching(entry.clone()))?;
            }
            return Ok(Some(grace));
        };
        Ok(grace.checked_sub(elapsed).filter(|left| !left.is_zero()))
    }

    /// Returns the application token that the next start of the program will find.
    fn read_back(&self, new: &Secret, entry: &Switching) -> Result<Secret> {
        let RotateOptions { hand_over, read_back, .. } = self.options;
        match (hand_over, read_back, self.transport.session.credential_file()) {
            (None, _, Some(file)) => {
                self.write_to_file(file, new, entry)?;
                file.read_back()
            }
            (_, Some(read), _) => match read() {
                Ok(kept) => Ok(Secret::from(kept.reveal().trim())),
                Err(error) => {
                    let what = "read_back did not return the new application token";
                    Err(failed(what, error, new, entry))
                }
            },
            _ => self.newest(&self.given),
        }
    }

    /// Reads the new application token back, signs in with it again, and revokes the old one with
    /// that auth token.
    fn revoke_old(
        &self,
        new: &Secret,
        key: &EntryKey,
        entry: &mut Switching,
    ) -> Result<RotationState> {
        let session = &self.transport.session;
        let kept = self.read_back(new, entry).and_then(|kept| {
            if kept == *new && entry.plan.old_id != entry.new_id {
                return Ok(());
            }
            let message = "nothing was revoked, because the application token that was read back is \
                           not the new one";
            Err(Error::new(ErrorKind::Conflict, message))
        });
        if kept.is_err() && self.options.read_back.is_some() {
            // The next call hands it over again.
            entry.state = RotationState::Committed;
            self.write_switching(key, entry.clone())?;
        }
        kept?;
        let requested_at = session.now();
        let auth_token = self.exchange(new, "new")?;
        entry.plan.keep_old = self.keeps_old(&entry.plan);
        if !entry.plan.keep_old {
            match self.revoke_and_confirm(&auth_token, entry.plan.old_id) {
                // Repeating is useless and would block this rotation: the next one tries again.
                Err(error) if is_refusal(&error) && error.kind() != ErrorKind::Rejected => {
                    entry.plan.orphans.push(Orphan::row(entry.plan.old_id));
                }
                revoked => revoked?,
            }
        }
        if !entry.plan.orphans.is_empty() {
            let rows = self.list_with(&auth_token)?;
            self.revoke_orphans(&mut entry.plan.orphans, entry.new_id, &rows, &auth_token)?;
        }
        session.continue_with(&auth_token, key, requested_at, &self.transport.wait());
        entry.old_value = None;
        // The stored session of the old token is useless, but harmless if it stays.
        let _ = self.store().forget(&entry.old);
        Ok(RotationState::Done)
    }

    /// Revokes an application token. After an error, checks in the list whether it is revoked.
    fn revoke_and_confirm(&self, auth_token: &AuthToken, id: u64) -> Result<()> {
        let Err(error) = self.change_with(auth_token, id, &UpdateApplicationToken::revoke()) else {
            return Ok(());
        };
        let rows = self.list_with(auth_token).map_err(|_| error.clone())?;
        match rows.iter().find(|row| row.id() == id) {
            Some(row) if row.status() == Some(ApplicationTokenStatus::Revoked) => Ok(()),
            Some(row) if has_expired(row, auth_token) => Ok(()),
            None if error.kind() == ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }
    }

    /// Whether this call, or the one that began the rotation, keeps the old application token.
    pub(super) fn keeps_old(&self, plan: &Plan) -> bool {
        plan.keep_old || self.options.keep_old
    }

    /// Reports that the old application token still works although the rotation is done: an event
    /// if it was kept on purpose, an error if the server does not allow to revoke it.
    fn report_old_token(&self, entry: &Switching) -> Result<()> {
        if entry.plan.keep_old {
            let message = format!(
                "application token {} still works beside {}, which replaces it; revoke it when it \
                 is no longer used",
                entry.plan.old_id, entry.new_id
            );
            let error = Error::new(ErrorKind::Rotation, "");
            let error = error.stopping_rotation(RotationState::Done, message);
            self.transport.session.report(EventKind::OldTokenKept, error);
            return Ok(());
        }
        let is_old = |orphan: &Orphan| orphan.id == Some(entry.plan.old_id);
        if !entry.plan.orphans.iter().any(is_old) {
            return Ok(());
        }
        let message = format!(
            "the new application token is in use, but the server refused to revoke the old one, \
             {}; revoke it by hand, or rotate again later to retry",
            entry.plan.old_id
        );
        let error = Error::new(ErrorKind::Rotation, message.clone());
        Err(error.stopping_rotation(RotationState::Revoking, message))
    }

    /// Gives the rotation up, because the new application token was revoked or may not be used from
    /// here. Uses the old one again, if it still works.
    fn fall_back(&self, new: &Secret, entry: Switching, cause: Error) -> Error {
        let state = entry.state;
        match self.restore(new, entry) {
            Ok(()) => {
                let message = format!(
                    "the rotation was given up and the old application token is in use again: \
                     {cause}"
                );
                cause.stopping_rotation(state, message)
            }
            Err(_) => stopped(state, cause),
        }
    }

    fn restore(&self, new: &Secret, entry: Switching) -> Result<()> {
        let session = &self.transport.session;
        let Some(old) = entry.old_value.as_ref().map(|old| Secret::from(old.as_str())) else {
            let message = "the old application token is revoked";
            return Err(Error::new(ErrorKind::Rotation, message));
        };
        self.exchange(&old, "old")?;
        let key = session.entry_key(&old)?;
        if let Some(file) = session.credential_file() {
            if file.read_back().is_ok_and(|found| found == *new) {
                file.replace(Some(new), &old)?;
            }
        }
        let mut plan = entry.plan;
        plan.orphans.push(Orphan::row(entry.new_id));
        let preparing = Preparing { step: PreparingStep::Idle, plan };
        rotation_journal::write(self.store(), &key, &Entry::Preparing(preparing))?;
        if self.newest(&self.given)? == *new {
            rotation_journal::lead(self.store(), &session.entry_key(&self.given)?, &old)?;
        }
        session.use_credential(key.name());
        Ok(())
    }

    fn result(&self, entry: &Switching) -> Rotation {
        Rotation {
            state: entry.state,
            old_id: entry.plan.old_id,
            new_id: entry.new_id,
            grace_left: None,
            adopted: false,
            old_kept: entry.plan.keep_old,
            ignored_options: ignored(self.options, &entry.plan),
        }
    }
}

/// Returns the error for a function of the program that failed with `error`.
fn failed(
    what: &str,
    error: Box<dyn StdError + Send + Sync>,
    new: &Secret,
    entry: &Switching,
) -> Error {
    let old = entry.old_value.as_ref().map_or("", |old| old.as_str());
    let why = status_error::clean(&error.to_string(), &[new.reveal(), old]);
    Error::new(ErrorKind::Rotation, format!("{what}: {why}")).caused_by(error)
}

/// Whether the application token had expired, by the server's clock, when the auth token was issued.
fn has_expired(row: &ApplicationToken, auth_token: &AuthToken) -> bool {
    let now = auth_token.claims().issued_at.map(Duration::from_secs);
    let now = now.map(|now| std::time::SystemTime::UNIX_EPOCH + now);
    row.expires_at().zip(now).is_some_and(|(expiry, now)| expiry <= now)
}
