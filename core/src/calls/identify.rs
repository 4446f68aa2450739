//! Finds out which application token a value is, for example one that was found in public code.

use std::time::{Duration, UNIX_EPOCH};

use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::validate;
use crate::calls::application_tokens::TokenCalls;
use crate::calls::audit::{AuditOptions, AuditedToken};
use crate::types::claims::Claims;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// To follow "cannot" in a message.
const IDENTIFY: &str = "identify the application token";

/// The time by which emnify's clocks may differ, and that creating an application token may take,
/// in seconds.
const SLACK: u64 = 60;

impl TokenCalls<'_> {
    /// Returns the row of the application token with this value. Its own claims prove nothing, since
    /// anyone can write them. emnify names an id when it exchanges the value, but that this is
    /// the id of a row is not documented: it is believed only if this client's own id is one, too.
    pub(crate) fn identify(&self, value: &Secret) -> Result<AuditedToken> {
        const NAME: &str = "value";
        validate::application_token(NAME, value)?;
        let claims = Claims::read(value.reveal());
        if claims.is_auth_token {
            let problem = "is an auth token, which cannot be revoked and expires by itself";
            return Err(Error::invalid_input(NAME, problem));
        }
        let rows = self.audit(&AuditOptions::new().refused_within(Duration::ZERO))?;
        let find = |id: Option<u64>| rows.iter().find(|row| Some(row.token.id()) == id).cloned();
        let own = self.own_auth_token(&self.transport.wait())?;
        let is_elsewhere = |workspace: Option<u64>| {
            own.organisation_id().zip(workspace).is_some_and(|(own, other)| own != other)
        };
        let claimed =
            find(claims.application_token_id).filter(|_| !is_elsewhere(claims.organisation_id));
        if let Some(revoked) = claimed.as_ref().filter(|row| is_revoked(row)) {
            // emnify would refuse it, and there is nothing left to do.
            return Ok(revoked.clone());
        }
        let auth_token =
            self.transport.exchange(value, IDENTIFY, &self.transport.wait()).map_err(|error| {
                match claimed.filter(|_| error.kind() == ErrorKind::Rejected) {
                    Some(row) => error.with_advice(&format!(
                        "it names itself application token {}; if that is right, revoke it by \
                         this id",
                        row.token.id()
                    )),
                    None => error,
                }
            })?;
        if let Some(id) = auth_token.organisation_id().filter(|id| is_elsewhere(Some(*id))) {
            let message = format!("cannot {IDENTIFY}: it belongs to the workspace {id}");
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let hinted = find(auth_token.claims().application_token_id);
        let issued_at = claims.issued_at.or(auth_token.claims().issued_at);
        let is_claimed = |id| claims.application_token_id.is_none_or(|claimed| claimed == id);
        let found = hinted
            .filter(|row| is_claimed(row.token.id()) && may_be(&row.token, issued_at))
            .filter(|row| {
                let own = own.claims();
                match own.application_token_id {
                    Some(id) => find(Some(id)).is_some_and(|row| may_be(&row.token, own.issued_at)),
                    // A user has no such id. Then the time of the creation confirms the row.
                    None => created(&row.token)
                        .zip(claims.issued_at)
                        .is_some_and(|(created, issued)| created.abs_diff(issued) <= SLACK),
                }
            });
        found.ok_or_else(|| {
            let message = format!(
                "cannot {IDENTIFY}: emnify accepts it, but does not tell its id; look for it in \
                 the list of application tokens, and revoke it by its id"
            );
            Error::new(ErrorKind::NotFound, message)
        })
    }
}

fn is_revoked(row: &AuditedToken) -> bool {
    row.token.status() == Some(ApplicationTokenStatus::Revoked)
}

/// Whether a token that works and was issued, or exchanged, at that time can be this row.
fn may_be(row: &ApplicationToken, issued_at: Option<u64>) -> bool {
    let times = created(row).zip(issued_at);
    row.status() != Some(ApplicationTokenStatus::Revoked)
        && times.is_none_or(|(created, issued)| created <= issued.saturating_add(SLACK))
}

/// Returns when the token was created, in seconds of Unix time.
fn created(row: &ApplicationToken) -> Option<u64> {
    Some(row.created_at()?.duration_since(UNIX_EPOCH).ok()?.as_secs())
}
