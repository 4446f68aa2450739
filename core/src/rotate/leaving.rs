//! The way to a new application token that is proved to work. Until then the old one is the one to
//! use, and what was made can be taken back.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{LAG, Rotator, stopped};
use crate::api::{self, CreateApplicationToken, UpdateApplicationToken};
use crate::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::date;
use crate::error::{Error, ErrorKind, Result};
use crate::input;
use crate::journal::{self, Arriving, Leave, Leaving, Lost, Page, Plan};
use crate::mark;
use crate::rotation::RotateOptions;
use crate::rotation_state::RotationState;
use crate::seal::Seal;
use crate::secret::Secret;

/// A label for what replaces an application token that had none: one must be sent to take the mark
/// off.
const NO_DESCRIPTION: &str = "emnify-auth";

/// What did not come to light in so many rotations never will.
const MOST_LOST: usize = 32;

impl Rotator<'_> {
    /// Goes on from that page of the old application token, or begins, with what an earlier rotation
    /// may have lost. Returns the new one, which is the one to use from now on, with its page.
    pub(super) fn leave(
        &self,
        token: &Secret,
        seal: &Seal,
        page: Option<Leaving>,
        lost: Vec<Lost>,
    ) -> Result<(Secret, Seal, Arriving)> {
        let (mut step, mut plan) = match page {
            None => (Leave::Intent, self.begin(token, lost)?),
            // If it was made at all, its value is lost.
            Some(Leaving { step: Leave::Intent, plan }) => {
                let plan = self.begin_again(token, plan);
                (Leave::Intent, plan.map_err(|error| stopped(RotationState::Intent, error))?)
            }
            Some(Leaving { step, plan }) => (step, plan),
        };
        let mut created_now = false;
        self.write(seal, &step, &plan)?;
        loop {
            let state = step.state();
            let stop = |error| stopped(state, error);
            step = match step {
                Leave::Intent => {
                    created_now = true;
                    let value = self.create(&plan).map_err(stop)?;
                    Leave::Created { value: Zeroizing::new(value.reveal().to_owned()) }
                }
                Leave::Created { value } => match self.identify(&plan.mark).map_err(stop)? {
                    Some(id) => Leave::Identified { value, id },
                    None if created_now => return Err(stop(not_listed())),
                    // Somebody has revoked or renamed it since.
                    None => {
                        plan = self.begin_again(token, plan).map_err(stop)?;
                        Leave::Intent
                    }
                },
                Leave::Identified { value, id } => {
                    let new = Secret::from(value.as_str());
                    return match self.prove(&new, id, &plan) {
                        Ok(()) => self.commit(seal, new, id, plan).map_err(stop),
                        Err(error) if is_final(&error) => Err(self.give_up(seal, plan, id, error)),
                        Err(error) => Err(stop(error)),
                    };
                }
            };
            self.write(seal, &step, &plan).map_err(stop)?;
        }
    }

    /// Finds out what there is to replace, and what by.
    fn begin(&self, token: &Secret, lost: Vec<Lost>) -> Result<Plan> {
        let hinted = self.exchange(token, "old")?.claims().application_token_id;
        let named = self.options.id;
        let Some(old_id) = named.or(hinted) else { return Err(no_id()) };
        let rows = self.tokens.list()?;
        let row = rows.iter().find(|row| row.id() == old_id).ok_or_else(|| match named {
            Some(id) => Error::invalid_input("id", format_args!("{id} is not in the list")),
            None => no_id(),
        })?;
        if row.status() == Some(ApplicationTokenStatus::Revoked) {
            let problem = format_args!("{old_id} is revoked, so it is not this client's own");
            return Err(Error::invalid_input("id", problem));
        }
        let RotateOptions { description, expiry_date, ip, grace, .. } = self.options;
        let description = description.as_deref().or(row.description()).map(mark::off);
        let now = self.caller.clock.wall();
        Ok(Plan {
            old_id,
            hinted,
            named,
            description: description
                .filter(|text| !text.is_empty())
                .unwrap_or(NO_DESCRIPTION)
                .into(),
            expiry_date: match expiry_date {
                Some(date) => Some(input::expiry_date(date, now)?),
                None => row.expiry_date().map(same_expiry).transpose()?,
            },
            ip: ip.as_deref().or(row.ip()).map(str::to_owned),
            grace_seconds: grace.as_secs(),
            mark: mark::new()?,
            lost,
        })
    }

    /// Takes back what may have been made, and begins anew.
    fn begin_again(&self, token: &Secret, plan: Plan) -> Result<Plan> {
        let mut lost = with(plan.lost, Lost { mark: plan.mark, id: None });
        self.sweep(&mut lost, &[plan.old_id], &self.tokens.list()?, |id| self.tokens.revoke(id))?;
        self.begin(token, lost)
    }

    fn create(&self, plan: &Plan) -> Result<Secret> {
        let description = mark::on(&plan.description, &plan.mark);
        let body = api::body(&CreateApplicationToken {
            description: Some(&description),
            expiry_date: plan.expiry_date.clone(),
            ip: plan.ip.as_deref(),
        })?;
        self.tokens.issue(body, self.caller.deadline())
    }

    /// The id of the one row that bears the mark; `None` where none does that can be used.
    fn identify(&self, mark: &str) -> Result<Option<u64>> {
        for lag in [Duration::ZERO].into_iter().chain(LAG) {
            self.caller.clock.sleep(lag);
            let rows = self.tokens.list()?;
            let bears = |row: &&ApplicationToken| {
                row.description().is_some_and(|text| text.ends_with(mark))
            };
            let marked: Vec<_> = rows.iter().filter(bears).collect();
            match marked.as_slice() {
                [] => {}
                [row] if row.status() != Some(ApplicationTokenStatus::Revoked) => {
                    return Ok(Some(row.id()));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Signs in with the new one, and makes a call: that which takes the mark off.
    fn prove(&self, new: &Secret, id: u64, plan: &Plan) -> Result<()> {
        let [lag, ..] = LAG;
        let auth_token = self.exchange(new, "new").or_else(|error| match error.kind() {
            // What was created a moment ago may not be known everywhere.
            ErrorKind::Rejected => {
                self.caller.clock.sleep(lag);
                self.exchange(new, "new")
            }
            _ => Err(error),
        })?;
        // Only now it is known whether such a hint is the id of an application token.
        let is_hint = auth_token.claims().application_token_id == Some(id);
        match plan.named {
            None if !is_hint => return Err(no_id()),
            Some(named) if is_hint && plan.hinted != Some(named) => {
                let problem = format_args!("{named} is not this client's own application token");
                return Err(Error::invalid_input("id", problem));
            }
            _ => {}
        }
        let unmarked = UpdateApplicationToken::description(&plan.description);
        self.change_with(&auth_token, id, &unmarked)
    }

    /// Makes the new one the one to use: first its own page, then the way there.
    fn commit(
        &self,
        seal: &Seal,
        new: Secret,
        new_id: u64,
        plan: Plan,
    ) -> Result<(Secret, Seal, Arriving)> {
        let new_seal = self.caller.session.seal(&new)?;
        let page = Arriving {
            state: RotationState::Committed,
            old: seal.name().to_owned(),
            old_id: plan.old_id,
            new_id,
            grace_seconds: plan.grace_seconds,
            grace_since: None,
            lost: plan.lost,
        };
        let page = self.write_arriving(&new_seal, page)?;
        let successor = Page::Successor(Zeroizing::new(new.reveal().to_owned()));
        journal::write(self.store(), seal, &successor)?;
        Ok((new, new_seal, page))
    }

    /// The new one is of no use: it is revoked, and the old one stays.
    fn give_up(&self, seal: &Seal, mut plan: Plan, id: u64, cause: Error) -> Error {
        plan.lost = with(plan.lost, Lost { mark: plan.mark.clone(), id: Some(id) });
        let revoked = self.write(seal, &Leave::Intent, &plan).and_then(|()| {
            let rows = self.tokens.list()?;
            self.sweep(&mut plan.lost, &[plan.old_id], &rows, |id| self.tokens.revoke(id))
        });
        let advice = match revoked {
            Ok(()) => {
                "the rotation was given up and the new application token revoked, the old \
                       one stays in use"
            }
            Err(_) => {
                "the rotation was given up, the old application token stays in use; the new \
                       one is revoked when rotate is called again"
            }
        };
        match cause.kind() {
            ErrorKind::InvalidInput => cause.with_advice(advice),
            _ => {
                let message = format!("{advice}: {cause}");
                cause.stopping_rotation(RotationState::Identified, message)
            }
        }
    }

    fn write(&self, seal: &Seal, step: &Leave, plan: &Plan) -> Result<()> {
        let page = Leaving { step: step.clone(), plan: plan.clone() };
        journal::write(self.store(), seal, &Page::Leaving(page))
    }
}

/// Whether the new one will never do.
fn is_final(error: &Error) -> bool {
    use ErrorKind::{Conflict, Forbidden, InvalidInput, NotFound, Rejected, Validation};
    matches!(error.kind(), Rejected | Forbidden | NotFound | Conflict | Validation | InvalidInput)
}

fn with(mut all: Vec<Lost>, lost: Lost) -> Vec<Lost> {
    all.push(lost);
    let surplus = all.len().saturating_sub(MOST_LOST);
    all.drain(..surplus);
    all
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

fn not_listed() -> Error {
    Error::new(ErrorKind::Protocol, "the list does not show the new application token yet")
}
