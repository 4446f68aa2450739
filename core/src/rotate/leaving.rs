//! The way to a new application token that is proved to work. Until then the old one is the one to
//! use, and what was made can be taken back.

use zeroize::Zeroizing;

use super::{LAG, Rotator, stopped};
use crate::api::{self, CreateApplicationToken, UpdateApplicationToken};
use crate::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::auth_token::AuthToken;
use crate::date;
use crate::error::{Error, ErrorKind, Result};
use crate::input;
use crate::journal::{self, Arriving, Leave, Leaving, Orphan, Page, Plan};
use crate::mark;
use crate::rotation::RotateOptions;
use crate::rotation_state::RotationState;
use crate::seal::Seal;
use crate::secret::Secret;

/// A label for what replaces an application token that had none: one must be sent to take the mark
/// off.
const NO_DESCRIPTION: &str = "emnify-auth";

/// A list that shows none of so many application tokens hides every other one, too.
const MOST_ORPHANS: usize = 32;

/// The new application token, which is the one to use from now on.
pub(super) struct New {
    pub(super) token: Secret,
    pub(super) seal: Seal,
    pub(super) page: Arriving,
    /// What it was proved with.
    pub(super) auth_token: Option<AuthToken>,
}

impl Rotator<'_> {
    /// Goes on from that page of the old application token, or begins, with what earlier rotations
    /// may have left behind.
    pub(super) fn leave(
        &self,
        token: &Secret,
        seal: &Seal,
        page: Option<Leaving>,
        orphans: Vec<Orphan>,
    ) -> Result<New> {
        let (mut step, mut plan) = match page {
            Some(Leaving { step: Leave::Intent, mut plan }) => {
                // If it was made at all, its value is lost.
                plan.orphans.push(Orphan { mark: Some(plan.mark), id: None });
                let begun = self.begin(token, seal, plan.orphans).and_then(|plan| {
                    let step = self.write(seal, Leave::Intent, &plan)?;
                    Ok((step, plan))
                });
                begun.map_err(|error| stopped(RotationState::Intent, error))?
            }
            Some(Leaving { step, plan }) => (step, plan),
            None => {
                let plan = self.begin(token, seal, orphans)?;
                (self.write(seal, Leave::Intent, &plan)?, plan)
            }
        };
        let mut proof = None;
        loop {
            let state = step.state();
            let next = match &step {
                Leave::Intent => self.create(token, &plan),
                Leave::Created { value } => self.identify(value, &plan, &mut proof),
                Leave::Identified { value, id } => {
                    match self.prove(value, *id, &plan, &mut proof) {
                        Ok(()) => {
                            let new = self.commit(token, seal, value, *id, plan);
                            return new
                                .map(|new| New { auth_token: proof, ..new })
                                .map_err(|error| stopped(state, error));
                        }
                        Err(error) => Err(error),
                    }
                }
            };
            step = match next {
                Ok(next) => self.write(seal, next, &plan).map_err(|error| stopped(state, error))?,
                Err(error) if state == RotationState::Intent || !is_final(&error) => {
                    return Err(stopped(state, error));
                }
                Err(error) if self.is_for_good(&error, &mut plan) => {
                    return Err(self.give_up(seal, plan, &step, error));
                }
                Err(error) => {
                    self.write(seal, step, &plan).map_err(|error| stopped(state, error))?;
                    return Err(super::refused_for_now(state, error));
                }
            };
        }
    }

    /// Finds out what there is to replace, and what by.
    fn begin(&self, token: &Secret, seal: &Seal, mut orphans: Vec<Orphan>) -> Result<Plan> {
        let RotateOptions { description, expiry_date, ip, grace, hand_over, id: named } =
            self.options;
        if orphans.len() > MOST_ORPHANS {
            let message = "the list shows none of the application tokens that earlier attempts may \
                           have created: revoke those that audit calls orphans";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let now = self.caller.clock.wall();
        let expiry_date =
            expiry_date.as_ref().map(|date| input::expiry_date(date, now)).transpose()?;
        if let (None, Some(file)) = (hand_over, self.caller.session.credential_file()) {
            // What cannot be written is found out before anything is created.
            file.replace(&file.read_back()?)?;
        }
        let auth_token = match self.caller.session.auth_token_of(seal.name()) {
            Some(auth_token) => auth_token,
            None => self.exchange(token, "old")?,
        };
        let hinted = auth_token.claims().application_token_id;
        let old_id = named.or(hinted).ok_or_else(no_id)?;
        let rows = self.list_with(&auth_token)?;
        let row = rows.iter().find(|row| row.id() == old_id).ok_or_else(|| match named {
            Some(id) => Error::invalid_input("id", format_args!("{id} is not in the list")),
            None => no_id(),
        })?;
        if row.status() == Some(ApplicationTokenStatus::Revoked) {
            let problem = format!("{old_id} is revoked, so it is not this client's own");
            return Err(Error::invalid_input("id", problem));
        }
        let expiry_date = match expiry_date {
            None => row.expiry_date().map(same_expiry).transpose()?,
            other => other,
        };
        self.sweep(&mut orphans, old_id, &rows, &auth_token)?;
        let description = description.as_deref().or(row.description()).map(mark::off);
        Ok(Plan {
            old_id,
            hinted,
            named: *named,
            description: description
                .filter(|text| !text.is_empty())
                .unwrap_or(NO_DESCRIPTION)
                .into(),
            expiry_date,
            ip: ip.as_deref().or(row.ip()).map(str::to_owned),
            grace_seconds: grace.as_secs(),
            mark: mark::new()?,
            refused_since: None,
            orphans,
        })
    }

    fn create(&self, old: &Secret, plan: &Plan) -> Result<Leave> {
        let description = mark::on(&plan.description, &plan.mark);
        let body = api::body(&CreateApplicationToken {
            description: Some(&description),
            expiry_date: plan.expiry_date.clone(),
            ip: plan.ip.as_deref(),
        })?;
        let value = self.tokens.issue(body, self.caller.deadline())?;
        if value == *old || input::application_token("application_token", &value).is_err() {
            let action = "create an application token";
            return Err(api::nonsense(action, "the answer holds no new application token"));
        }
        Ok(Leave::Created { value: Zeroizing::new(value.reveal().to_owned()) })
    }

    /// Finds the one row that bears the mark, signed in with the new one: that the list does not
    /// show it yet says nothing about it, and the old one may be gone.
    fn identify(
        &self,
        value: &Zeroizing<String>,
        plan: &Plan,
        proof: &mut Option<AuthToken>,
    ) -> Result<Leave> {
        let auth_token = self.sign_in_once(&Secret::from(value.as_str()), proof)?;
        for lag in LAG {
            self.caller.clock.sleep(lag);
            let rows = self.list_with(&auth_token)?;
            let bears = |row: &&ApplicationToken| {
                row.description().is_some_and(|text| text.ends_with(&plan.mark))
            };
            let mut marked = rows.iter().filter(bears);
            if let (Some(row), None) = (marked.next(), marked.next()) {
                return Ok(Leave::Identified { value: value.clone(), id: row.id() });
            }
        }
        let message = "the list does not show the new application token yet";
        Err(Error::new(ErrorKind::Timeout, message))
    }

    /// Makes a call as the new one: that which takes the mark off.
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
        self.change_with(&auth_token, id, &unmarked)
    }

    /// Makes the new one the one to use: first its own page, then the way there.
    fn commit(&self, old: &Secret, seal: &Seal, value: &str, id: u64, plan: Plan) -> Result<New> {
        let token = Secret::from(value);
        let new_seal = self.caller.session.seal(&token)?;
        let page = Arriving {
            state: RotationState::Committed,
            plan,
            old_value: Some(Zeroizing::new(old.reveal().to_owned())),
            old: seal.name().to_owned(),
            new_id: id,
            grace_since: None,
        };
        let page = self.write_arriving(&new_seal, page)?;
        journal::lead(self.store(), seal, &token)?;
        // Whoever starts with an older one takes one step, not one for each generation.
        let first = self.caller.session.seal(&self.given)?;
        if first.name() != seal.name() && first.name() != new_seal.name() {
            journal::lead(self.store(), &first, &token)?;
        }
        Ok(New { token, seal: new_seal, page, auth_token: None })
    }

    /// The new one is of no use: it is revoked, and the old one stays.
    fn give_up(&self, seal: &Seal, mut plan: Plan, step: &Leave, cause: Error) -> Error {
        let id = if let Leave::Identified { id, .. } = step { Some(*id) } else { None };
        let mark = plan.mark.clone();
        plan.orphans.push(Orphan { mark: Some(mark.clone()), id });
        let swept = self.write(seal, Leave::Intent, &plan).and_then(|_| {
            let auth_token = self.caller.session.authenticate(|| self.caller.deadline())?;
            let rows = self.list_with(&auth_token)?;
            self.sweep(&mut plan.orphans, plan.old_id, &rows, &auth_token)
        });
        let is_left = plan.orphans.iter().any(|orphan| orphan.mark.as_ref() == Some(&mark));
        let outcome = if swept.is_err() || is_left {
            "the rotation was given up, the old application token stays in use; the new one is \
             revoked when it is called again"
        } else {
            "the rotation was given up and the new application token revoked, the old one stays in \
             use"
        };
        match cause.kind() {
            ErrorKind::InvalidInput => cause.with_advice(outcome),
            _ => {
                let message = format!("{outcome}: {cause}");
                cause.stopping_rotation(step.state(), message)
            }
        }
    }

    /// Writes the page of the old one; returns the step, which may be taken now.
    fn write(&self, seal: &Seal, step: Leave, plan: &Plan) -> Result<Leave> {
        let page = Leaving { step: step.clone(), plan: plan.clone() };
        journal::write(self.store(), seal, &Page::Leaving(page))?;
        Ok(step)
    }
}

/// Whether the new one is refused, and not the moment's trouble.
pub(super) fn is_final(error: &Error) -> bool {
    use ErrorKind::{Conflict, Forbidden, InvalidInput, NotFound, Rejected, Validation};
    matches!(error.kind(), Rejected | Forbidden | NotFound | Conflict | Validation | InvalidInput)
}

/// The date of a row, in the form that the API takes.
fn same_expiry(text: &str) -> Result<String> {
    let unreadable = || {
        let problem = "of the old application token cannot be read: say when the new one expires";
        Error::invalid_input("expiry_date", problem)
    };
    if date::is_date_only(text) && date::instant(text).is_some() {
        return Ok(text.to_owned());
    }
    date::instant(text).and_then(date::wire).ok_or_else(unreadable)
}

fn no_id() -> Error {
    let problem = "is missing: the auth token does not tell which row of the list is this client's \
                   own application token";
    Error::invalid_input("id", problem)
}
