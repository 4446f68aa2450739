//! The application tokens of the workspace: create, list, update, revoke.

use std::collections::HashSet;

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::api::application_token::{
    ApplicationToken, ApplicationTokenStatus, ApplicationTokenUpdate, CreatedApplicationToken,
    NewApplicationToken,
};
use crate::api::bodies::{self, APPLICATION_TOKEN, CreateApplicationToken, UpdateApplicationToken};
use crate::api::listing;
use crate::api::validate;
use crate::calls::audit::{self, AuditOptions, AuditedToken};
use crate::calls::retry::Caller;
use crate::http::{Answer, Call, MAYBE_DONE};
use crate::sys::wait::Deadline;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// The application tokens of the workspace that the client is signed in to. Made by
/// [`Client::application_tokens`](crate::Client::application_tokens).
#[derive(Debug, Clone, Copy)]
pub struct ApplicationTokens<'a> {
    pub(crate) caller: &'a Caller,
}

impl<'a> ApplicationTokens<'a> {
    pub(crate) fn new(caller: &'a Caller) -> Self {
        ApplicationTokens { caller }
    }

    /// Creates an application token. Its value is in what is returned and nowhere else.
    ///
    /// If the response contains no id, it is looked for in the list, which is read before and after.
    /// If another one like it was created at the same moment, the new value is tried, since its auth
    /// token hints at the id. Where doubt is left, or a call fails, the value is returned without an
    /// id.
    ///
    /// # Errors
    ///
    /// `InvalidInput` before anything was sent; `Validation`, `Forbidden` and the like as the
    /// server answers. After `Network`, `Timeout` or `Server` a token may have been created whose
    /// value nobody knows: it is in the list, and should be revoked.
    pub fn create(&self, new: &NewApplicationToken) -> Result<CreatedApplicationToken> {
        if let Some(text) = &new.description {
            validate::description(text)?;
        }
        if let Some(text) = &new.ip {
            validate::ip(text)?;
        }
        let now = self.caller.clock.wall();
        let body = bodies::body(&CreateApplicationToken {
            description: new.description.as_deref(),
            expiry_date: new
                .expiry_date
                .as_ref()
                .map(|d| validate::expiry_date(d, now))
                .transpose()?,
            ip: new.ip.as_deref(),
        })?;
        let deadline = self.caller.deadline();
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
        body: bodies::Body,
        deadline: Deadline,
    ) -> Result<CreatedApplicationToken> {
        const CREATE: &str = "create an application token";
        let answer = self.caller.send(
            &Call {
                action: CREATE,
                method: Method::POST,
                path: APPLICATION_TOKEN,
                query: &[],
                headers: &HeaderMap::new(),
                body: Some(body),
                secrets: &[],
            },
            deadline,
        )?;
        let (value, id) =
            bodies::created(CREATE, &answer.body).map_err(|e| e.with_advice(MAYBE_DONE))?;
        Ok(CreatedApplicationToken { value, id })
    }

    /// All application tokens of the workspace, expired and revoked ones too. A row without an id is
    /// passed over, since no call can name it; what else a row lacks is `None`.
    ///
    /// # Errors
    ///
    /// As for any call; `Protocol` if the response is not a list, or all pages of it together are
    /// longer than 64 MiB.
    pub fn list(&self) -> Result<Vec<ApplicationToken>> {
        self.list_until(self.caller.deadline())
    }

    /// Changes the description of the application token `id`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where nothing would change; `NotFound` where there is no such token.
    pub fn update(&self, id: u64, update: &ApplicationTokenUpdate) -> Result<()> {
        let Some(description) = &update.description else {
            return Err(Error::invalid_input(
                "description",
                "is missing: there is nothing to update",
            ));
        };
        validate::description(description)?;
        self.patch(id, &UpdateApplicationToken::description(description))
    }

    /// Revokes the application token `id` for good. Auth tokens that were obtained with it stay
    /// valid until they expire. Revoking a revoked one is no error.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such token.
    pub fn revoke(&self, id: u64) -> Result<()> {
        self.patch(id, &UpdateApplicationToken::revoke())
    }

    /// Revokes what was just created and nobody wants any more. Without an id it stays: a guess could
    /// hit one that works.
    #[doc(hidden)] // For the other faces of this library.
    pub fn discard(&self, created: &CreatedApplicationToken) {
        if let Some(id) = created.id() {
            // Where that fails, the token is in the list, as its creator knows from its description.
            let _ = self.revoke(id);
        }
    }

    /// The row of the application token that this client signs in with: its description, when it
    /// expires. `None` where the auth token does not tell which it is, as with user credentials.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub fn own(&self) -> Result<Option<ApplicationToken>> {
        let rows = self.list()?;
        let own = self.own_id()?;
        Ok(rows.into_iter().find(|row| Some(row.id()) == own))
    }

    /// All application tokens, each with what there is to say against it. Nothing is changed.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub fn audit(&self, options: &AuditOptions) -> Result<Vec<AuditedToken>> {
        let rows = self.list()?;
        let own = self.own_id()?;
        let now = self.caller.clock.wall();
        Ok(rows.into_iter().map(|row| audit::judge(row, own, now, options)).collect())
    }

    /// The id that the auth token hints at; a row of that id confirms it.
    fn own_id(&self) -> Result<Option<u64>> {
        let auth_token = self.caller.session.authenticate(|| self.caller.deadline())?;
        Ok(auth_token.claims().application_token_id)
    }

    fn patch(&self, id: u64, body: &UpdateApplicationToken<'_>) -> Result<()> {
        change(id, body, |call| self.caller.send(call, self.caller.deadline()))
    }

    fn list_until(&self, deadline: Deadline) -> Result<Vec<ApplicationToken>> {
        listing::read(|call| self.caller.send(call, deadline))
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
                let auth_token = self.caller.exchange(value, FIND, deadline)?;
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
    send: impl FnOnce(&Call<'_>) -> Result<Answer>,
) -> Result<()> {
    send(&Call {
        action: &format!("{} the application token {id}", body.verb()),
        method: Method::PATCH,
        path: &format!("{APPLICATION_TOKEN}/{id}"),
        query: &[],
        headers: &HeaderMap::new(),
        body: Some(bodies::body(body)?),
        secrets: &[],
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
