//! Calls that create, list, update and revoke application tokens.

use std::collections::HashSet;

use reqwest::Method;

use crate::api::application_token::{
    self, ApplicationToken, ApplicationTokenStatus, ApplicationTokenUpdate,
    CreatedApplicationToken, LIST, NewApplicationToken,
};
use crate::api::bodies::{self, APPLICATION_TOKEN, CreateApplicationToken, UpdateApplicationToken};
use crate::api::json;
use crate::api::validate;
use crate::calls::audit::{self, AuditOptions, AuditedToken};
use crate::calls::retry::Transport;
use crate::http::{Call, MAYBE_DONE, Response};
use crate::sys::wait::Deadline;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// The calls that are about application tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenCalls<'a> {
    transport: &'a Transport,
}

impl<'a> TokenCalls<'a> {
    pub(crate) fn new(transport: &'a Transport) -> Self {
        TokenCalls { transport }
    }

    /// Creates an application token, and finds its id where the response has none.
    pub(crate) fn create(&self, new: &NewApplicationToken) -> Result<CreatedApplicationToken> {
        if let Some(text) = &new.description {
            validate::description(text)?;
        }
        if let Some(text) = &new.ip {
            validate::ip(text)?;
        }
        let now = self.transport.clock.wall();
        let body = json::body(&CreateApplicationToken {
            description: new.description.as_deref(),
            expiry_date: new
                .expiry_date
                .as_ref()
                .map(|d| validate::expiry_date(d, now))
                .transpose()?,
            ip: new.ip.as_deref(),
        })?;
        let deadline = self.transport.deadline();
        let before = self.list_until(deadline).ok();
        let mut created = self.issue(body, deadline)?;
        // From here on nothing may fail: the value exists only here.
        if let (None, Some(before)) = (created.id, before) {
            created.id = self.find(new, &created.value, &before, deadline).ok().flatten();
        }
        Ok(created)
    }

    /// Makes the call that creates one.
    pub(crate) fn issue(
        &self,
        body: json::Body,
        deadline: Deadline,
    ) -> Result<CreatedApplicationToken> {
        const CREATE: &str = "create an application token";
        let response = self.transport.send(
            &Call { body: Some(body), ..Call::new(CREATE, Method::POST, APPLICATION_TOKEN) },
            deadline,
        )?;
        let (value, id) =
            bodies::created(CREATE, &response.body).map_err(|e| e.with_advice(MAYBE_DONE))?;
        Ok(CreatedApplicationToken { value, id })
    }

    /// Returns all application tokens of the workspace.
    pub(crate) fn list(&self) -> Result<Vec<ApplicationToken>> {
        self.list_until(self.transport.deadline())
    }

    /// Changes the description of the application token `id`.
    pub(crate) fn update(&self, id: u64, update: &ApplicationTokenUpdate) -> Result<()> {
        let Some(description) = &update.description else {
            return Err(Error::invalid_input(
                "description",
                "is missing: there is nothing to update",
            ));
        };
        validate::description(description)?;
        self.patch(id, &UpdateApplicationToken::description(description))
    }

    /// Revokes the application token `id`.
    pub(crate) fn revoke(&self, id: u64) -> Result<()> {
        self.patch(id, &UpdateApplicationToken::revoke())
    }

    /// Returns the row of the application token that the session signs in with.
    pub(crate) fn own(&self) -> Result<Option<ApplicationToken>> {
        let rows = self.list()?;
        let own = self.own_id()?;
        Ok(rows.into_iter().find(|row| Some(row.id()) == own))
    }

    /// Returns all application tokens, each with its findings.
    pub(crate) fn audit(&self, options: &AuditOptions) -> Result<Vec<AuditedToken>> {
        let rows = self.list()?;
        let own = self.own_id()?;
        let now = self.transport.clock.wall();
        Ok(rows.into_iter().map(|row| audit::judge(row, own, now, options)).collect())
    }

    /// The id that the auth token hints at; a row of that id confirms it.
    fn own_id(&self) -> Result<Option<u64>> {
        let auth_token = self.transport.session.authenticate(|| self.transport.deadline())?;
        Ok(auth_token.claims().application_token_id)
    }

    fn patch(&self, id: u64, body: &UpdateApplicationToken<'_>) -> Result<()> {
        change(id, body, |call| self.transport.send(call, self.transport.deadline()))
    }

    fn list_until(&self, deadline: Deadline) -> Result<Vec<ApplicationToken>> {
        application_token::list(|query| {
            let call = Call { query, ..Call::new(LIST, Method::GET, APPLICATION_TOKEN) };
            Ok(self.transport.send(&call, deadline)?.into_page())
        })
    }

    /// The id of the token that was just created, if exactly one row can be it.
    fn find(
        &self,
        new: &NewApplicationToken,
        value: &Secret,
        before: &[ApplicationToken],
        deadline: Deadline,
    ) -> Result<Option<u64>> {
        const FIND: &str = "find the id of the new application token";
        let rows = self.list_until(deadline)?;
        match candidates(before, &rows, new).as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(*only)),
            // A token for other addresses would be refused here, and refusals lock accounts.
            _ if new.ip.is_some() => Ok(None),
            several => {
                let auth_token = self.transport.exchange(value, FIND, deadline)?;
                let hint = auth_token.claims().application_token_id;
                Ok(hint.filter(|id| several.contains(id)))
            }
        }
    }
}

/// Makes the call that changes the application token `id`, by `send`.
pub(crate) fn change(
    id: u64,
    body: &UpdateApplicationToken<'_>,
    send: impl FnOnce(&Call<'_>) -> Result<Response>,
) -> Result<()> {
    send(&Call {
        body: Some(json::body(body)?),
        ..Call::new(
            &format!("{} the application token {id}", body.verb()),
            Method::PATCH,
            &format!("{APPLICATION_TOKEN}/{id}"),
        )
    })?;
    Ok(())
}

/// The ids of the rows that were not there before and have what was asked for.
fn candidates(
    before: &[ApplicationToken],
    after: &[ApplicationToken],
    new: &NewApplicationToken,
) -> Vec<u64> {
    let known: HashSet<u64> = before.iter().map(ApplicationToken::id).collect();
    let fits = |row: &&ApplicationToken| {
        !known.contains(&row.id())
            && row.status() != Some(ApplicationTokenStatus::Revoked)
            && row.description().unwrap_or("") == new.description.as_deref().unwrap_or("")
            && row.ip().is_some() == new.ip.is_some()
    };
    after.iter().filter(fits).map(ApplicationToken::id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> ApplicationToken {
        ApplicationToken::read(json).unwrap()
    }

    #[test]
    fn a_row_needs_nothing_but_its_id() {
        let bare = row(r#"{"id":7}"#);
        assert_eq!((bare.id(), bare.status(), bare.expires_at()), (7, None, None));
        let nulls = row(
            r#"{"id":7,"description":null,"created":null,"status":null,"expiry_date":null,"ip":null,"creator":null}"#,
        );
        assert_eq!(bare, nulls);
    }

    #[test]
    fn what_was_there_before_or_is_unlike_is_not_taken_for_the_new_one() {
        let before = [row(r#"{"id":1,"description":"a"}"#)];
        let after = [
            row(r#"{"id":1,"description":"a"}"#),
            row(r#"{"id":2,"description":"a","status":{"id":0}}"#),
            row(r#"{"id":3,"description":"b","status":{"id":0}}"#),
            row(r#"{"id":4,"description":"b","status":{"id":1}}"#),
            row(r#"{"id":5,"description":"c","ip":"192.0.2.7"}"#),
            row(r#"{"id":6,"description":"d","expiry_date":"2027-01-01"}"#),
        ];
        let find = |description: &str| {
            candidates(&before, &after, &NewApplicationToken::new().description(description))
        };
        assert_eq!(find("a"), [2]);
        assert_eq!(find("b"), [3]);
        assert!(find("c").is_empty());
        assert_eq!(find("d"), [6]);
    }
}
