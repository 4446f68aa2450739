//! The way to a new application token that is proved to work. Until then the old one is the one to
//! use, and what was made can be taken back.

use zeroize::Zeroizing;

use super::plan::no_id;
use super::{LAG, Rotator, stopped};
use crate::api::application_token::ApplicationToken;
use crate::api::bodies::{CreateApplicationToken, UpdateApplicationToken};
use crate::api::json;
use crate::api::rotation_marker;
use crate::api::validate;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal::{
    self, Entry, Orphan, Plan, Preparing, PreparingStep, Switching,
};
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorClass, ErrorKind, Result};
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// To follow "cannot" in a message.
const FIND: &str = "find the new application token in the list";

/// The server took the request for too slow, and may carry it out all the same.
const REQUEST_TIMEOUT: u16 = 408;

/// The new application token, which is the one to use from now on.
pub(super) struct New {
    pub(super) token: Secret,
    pub(super) key: EntryKey,
    pub(super) entry: Switching,
    /// What it was proved with.
    pub(super) auth_token: Option<AuthToken>,
}

impl Rotator<'_> {
    /// Goes on from that entry of the old application token, or begins, with what earlier rotations
    /// may have left behind.
    pub(super) fn prepare(
        &self,
        token: &Secret,
        key: &EntryKey,
        entry: Option<Preparing>,
        orphans: Vec<Orphan>,
    ) -> Result<New> {
        let (mut step, mut plan) = match entry {
            Some(Preparing { step: PreparingStep::Intent, mut plan }) => {
                // If it was made at all, its value is lost.
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
                            let new = self.commit(token, key, value, *id, plan);
                            return new
                                .map(|new| New { auth_token: proof, ..new })
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
                        // Else the next run takes it for created, which does no harm.
                        let _ = self.write(key, PreparingStep::Idle, &plan);
                    }
                    return Err(stopped(state, error));
                }
                Err(error) if !is_final(&error) => return Err(stopped(state, error)),
                Err(error) if self.is_for_good(&error, &mut plan) => {
                    return Err(self.give_up(key, plan, &step, error));
                }
                Err(error) => {
                    self.write(key, step, &plan).map_err(|error| stopped(state, error))?;
                    return Err(super::refused_for_now(state, error));
                }
            };
        }
    }

    /// Begins after an attempt that ended. From when on the list should show what that may have
    /// created is durable first, also if nothing can begin yet: else that time would never end.
    fn begin_after(
        &self,
        token: &Secret,
        key: &EntryKey,
        mut plan: Plan,
    ) -> Result<(PreparingStep, Plan)> {
        let mut is_changed = false;
        for orphan in &mut plan.orphans {
            is_changed |= self.start_time_of(orphan);
        }
        if is_changed {
            self.write(key, PreparingStep::Idle, &plan)?;
        }
        self.begin(token, key, plan.orphans)
    }

    /// Finds out what there is to replace, and what by, and writes that down.
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
            return Err(json::nonsense(action, "the answer holds no new application token"));
        }
        Ok(PreparingStep::Created { value: Zeroizing::new(value.reveal().to_owned()) })
    }

    /// Finds the row that bears the marker, signed in with the new one: that the list does not show
    /// it yet says nothing about it, and the old one may be gone. A request that was sent twice on
    /// its way has made two such rows: ours is the one that the new auth token names.
    fn identify(
        &self,
        value: &Zeroizing<String>,
        plan: &mut Plan,
        proof: &mut Option<AuthToken>,
    ) -> Result<PreparingStep> {
        let auth_token = self.sign_in_once(&Secret::from(value.as_str()), proof)?;
        let hinted = auth_token.claims().application_token_id;
        let mut marked = Vec::new();
        for lag in LAG {
            self.transport.wait().pause(&*self.transport.clock, lag, FIND)?;
            let rows = self.list_with(&auth_token)?;
            let bears = |row: &&ApplicationToken| {
                row.description().is_some_and(|text| text.ends_with(&plan.marker))
            };
            marked = rows.iter().filter(bears).map(ApplicationToken::id).collect();
            let is_named = hinted.is_some_and(|id| marked.contains(&id));
            // Where the old auth token named its row, so will the new one.
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
                let message = "the request to create an application token was carried out two \
                               times or more, and the auth token does not tell which of the new \
                               ones is ours; rotate again, which starts with another one";
                return Err(Error::new(ErrorKind::Conflict, message));
            }
        };
        if marked.len() > 1 {
            plan.orphans.push(Orphan::marked(&plan.marker));
        }
        Ok(PreparingStep::Identified { value: value.clone(), id })
    }

    /// Makes a call as the new one: that which takes the marker off.
    fn prove(
        &self,
        value: &Zeroizing<String>,
        id: u64,
        plan: &Plan,
        proof: &mut Option<AuthToken>,
    ) -> Result<()> {
        let auth_token = self.sign_in_once(&Secret::from(value.as_str()), proof)?;
        // Only now it is known whether such a hint is the id of an application token.
        let is_hint = auth_token.claims().application_token_id == Some(id);
        match plan.named {
            None if !is_hint => return Err(no_id()),
            Some(named) if is_hint && plan.hinted != Some(named) => {
                let problem = format!("{named} is not this client's own application token");
                return Err(Error::invalid_input("id", problem));
            }
            _ => {}
        }
        let unmarked = UpdateApplicationToken::description(&plan.description);
        match self.change_with(&auth_token, id, &unmarked) {
            // It may not change any description: another call proves it.
            Err(error) if error.kind() == ErrorKind::Forbidden && self.keeps_old(plan) => {
                self.list_with(&auth_token).map(drop)
            }
            changed => changed,
        }
    }

    /// Makes the new one the one to use: first its own entry, then the way there.
    fn commit(
        &self,
        old: &Secret,
        key: &EntryKey,
        value: &str,
        id: u64,
        plan: Plan,
    ) -> Result<New> {
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
        // Whoever starts with an older one takes one step, not one for each generation.
        let first = self.transport.session.entry_key(&self.given)?;
        if first.name() != key.name() && first.name() != new_key.name() {
            rotation_journal::lead(self.store(), &first, &token)?;
        }
        Ok(New { token, key: new_key, entry, auth_token: None })
    }

    /// The new one is of no use: it is revoked, and the old one stays.
    fn give_up(&self, key: &EntryKey, mut plan: Plan, step: &PreparingStep, cause: Error) -> Error {
        let id = if let PreparingStep::Identified { id, .. } = step { Some(*id) } else { None };
        let marker = plan.marker.clone();
        plan.orphans.push(Orphan { id, ..Orphan::marked(&marker) });
        let swept = self.write(key, PreparingStep::Idle, &plan).and_then(|_| {
            let auth_token = self.transport.session.authenticate(|| self.transport.wait())?;
            let rows = self.list_with(&auth_token)?;
            self.sweep(&mut plan.orphans, plan.old_id, &rows, &auth_token)
        });
        let is_left = plan.orphans.iter().any(|orphan| orphan.marker.as_ref() == Some(&marker));
        let ending = if swept.is_err() || is_left {
            "the rotation was given up, the old application token stays in use; the new one is \
             revoked when it is called again"
        } else {
            "the rotation was given up and the new application token revoked, the old one stays in \
             use"
        };
        match cause.kind() {
            ErrorKind::InvalidInput => cause.with_advice(ending),
            _ => {
                let message = format!("{ending}: {cause}");
                cause.stopping_rotation(step.state(), message)
            }
        }
    }

    /// Writes the entry of the old one; returns the step, which may be taken now.
    fn write(&self, key: &EntryKey, step: PreparingStep, plan: &Plan) -> Result<PreparingStep> {
        let entry = Preparing { step: step.clone(), plan: plan.clone() };
        rotation_journal::write(self.store(), key, &Entry::Preparing(entry))?;
        Ok(step)
    }
}

/// Whether the new one is refused, and not the moment's trouble.
pub(super) fn is_final(error: &Error) -> bool {
    matches!(error.class(), ErrorClass::Refused | ErrorClass::Caller)
}

/// Whether it is certain that nothing was created.
fn was_refused(error: &Error) -> bool {
    let refuses = |status| (400..500).contains(&status) && status != REQUEST_TIMEOUT;
    !error.was_sent() || error.http_status().is_some_and(refuses)
}
