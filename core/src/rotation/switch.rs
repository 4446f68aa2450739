//! The way from an application token that is proved to work to where only that one does. Each step
//! may be taken again; if the new one turns out to be refused, there is a way back.

use std::time::Duration;

use super::plan::ignored;
use super::prepare::{New, is_final};
use super::{Rotator, refused_for_now, stopped};
use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::bodies::UpdateApplicationToken;
use crate::http::status_error;
use crate::rotation::options::Rotation;
use crate::sign_in::credential::TokenFile;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal::{
    self, Entry, Orphan, Plan, Preparing, PreparingStep, Switching,
};
use crate::sys::clock::is_before_release;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::EventKind;
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

impl Rotator<'_> {
    /// Goes on from the entry of the new application token.
    pub(super) fn switch(&self, new: New) -> Result<Rotation> {
        let New { token, key, mut entry, auth_token: mut proof } = new;
        loop {
            let state = entry.state;
            let next = match state {
                RotationState::Committed => self.hand_over(&token, &entry, &mut proof),
                RotationState::Grace => match self.grace_left(&key, &mut entry) {
                    Ok(Some(left)) => {
                        self.transport.session.use_credential(key.name());
                        return Ok(Rotation { grace_left: Some(left), ..self.came_to(&entry) });
                    }
                    Ok(None) => Ok(RotationState::Revoking),
                    Err(error) => Err(error),
                },
                RotationState::Revoking => self.revoke_old(&token, &key, &mut entry),
                _ => {
                    self.transport.session.use_credential(key.name());
                    return Ok(self.came_to(&entry));
                }
            };
            entry.state = match next {
                Ok(next) => {
                    // It has worked: what was refused before was not for good.
                    entry.plan.refused_since = None;
                    next
                }
                Err(error) if error.kind() != ErrorKind::Rejected => {
                    return Err(stopped(state, error));
                }
                Err(error) if self.is_for_good(&error, &mut entry.plan) => {
                    return Err(self.go_back(&token, entry, error));
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
                self.tell_of_the_old_one(&entry)?;
            }
        }
    }

    /// Puts the new one, which works, where the next start finds it.
    fn hand_over(
        &self,
        new: &Secret,
        entry: &Switching,
        proof: &mut Option<AuthToken>,
    ) -> Result<RotationState> {
        self.sign_in_once(new, proof)?;
        match (&self.options.hand_over, self.transport.session.credential_file()) {
            (Some(take), _) => take(new).map_err(|error| {
                let old = entry.old_value.as_ref().map_or("", |old| old.as_str());
                let why = status_error::clean(&error.to_string(), &[new.reveal(), old]);
                let message = format!("hand_over did not take the new application token: {why}");
                Error::new(ErrorKind::Rotation, message).caused_by(error)
            })?,
            (None, Some(file)) => self.put_into(file, new, entry)?,
            (None, None) => {} // Refused earlier.
        }
        Ok(match entry.plan.grace_seconds {
            0 => RotationState::Revoking,
            _ => RotationState::Grace,
        })
    }

    /// What somebody else put there meanwhile is not overwritten.
    fn put_into(&self, file: &TokenFile, new: &Secret, entry: &Switching) -> Result<()> {
        // What cannot be read, or holds no token, is nobody's choice.
        let Ok(found) = file.read_back() else { return file.replace(None, new) };
        if found == *new {
            return Ok(());
        }
        if self.newest(&found)? == *new {
            return file.replace(Some(&found), new);
        }
        let message = format!(
            "the credential file holds another application token by now, which stays there; revoke \
             {} and {} unless somebody uses them",
            entry.plan.old_id, entry.new_id
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// What is left of the grace period, if anything.
    fn grace_left(&self, key: &EntryKey, entry: &mut Switching) -> Result<Option<Duration>> {
        let clock = &*self.transport.clock;
        let grace = Duration::from_secs(entry.plan.grace_seconds);
        let now = self.transport.session.now();
        let since = entry.grace_since.as_ref();
        let Some(elapsed) = since.and_then(|since| since.elapsed(now, clock)) else {
            // Nobody knows how much has passed. It begins again with a clock that can be trusted.
            if !is_before_release(clock.wall()) {
                entry.grace_since = Some(self.timestamp());
                rotation_journal::write(self.store(), key, &Entry::Switching(entry.clone()))?;
            }
            return Ok(Some(grace));
        };
        Ok(grace.checked_sub(elapsed).filter(|left| !left.is_zero()))
    }

    /// Reads the new one back, signs in with it once more, and with that revokes the old one.
    fn revoke_old(
        &self,
        new: &Secret,
        key: &EntryKey,
        entry: &mut Switching,
    ) -> Result<RotationState> {
        let session = &self.transport.session;
        let kept = match (&self.options.hand_over, session.credential_file()) {
            (None, Some(file)) => {
                self.put_into(file, new, entry)?;
                file.read_back()?
            }
            _ => self.newest(&self.given)?,
        };
        if kept != *new || entry.plan.old_id == entry.new_id {
            let message = "another application token was read back than the new one; nothing was \
                           revoked";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let requested_at = session.now();
        let auth_token = self.exchange(new, "new")?;
        entry.plan.keep_old = self.keeps_old(&entry.plan);
        if !entry.plan.keep_old {
            match self.revoke_for_certain(&auth_token, entry.plan.old_id) {
                // It will not do another time either: the next rotation is not to wait for it.
                Err(error) if is_final(&error) && error.kind() != ErrorKind::Rejected => {
                    entry.plan.orphans.push(Orphan::row(entry.plan.old_id));
                }
                revoked => revoked?,
            }
        }
        if !entry.plan.orphans.is_empty() {
            let rows = self.list_with(&auth_token)?;
            self.sweep(&mut entry.plan.orphans, entry.new_id, &rows, &auth_token)?;
        }
        session.continue_with(&auth_token, key.name(), requested_at);
        entry.old_value = None;
        // What the old one's session leaves behind is of no more use, and no harm.
        let _ = self.store().forget(&entry.old);
        Ok(RotationState::Done)
    }

    /// Where the answer leaves doubt, the list tells.
    fn revoke_for_certain(&self, auth_token: &AuthToken, id: u64) -> Result<()> {
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

    /// Whether this call, or the one that began the rotation, leaves the old one alone.
    pub(super) fn keeps_old(&self, plan: &Plan) -> bool {
        plan.keep_old || self.options.keep_old
    }

    /// The rotation is done, and the next one can begin; but somebody should know.
    fn tell_of_the_old_one(&self, entry: &Switching) -> Result<()> {
        if entry.plan.keep_old {
            let message = format!(
                "application token {} goes on working beside {}, which replaces it: revoke it when \
                 it is no longer used",
                entry.plan.old_id, entry.new_id
            );
            let error = Error::new(ErrorKind::Rotation, message);
            self.transport.session.report(EventKind::OldTokenKept, error);
            return Ok(());
        }
        let is_it = |orphan: &Orphan| orphan.id == Some(entry.plan.old_id);
        if !entry.plan.orphans.iter().any(is_it) {
            return Ok(());
        }
        let message = format!(
            "the new application token is in use, but the server does not let the old one, {}, be \
             revoked: revoke it by hand; the next rotation tries again",
            entry.plan.old_id
        );
        let error = Error::new(ErrorKind::Rotation, message.clone());
        Err(error.stopping_rotation(RotationState::Revoking, message))
    }

    /// Somebody revoked the new one, or it may not be used from here: the old one is the one to use
    /// again, if it still works.
    fn go_back(&self, new: &Secret, entry: Switching, cause: Error) -> Error {
        let state = entry.state;
        match self.restore(new, entry) {
            Ok(()) => {
                let message = format!(
                    "the rotation was given up, the old application token is in use again: {cause}"
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

    fn came_to(&self, entry: &Switching) -> Rotation {
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

/// By the server's clock.
fn has_expired(row: &ApplicationToken, auth_token: &AuthToken) -> bool {
    let now = auth_token.claims().issued_at.map(Duration::from_secs);
    let now = now.map(|now| std::time::SystemTime::UNIX_EPOCH + now);
    row.expires_at().zip(now).is_some_and(|(expiry, now)| expiry <= now)
}
