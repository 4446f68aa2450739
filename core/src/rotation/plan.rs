//! Which application token is replaced, and the properties of the new one. They are determined before
//! anything is created, and stay the same until the rotation ends.

use std::time::{Duration, SystemTime};

use super::Rotator;
use super::orphans::limit;
use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::bodies::UpdateApplicationToken;
use crate::api::rotation_marker;
use crate::api::validate;
use crate::rotation::options::RotateOptions;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal::{Orphan, Plan};
use crate::types::auth_token::AuthToken;
use crate::types::date;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::expiry_date::ExpiryDate;
use crate::types::secret::Secret;

/// The description for the successor of an application token without one. Removing the marker needs
/// some description to send.
const NO_DESCRIPTION: &str = "emnify-auth";

/// Added to the error for an application token that may not revoke any.
const NO_RIGHT: &str = "nothing was created: the last step of a rotation is to revoke the old \
                        application token, for which emnify requires the role Administrator; use \
                        an application token that an Administrator created, or set keep_old and \
                        revoke the old one by other means";

impl Rotator<'_> {
    /// Determines which application token is replaced, and the properties of the new one.
    pub(super) fn plan(
        &self,
        token: &Secret,
        key: &EntryKey,
        mut orphans: Vec<Orphan>,
    ) -> Result<Plan> {
        let RotateOptions { description, expiry_date, ip, grace, keep_old, hand_over, .. } =
            self.options;
        let named = &self.options.id;
        let now = self.transport.clock.wall();
        let expires_in = expiry_date.as_ref().and_then(ExpiryDate::lifetime);
        let expiry_date =
            expiry_date.as_ref().map(|date| validate::expiry_date(date, now)).transpose()?;
        if let (None, Some(file)) = (hand_over, self.transport.session.credential_file()) {
            // Find out before anything is created whether the file can be written.
            file.check_replaceable()?;
        }
        let (auth_token, requested_at, rows) = self.list_as(token, key)?;
        let hinted = auth_token.claims().application_token_id;
        let old_id = named.or(hinted).ok_or_else(no_id)?;
        let row = rows.iter().find(|row| row.id() == old_id).ok_or_else(|| match named {
            Some(id) => Error::invalid_input("id", format_args!("{id} is not in the list")),
            None => no_id(),
        })?;
        if row.status() == Some(ApplicationTokenStatus::Revoked) {
            let problem =
                format!("{old_id} is revoked, so it is not the application token of this client");
            return Err(Error::invalid_input("id", problem));
        }
        let server_time = || self.transport.session.server_time_by(&auth_token, requested_at);
        let expiry_date = match (expires_in, expiry_date) {
            (Some(lifetime), _) => Some(validate::expires_in(lifetime, server_time())?),
            (None, None) if row.expiry_date().is_none() => None,
            (None, None) => Some(same_lifetime(row, server_time())?),
            (None, date) => date,
        };
        if !keep_old {
            let text = row.description().filter(|text| !text.is_empty()).unwrap_or(NO_DESCRIPTION);
            check_right_to_revoke(text, |body| self.change_with(&auth_token, row.id(), body))
                .map_err(|error| match error.kind() {
                    ErrorKind::Forbidden => error.with_advice(NO_RIGHT),
                    _ => error,
                })?;
        }
        self.revoke_orphans(&mut orphans, old_id, &rows, &auth_token)?;
        limit(&mut orphans)?;
        Ok(Plan {
            old_id,
            hinted,
            named: *named,
            description: label(description.as_deref().or(row.description()).unwrap_or_default())
                .into(),
            expiry_date,
            expires_in,
            ip: ip.as_deref().or(row.ip()).map(str::to_owned),
            grace_seconds: grace.as_secs(),
            marker: rotation_marker::new()?,
            refused_since: None,
            orphans,
            keep_old: *keep_old,
        })
    }

    /// Returns an auth token for the application token, when it was requested, and the list as read
    /// with it.
    fn list_as(
        &self,
        token: &Secret,
        key: &EntryKey,
    ) -> Result<(AuthToken, Duration, Vec<ApplicationToken>)> {
        let session = &self.transport.session;
        if let Some((auth_token, requested_at)) = session.auth_token_of(key.name()) {
            match self.list_with(&auth_token) {
                // The cached auth token may be void.
                Err(error) if error.kind() == ErrorKind::Rejected => {}
                rows => return Ok((auth_token, requested_at, rows?)),
            }
        }
        let requested_at = session.now();
        let auth_token = self.exchange(token, "old")?;
        let rows = self.list_with(&auth_token)?;
        Ok((auth_token, requested_at, rows))
    }
}

/// Checks whether application tokens can be revoked, with `change`, which changes a row. Nothing
/// changes if the row already has this description.
pub(crate) fn check_right_to_revoke(
    description: &str,
    change: impl FnOnce(&UpdateApplicationToken<'_>) -> Result<()>,
) -> Result<()> {
    match change(&UpdateApplicationToken::description(description)) {
        // A refused description does not mean that the right is missing.
        Err(error) if matches!(error.kind(), ErrorKind::Validation | ErrorKind::Conflict) => Ok(()),
        changed => changed,
    }
}

/// Returns the names of the options that are ignored, because the rotation began with others.
pub(super) fn ignored(options: &RotateOptions, plan: &Plan) -> Vec<&'static str> {
    let RotateOptions { id, description, expiry_date, ip, grace, .. } = options;
    let lifetime = expiry_date.as_ref().and_then(ExpiryDate::lifetime);
    let date = expiry_date.as_ref().filter(|_| lifetime.is_none());
    let wire = |date| validate::expiry_date(date, SystemTime::UNIX_EPOCH).ok();
    let differs = [
        ("id", id.is_some_and(|id| id != plan.old_id)),
        ("description", description.as_ref().is_some_and(|text| label(text) != plan.description)),
        ("expiry_date", date.is_some_and(|date| wire(date) != plan.expiry_date)),
        ("expires_in", lifetime.is_some() && lifetime != plan.expires_in),
        ("ip", ip.is_some() && *ip != plan.ip),
        // Zero is the default and counts as not set.
        ("grace", !grace.is_zero() && grace.as_secs() != plan.grace_seconds),
    ];
    differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

/// Returns when a new application token expires that has the lifetime of the old one.
fn same_lifetime(old: &ApplicationToken, now: Option<SystemTime>) -> Result<String> {
    let lifetime = old.created_at().zip(old.expires_at());
    let lifetime = lifetime.and_then(|(created, expiry)| expiry.duration_since(created).ok());
    let lifetime = lifetime.filter(|lifetime| !lifetime.is_zero());
    let expiry = now.zip(lifetime).and_then(|(now, lifetime)| now.checked_add(lifetime));
    expiry.and_then(date::wire).ok_or_else(|| {
        let problem = match now {
            Some(_) => {
                "is missing: the list does not show the lifetime of the old application token"
            }
            None => "is missing: it cannot be computed, because this machine's clock is not set",
        };
        Error::invalid_input("expiry_date", problem)
    })
}

/// Returns a description without the marker of a rotation, or the default if nothing is left.
pub(super) fn label(description: &str) -> &str {
    match rotation_marker::off(description) {
        "" => NO_DESCRIPTION,
        text => text,
    }
}

pub(super) fn no_id() -> Error {
    let problem = "is missing: the auth token does not contain the id of this client's application \
                   token, so pass it";
    Error::invalid_input("id", problem)
}
