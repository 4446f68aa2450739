//! Finds out which application token a value is, for example one that was found in public code.

use std::time::Duration;

use crate::api::application_token::ApplicationTokenStatus;
use crate::api::validate;
use crate::calls::application_tokens::TokenCalls;
use crate::calls::audit::{AuditOptions, AuditedToken};
use crate::types::claims::Claims;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// To follow "cannot" in a message.
const IDENTIFY: &str = "identify the application token";

impl TokenCalls<'_> {
    /// Returns the row of the application token with this value. Its own claims prove nothing, since
    /// anyone can write them: emnify confirms the id when it exchanges the value.
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
        let claimed = find(claims.application_token_id);
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
        let confirmed = auth_token.claims().application_token_id;
        find(confirmed.or(claims.application_token_id)).ok_or_else(|| {
            let message =
                format!("cannot {IDENTIFY}: emnify accepts it, but the list does not contain it");
            let error = Error::new(ErrorKind::NotFound, message);
            match auth_token.organisation_id() {
                Some(id) => error.with_advice(&format!("it belongs to the workspace {id}")),
                None => error,
            }
        })
    }
}

fn is_revoked(row: &AuditedToken) -> bool {
    row.token.status() == Some(ApplicationTokenStatus::Revoked)
}
