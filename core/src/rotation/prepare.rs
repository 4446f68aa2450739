//! The first part of a rotation: creates a new application token and proves that it works. Until then
//! the old one stays in use, and the new one can be revoked.

use zeroize::Zeroizing;

use super::plan::no_id;
use super::{LIST_DELAYS, Rotator, stopped};
use crate::api::application_token::ApplicationToken;
use crate::api::bodies::{CreateApplicationToken, UpdateApplicationToken};
use crate::api::json;
use crate::api::rotation_marker;
use crate::api::validate;
use crate::session::policy::Need;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal::{
    self, Entry, Orphan, Plan, Preparing, PreparingStep, Switching,
};
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorClass, ErrorKind, Result};
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// Follows "cannot" in a message.
const FIND: &str = "find the new application token in the list";

/// HTTP 408. The server found the request too slow, but may still have carried it out.
const REQUEST_TIMEOUT: u16 = 408;

/// The new application token, once it is the one to use.
pub(super) struct Successor {
    pub(super) token: Secret,
    pub(super) key: EntryKey,
    pub(super) entry: Switching,
    /// The auth token with which it was proved to work, if this run did that.
    pub(super) auth_token: Option<AuthToken>,
}

impl Rotator<'_> {
    /// Continues from that journal entry of the old application token. Without an entry, begins a
    /// rotation, which revokes these orphans of an earlier one.
    pub(super) fn prepare(
        &self,
        token: &Secret,
        key: &EntryKey,
        entry: Option<Preparing>,
        orphans: Vec<Orphan>,
    ) -> Result<Successor> {
        let (mut step, mut plan) = match entry {
            Some(Preparing { step: PreparingStep::Intent, mut plan }) => {
                // If a token was created, its value is lost.
                plan.orphans.push(Orphan::marked(&plan.marker));
                let begun = self.begin_after(token, key, plan);
                begun.map_err(|error| stopped(RotationState::Intent, error))?
            }
            Some(Preparing { step: PreparingStep::Idle, plan }) => {
                self.begin_after(token, key, plan)?
            }
            Some(Preparing { step, plan }) => (step, plan),
            None => self.begin(token, key, orphans)?,
        };
        let mut proof = None;
        loop {
            let state = step.state();
            let next = match &step {
                PreparingStep::Idle | PreparingStep::Intent => self.create(token, &plan),
                PreparingStep::Created { value } => self.identify(value, &mut plan, &mut proof),
                PreparingStep::Identified { value, id } => {
                    match self.prove(value, *id, &plan, &mut proof) {
                        Ok(()) => {
                            plan.refused_since = None;
                            let successor = self.commit(token, key, value, *id, plan);
                            return successor
                                .map(|successor| Successor { auth_token: proof, ..successor })
                                .map_err(|error| stopped(state, error));
                        }
                        Err(error) => Err(error),
                    }
                }
            };
            step = match next {
                Ok(next) => {
                    plan.refused_since = None;
                    self.write(key, next, &plan).map_err(|error| stopped(state, error))?
                }
                Err(error) if state == RotationState::Intent => {
                    if was_refused(&error) {
                        // If this fails, the next run looks for an orphan, which does no harm.
                        let _ = self.write(key, PreparingStep::Idle, &plan);
                    }
                    return Err(stopped(state, error));
                }
                Err(error) if !is_refusal(&error) => return Err(stopped(state, error)),
                Err(error) if self.is_permanent(&error, &mut plan) => {
                    return Err(self.give_up(key, plan, &step, error));
                }
                Err(error) => {
                    self.write(key, step, &plan).map_err(|error| stopped(state, error))?;
                    return Err(super::refused_for_now(state, error));
                }
            };
        }
    }

    /// Begins after an attempt that failed. First writes since when the list may show what that
    /// attempt created. Otherwise, if nothing can begin now, that time would start again with each
    /// run and never end.
    fn begin_after(
        &self,
        token: &Secret,
        key: &EntryKey,
        mut plan: Plan,
    ) -> Result<(PreparingStep, Plan)> {
        let mut is_changed = false;
        for orphan in &mut plan.orphans {
            is_changed |= self.start_waiting_for(orphan);
        }
        if is_changed {
            self.write(key, PreparingStep::Idle, &plan)?;
        }
        self.begin(token, key, plan.orphans)
    }

    /// Makes a plan and writes it to the journal.
    fn begin(
        &self,
        token: &Secret,
        key: &EntryKey,
        orphans: Vec<Orphan>,
    ) -> Result<(PreparingStep, Plan)> {
        let plan = self.plan(token, key, orphans)?;
        Ok((self.write(key, PreparingStep::Intent, &plan)?, plan))
    }

    fn create(&self, old: &Secret, plan: &Plan) -> Result<PreparingStep> {
        let description = rotation_marker::on(&plan.description, &plan.marker);
        let body = json::body(&CreateApplicationToken {
            description: Some(&description),
            expiry_date: plan.expiry_date.clone(),
            ip: plan.ip.as_deref(),
        })?;
        let value = self.tokens.issue(body, &self.transport.wait(), None)?.value;
        if value == *old || validate::application_token("application_token", &value).is_err() {
            let action = "create an application token";
            return Err(json::nonsense(action, "the response contains no new application token"));
        }
        Ok(PreparingStep::Created { value: Zeroizing::new(value.reveal().to_owned()) })
    }

    /// Finds the row with the marker. Signs in with the new application token for that, since the
    /// old one may no longer work. The list may show the new row late. If the request to create was
    /// delivered twice, there are two such rows: ours is the one that the new auth token names.
    fn identify(
        &self,
        value: &Zeroizing<String>,
        plan: &mut Plan,
        proof: &mut Option<AuthToken>,
    ) -> Result<PreparingStep> {
        let auth_token = self.sign_in_once(&Secret::from(value.as_str()), proof)?;
        let hinted = auth_token.claims().application_token_id;
        let mut marked = Vec::new();
        for delay in LIST_DELAYS {
            self.transport.wait().pause(&*self.transport.clock, delay, FIND)?;
            let rows = self.list_with(&auth_token)?;
            let has_marker = |row: &&ApplicationToken| {
                row.description().is_some_and(|text| text.ends_with(&plan.marker))
            };
            marked = rows.iter().filter(has_marker).map(ApplicationToken::id).collect();
            let is_named = hinted.is_some_and(|id| marked.contains(&id));
            // If the old auth token named its row, the new one will do so, too.
            if is_named || (plan.named.is_some() && marked.len() == 1) {
                break;
            }
        }
        let id = match (hinted.filter(|id| marked.contains(id)), marked.as_slice()) {
            (Some(id), _) => id,
            (None, [only]) => *only,
            (None, []) => {
                let message = "the list does not show the new application token yet";
                return Err(Error::new(ErrorKind::Timeout, message));
            }
            (None, _) => {
                let message = "the server carried out the request to create an application token \
                               at least twice, and the auth token does not name the new one; \
                               rotate again, which creates another one";
                return Err(Error::new(ErrorKind::Conflict, message));
            }
        };
        if marked.len() > 1 {
            plan.orphans.push(Orphan::marked(&plan.marker));
        }
        Ok(PreparingStep::Identified { value: value.clone(), id })
    }

    /// Makes a call with the new application token: the one that removes the marker.
    fn prove(
        &self,
        value: &Zeroizing<String>,
        id: u64,
        plan: &Plan,
        proof: &mut Option<AuthToken>,
    ) -> Result<()> {
        let auth_token = self.sign_in_once(&Secret::from(value.as_str()), proof)?;
        // Only now it is known whether the id in an auth token is that of an application token.
        let is_hint = auth_token.claims().application_token_id == Some(id);
        match plan.named {
            None if !is_hint => return Err(no_id()),
            Some(named) if is_hint && plan.hinted != Some(named) => {
                let problem = format!("{named} is not the application token of this client");
                return Err(Error::invalid_input("id", problem));
            }
            _ => {}
        }
        let unmarked = UpdateApplicationToken::description(&plan.description);
        match self.change_with(&auth_token, id, &unmarked) {
            // It may not change descriptions, so another call proves that it works.
            Err(error) if error.kind() == ErrorKind::Forbidden && self.keeps_old(plan) => {
                self.list_with(&auth_token).map(drop)
            }
            changed => changed,
        }
    }

    /// Makes the new application token the one to use. Writes its own entry before the entry of the
    /// old one leads to it.
    fn commit(
        &self,
        old: &Secret,
        key: &EntryKey,
        value: &str,
        id: u64,
        plan: Plan,
    ) -> Result<Successor> {
        let token = Secret::from(value);
        let new_key = self.transport.session.entry_key(&token)?;
        let entry = Switching {
            state: RotationState::Committed,
            plan,
            old_value: Some(Zeroizing::new(old.reveal().to_owned())),
            old: key.name().to_owned(),
            new_id: id,
            grace_since: None,
        };
        let entry = self.write_switching(&new_key, entry)?;
        rotation_journal::lead(self.store(), key, &token)?;
        // A start with an older token then takes one step, not one for each generation.
        let first = self.transport.session.entry_key(&self.given)?;
        if first.name() != key.name() && first.name() != new_key.name() {
            rotation_journal::lead(self.store(), &first, &token)?;
        }
        Ok(Successor { token, key: new_key, entry, auth_token: None })
    }

    /// Gives the rotation up, because the new application token does not work: revokes it, and keeps
    /// the old one.
    fn give_up(&self, key: &EntryKey, mut plan: Plan, step: &PreparingStep, cause: Error) -> Error {
        let id = if let PreparingStep::Identified { id, .. } = step { Some(*id) } else { None };
        let marker = plan.marker.clone();
        plan.orphans.push(Orphan { id, ..Orphan::marked(&marker) });
        let revoked = self.write(key, PreparingStep::Idle, &plan).and_then(|_| {
            let auth_token =
                self.transport.session.authenticate(Need::Valid, || self.transport.wait())?;
            let rows = self.list_with(&auth_token)?;
            self.revoke_orphans(&mut plan.orphans, plan.old_id, &rows, &auth_token)
        });
        let is_left = plan.orphans.iter().any(|orphan| orphan.marker.as_ref() == Some(&marker));
        let ending = if revoked.is_err() || is_left {
            "the rotation was given up and the old application token stays in use; the next \
             rotation revokes the new one"
        } else {
            "the rotation was given up, the new application token was revoked, and the old one \
             stays in use"
        };
        match cause.kind() {
            ErrorKind::InvalidInput => cause.with_advice(ending),
            _ => {
                let message = format!("{ending}: {cause}");
                cause.stopping_rotation(step.state(), message)
            }
        }
    }

    /// Writes the journal entry of the old application token. Returns the step, which may be taken
    /// now.
    fn write(&self, key: &EntryKey, step: PreparingStep, plan: &Plan) -> Result<PreparingStep> {
        let entry = Preparing { step: step.clone(), plan: plan.clone() };
        rotation_journal::write(self.store(), key, &Entry::Preparing(entry))?;
        Ok(step)
    }
}

/// Whether the server refused the request, or the caller's options rule it out: repeating it at once
/// is useless.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.class(), ErrorClass::Refused | ErrorClass::Caller)
}

/// Whether it is certain that nothing was created.
fn was_refused(error: &Error) -> bool {
    let refuses = |status| (400..500).contains(&status) && status != REQUEST_TIMEOUT;
    !error.was_sent() || error.http_status().is_some_and(refuses)
}
